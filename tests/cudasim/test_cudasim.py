"""Every kernel of the CUDA engine against the array engine in float64: losses, verbs, sizes, formats and options.

In the simulator a block has 32 threads and a tile 8 rows and 32 columns, and the grid has at most two blocks along the
axis of pairs and one along those of rows and of batches: so every loop over the grid runs. Outputs are made of NaN.
"""

import numpy as np
import pytest

import boxloss as bl
from bounds import check_gradients, check_values, in_dtype
from boxloss.engines import cuda
from boxloss.formats import FORMATS
from cases import CASES
from errors import check_error
from generators import KINKS, boxes, mixed

SIZES = (0, 1, 31, 33, 2 * cuda.THREADS + 1)
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def check_elementwise(loss, pairs, dtype, **options):
    given, exact = in_dtype(pairs, dtype)
    value, grads = loss.value_and_grad(*exact, wrt="both", engine="array", **options)
    found, found_grads = loss.value_and_grad(*given, wrt="both", engine="cuda", **options)
    check_values(found, value, dtype)
    for grad, expected in zip(found_grads, grads, strict=True):
        check_gradients(grad, expected, dtype)


def check_pairwise(loss, pairs, dtype, **options):
    given, exact = in_dtype(pairs, dtype)
    expected = loss.pairwise(*exact, engine="array", **options)
    check_values(loss.pairwise(*given, engine="cuda", **options), expected, dtype)


# --- Every row --------------------------------------------------------------------------------------------------------


@every_dtype
@every_case
def test_elementwise(case, dtype, rng):
    check_elementwise(case.loss, mixed(rng, 33), dtype)


@pytest.mark.parametrize("kind", KINKS)
@every_case
def test_elementwise_at_kinks(case, kind, rng):
    check_elementwise(case.loss, KINKS[kind](rng, 20), "float64")


@every_dtype
@every_case
def test_pairwise(case, dtype, rng):
    check_pairwise(case.loss, (boxes(rng, 9), boxes(rng, cuda.TILE_COLUMNS + 1)), dtype)


@every_dtype
@pytest.mark.parametrize("loss", [bl.giou, bl.ciou, bl.eiou], ids=lambda loss: type(loss).__name__)
def test_pairwise_with_some_boxes_without_area(loss, dtype, rng):
    """A tile is computed without guards only if it has none of them."""
    pred, target = boxes(rng, 2 * cuda.TILE_ROWS + 1), boxes(rng, cuda.TILE_COLUMNS + 1)
    pred[3, 2:] = pred[3, :2]
    target[-1] = target[-1, [2, 3, 0, 1]]
    check_pairwise(loss, (pred, target), dtype)


@every_dtype
@every_case
def test_match_is_zero(case, dtype, rng):
    same = boxes(rng, 9).astype(dtype)
    same[0, 2] = same[0, 0]
    same[1] = same[1, 0]
    value, (d_pred, d_target) = case.loss.value_and_grad(same, same, wrt="both", engine="cuda")
    if case.has_minimum_zero:
        assert not value.any()
        assert not d_pred.any()
        assert not d_target.any()


# --- Sizes and shapes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("loss", [bl.l1, bl.ciou], ids=["l1", "ciou"])
def test_sizes(loss, n, rng):
    pairs = mixed(rng, n)
    check_elementwise(loss, pairs, "float32")
    check_values(loss(*pairs, engine="cuda"), loss(*pairs, engine="array"), "float64")


@pytest.mark.parametrize("columns", [0, 1, 31, 33])
@pytest.mark.parametrize("rows", [0, 1, 7, cuda.TILE_ROWS + 1])
def test_pairwise_sizes(rows, columns, rng):
    check_pairwise(bl.ciou, (boxes(rng, rows), boxes(rng, columns)), "float32")


@pytest.mark.parametrize(
    ("pred_shape", "target_shape"), [((5, 1), (7,)), ((), (7,)), ((), ()), ((2, 1, 3), (4, 1)), ((3, 1), (1, 0))]
)
def test_broadcasting(pred_shape, target_shape, rng):
    pairs = [boxes(rng, 24)[: int(np.prod(s))].reshape(*s, 4) for s in (pred_shape, target_shape)]
    check_elementwise(bl.giou, pairs, "float64")


@pytest.mark.parametrize(
    ("pred_shape", "target_shape"),
    [((3, 1, 5), (2, 7)), ((2, 5), (7,)), ((5,), (3, 7)), ((1, 5), (3, 7)), ((0, 5), (7,)), ((2, 0), (0,))],
)
@pytest.mark.parametrize("loss", [bl.l1, bl.ciou], ids=["l1", "ciou"])
def test_pairwise_batches(loss, pred_shape, target_shape, rng):
    pairs = [boxes(rng, int(np.prod(s))).reshape(*s, 4) for s in (pred_shape, target_shape)]
    check_pairwise(loss, pairs, "float64")


def test_strided_boxes(rng):
    pred, target = (np.asfortranarray(side)[::-1] for side in mixed(rng, 9))
    check_elementwise(bl.giou, (pred, target), "float64")
    check_pairwise(bl.giou, (pred, target), "float64")


# --- Options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_formats(name, rng):
    pairs = [bl.convert(side, "xyxy", name, image_size=(3.0, 5.0)) for side in mixed(rng, 9)]
    options = {"format": (name, name), "image_size": (3.0, 5.0)}
    check_elementwise(bl.giou, pairs, "float64", **options)
    check_pairwise(bl.ciou, pairs, "float64", **options)


def test_two_formats(rng):
    pred, target = mixed(rng, 9)
    pred = bl.convert(pred, "xyxy", "rel_cxcywh", image_size=(3.0, 5.0))
    options = {"format": ("rel_cxcywh", "yxyx"), "image_size": (3.0, 5.0)}
    pairs = pred, target[:, [1, 0, 3, 2]]
    check_elementwise(bl.giou, pairs, "float64", **options)
    check_pairwise(bl.ciou, pairs, "float64", **options)


@pytest.mark.parametrize("weight", [None, 0.25, "array"])
@pytest.mark.parametrize(
    ("reduction", "avg_factor"), [("none", None), ("sum", None), ("mean", None), ("mean", 3.5), ("mean", 0)]
)
def test_weight_and_reduction(reduction, avg_factor, weight, rng):
    pairs = mixed(rng, 9)
    weight = rng.uniform(0.1, 2.0, (9,)) if weight == "array" else weight
    check_elementwise(bl.l2, pairs, "float64", weight=weight, reduction=reduction, avg_factor=avg_factor)


@pytest.mark.parametrize("wrt", ["pred", "target"])
def test_gradient_with_respect_to_one_box(wrt, rng):
    pred, target = mixed(rng, 9)
    value, grad = bl.ciou.value_and_grad(pred, target, wrt=wrt, weight=2.0, engine="cuda")
    expected, d = bl.ciou.value_and_grad(pred, target, wrt=wrt, weight=2.0, engine="array")
    check_values(value, expected, "float64")
    check_gradients(grad, d, "float64")


def test_nan_and_infinity_stay_in_their_row(rng):
    pred, target = mixed(rng, 9)
    value, grad = bl.ciou.value_and_grad(pred, target, engine="cuda")
    pred[2, 1], target[5, 3] = np.nan, np.inf
    found, d = bl.ciou.value_and_grad(pred, target, engine="cuda")
    rest = np.delete(np.arange(9), [2, 5])
    assert np.isnan(found[2])
    np.testing.assert_array_equal(found[rest], value[rest])
    np.testing.assert_array_equal(d[rest], grad[rest])


@pytest.mark.parametrize(
    ("dtype", "of_value", "of_grad"), [("float16", "float32", "float16"), ("int64", *["float64"] * 2)]
)
def test_other_types(dtype, of_value, of_grad, rng):
    pred, target = (np.round(8 * side).astype(dtype) for side in mixed(rng, 9))
    value, grad = bl.l1.value_and_grad(pred, target, engine="cuda")
    expected, d = bl.l1.value_and_grad(pred, target, engine="array")
    assert (value.dtype, grad.dtype) == (of_value, of_grad)
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(grad, d)


# --- The caller's buffer ----------------------------------------------------------------------------------------------


def test_out_is_filled_and_returned_and_nothing_around_it(rng):
    pred, target = boxes(rng, 9), boxes(rng, 66).reshape(2, 33, 4)
    guarded = np.full((4, 9, 33), -1.0)
    out = guarded[1:3]
    assert bl.giou.pairwise(pred, target, out=out, engine="cuda") is out
    check_values(out, bl.giou.pairwise(pred, target, engine="array"), "float64")
    assert (guarded[[0, 3]] == -1.0).all()


def test_out_has_to_be_contiguous(rng):
    pairs = boxes(rng, 3), boxes(rng, 4)
    out = np.empty((4, 3)).T
    text = "out must be C-contiguous for engine='cuda'; got one that is not"
    check_error(lambda: bl.giou.pairwise(*pairs, out=out, engine="cuda"), ValueError, text)
