"""Arrays of every type, size and shape on a GPU, with every option of the verbs."""

import numpy as np
import pytest

import boxloss as bl
from bounds import in_dtype
from boxloss.libraries.arrays import kind_of
from boxloss.verbs import select
from cases import BY_NAME
from errors import check_error
from generators import boxes, mixed

IMAGE = (5.0, 8.0)
FORMATS = ("xyxy", "xywh", "cxcywh", "yxyx", "rel_xyxy", "rel_xywh", "rel_cxcywh", "rel_yxyx")
PAIRS_OF_FORMATS = [(name, name) for name in FORMATS] + [("cxcywh", "xyxy"), ("rel_cxcywh", "yxyx")]
DETR = BY_NAME["detr"].loss
some_losses = pytest.mark.parametrize("loss", [bl.l1, bl.ciou, DETR], ids=["l1", "ciou", "detr"])
both_floats = pytest.mark.parametrize("precision", ["float32", "float64"])


def check_pair(library, loss, given, exact, precision, **options):
    """Values and both gradients of arrays of the library, against those of NumPy arrays of the same numbers."""
    value, grads = loss.value_and_grad(*given, wrt="both", engine=library.engine, **options)
    expected, expected_grads = loss.value_and_grad(*exact, wrt="both", engine="array", **options)
    library.check_value(value, expected, precision)
    for grad, d in zip(grads, expected_grads, strict=True):
        library.check_gradient(grad, d, precision)


# --- Types ------------------------------------------------------------------------------------------------------------


def check_narrow(library, loss, narrow, rng):
    """Computed in float32 and returned so; the gradient comes back in the type of the boxes."""
    given = [library.asarray(side.astype("float32"), narrow) for side in mixed(rng, 300)]
    exact = [library.to_numpy(side).astype("float64") for side in given]
    value, grads = loss.value_and_grad(*given, wrt="both", engine=library.engine)
    expected, expected_grads = loss.value_and_grad(*exact, wrt="both", engine="array")
    library.check_value(value, expected, "float32")
    for grad, d in zip(grads, expected_grads, strict=True):
        library.check_gradient(grad, d, narrow)
    library.check_value(loss.pairwise(*given, engine=library.engine), loss.pairwise(*exact, engine="array"), "float32")


@some_losses
def test_float16(loss, library, rng):
    check_narrow(library, loss, "float16", rng)


@some_losses
def test_bfloat16(loss, torch_library, rng):
    check_narrow(torch_library, loss, "bfloat16", rng)


@pytest.mark.parametrize("integer", ["int16", "int32", "int64", "uint8"])
def test_integers(integer, library):
    """They become the library's default float type, or the float type of the other array."""
    pred, target = np.asarray([[0, 0, 2, 2], [0, 0, 70, 70]]), np.asarray([[1, 1, 3, 3], [0, 0, 35, 70]])
    given = library.asarray(pred, integer), library.asarray(target, integer)
    check_pair(library, bl.giou, given, (pred, target), library.default_float)
    given = library.asarray(pred, "float32"), library.asarray(target, integer)
    library.check_value(bl.giou(*given, engine=library.engine), bl.giou(pred, target, engine="array"), "float32")


# --- Options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("formats", PAIRS_OF_FORMATS, ids="-".join)
def test_formats(formats, library, rng):
    pred, target = (np.abs(side) for side in mixed(rng, 100))
    relative = any(name.startswith("rel_") for name in formats)
    options = {"format": formats, "image_size": IMAGE if relative else None}
    given = library.asarray(pred), library.asarray(target)
    check_pair(library, bl.l1, given, (pred, target), "float64", **options)
    expected = bl.l1.pairwise(pred, target, engine="array", **options)
    library.check_value(bl.l1.pairwise(*given, engine=library.engine, **options), expected, "float64")


@pytest.mark.parametrize("formats", [*PAIRS_OF_FORMATS, ("rel_cxcywh", "xywh")], ids="-".join)
def test_formats_of_an_overlap_loss(formats, library, rng):
    pred, target = (np.abs(side) for side in mixed(rng, 100))
    relative = any(name.startswith("rel_") for name in formats)
    options = {"format": formats, "image_size": IMAGE if relative else None}
    given = library.asarray(pred), library.asarray(target)
    check_pair(library, bl.ciou, given, (pred, target), "float64", **options)
    expected = bl.ciou.pairwise(pred, target, engine="array", **options)
    library.check_value(bl.ciou.pairwise(*given, engine=library.engine, **options), expected, "float64")


@pytest.mark.parametrize("shape", [None, (), (1,), (333,)])
@pytest.mark.parametrize(
    ("reduction", "avg_factor"), [("none", None), ("sum", None), ("mean", None), ("mean", 3.5), ("mean", 0)]
)
@both_floats
def test_weights_and_reductions(precision, reduction, avg_factor, shape, library, rng):
    given, exact = in_dtype(mixed(rng, 333), precision)
    given = [library.asarray(side) for side in given]
    options = {"reduction": reduction, "avg_factor": avg_factor}
    weight = None if shape is None else rng.uniform(0.1, 2.0, shape).astype(precision)
    of_library = None if shape is None else library.asarray(weight)
    value, grad = bl.l2.value_and_grad(*given, weight=of_library, engine=library.engine, **options)
    expected, d = bl.l2.value_and_grad(
        *exact, weight=None if shape is None else weight.astype("float64"), engine="array", **options
    )
    library.check_value(value, expected, precision)
    library.check_gradient(grad, d, precision)
    library.check_value(bl.l2(*given, weight=of_library, engine=library.engine, **options), expected, precision)


@pytest.mark.parametrize("weight", [0.25, 3])
def test_weight_that_is_a_number(weight, library, rng):
    exact = mixed(rng, 50)
    given = [library.asarray(side) for side in exact]
    check_pair(library, bl.l2, given, exact, "float64", weight=weight)


@pytest.mark.parametrize("wrt", ["pred", "target"])
def test_one_gradient_with_a_weight(wrt, library, rng):
    exact = mixed(rng, 50)
    value, grad = bl.ciou.value_and_grad(*map(library.asarray, exact), wrt=wrt, weight=2.0, engine=library.engine)
    expected, d = bl.ciou.value_and_grad(*exact, wrt=wrt, weight=2.0, engine="array")
    library.check_value(value, expected, "float64")
    library.check_gradient(grad, d, "float64")


def test_boolean_weight(library, rng):
    exact, mask = mixed(rng, 50), rng.random(50) < 0.5
    value = bl.l2(*map(library.asarray, (*exact,)), weight=library.asarray(mask), engine=library.engine)
    library.check_value(value, bl.l2(*exact, weight=mask, engine="array"), "float64")


def test_eps(library, rng):
    exact = mixed(rng, 50)
    check_pair(library, bl.ciou, [library.asarray(side) for side in exact], exact, "float64", eps=1e-3)


# --- Sizes and shapes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 31, 32, 33, 127, 128, 129, 255, 256, 257, 1023, 1025, 1_000_001])
@both_floats
@some_losses
def test_sizes(loss, precision, n, library, rng):
    given, exact = in_dtype([np.resize(side, (n, 4)) for side in mixed(rng, 1009)], precision)
    check_pair(library, loss, [library.asarray(side) for side in given], exact, precision)


@pytest.mark.parametrize("rows", [0, 1, 31, 33, 65, 257])
@pytest.mark.parametrize("columns", [0, 1, 31, 33, 127, 129, 257, 1025])
@both_floats
@pytest.mark.parametrize("loss", [bl.l1, bl.ciou], ids=["l1", "ciou"])
def test_pairwise_sizes(loss, precision, columns, rows, library, rng):
    given, exact = in_dtype((boxes(rng, rows), boxes(rng, columns)), precision)
    matrix = loss.pairwise(*map(library.asarray, given), engine=library.engine)
    library.check_value(matrix, loss.pairwise(*exact, engine="array"), precision)


@pytest.mark.parametrize(("rows", "columns"), [(70_001, 3), (3, 70_001), (4_300_000, 1), (1, 4_300_000)])
def test_long_matrices(rows, columns, library, rng):
    """The second and third axis of a grid of blocks end at 65,535."""
    pred, target = (np.resize(boxes(rng, 1009), (n, 4)) for n in (rows, columns))
    matrix = bl.l1.pairwise(library.asarray(pred), library.asarray(target), engine=library.engine)
    library.check_value(matrix, bl.l1.pairwise(pred, target, engine="numba"), "float64")


@pytest.mark.parametrize(
    ("pred_shape", "target_shape"),
    [
        ((5, 1), (7,)),
        ((), (7,)),
        ((7,), ()),
        ((), ()),
        ((2, 1, 3), (4, 1)),
        ((0,), (1,)),
        ((1,), (0,)),
        ((3, 1), (1, 0)),
    ],
)
@both_floats
def test_broadcasting(precision, pred_shape, target_shape, library, rng):
    pairs = [boxes(rng, 24)[: int(np.prod(s))].reshape(*s, 4) for s in (pred_shape, target_shape)]
    given, exact = in_dtype(pairs, precision)
    check_pair(library, bl.ciou, [library.asarray(side) for side in given], exact, precision)


@pytest.mark.parametrize(
    ("pred_shape", "target_shape"),
    [
        ((3, 1, 5), (2, 7)),
        ((2, 5), (7,)),
        ((5,), (3, 7)),
        ((1, 5), (3, 7)),
        ((70_001, 2), (70_001, 3)),
        ((0, 5), (7,)),
        ((0,), (7,)),
        ((5,), (0,)),
        ((2, 0), (0,)),
    ],
)
@pytest.mark.parametrize("loss", [bl.l1, bl.ciou], ids=["l1", "ciou"])
def test_pairwise_batches(loss, pred_shape, target_shape, library, rng):
    pred, target = (boxes(rng, int(np.prod(s))).reshape(*s, 4) for s in (pred_shape, target_shape))
    matrix = loss.pairwise(library.asarray(pred), library.asarray(target), engine=library.engine)
    library.check_value(matrix, loss(pred[..., :, None, :], target[..., None, :, :], engine="array"), "float64")


# --- Which engine -----------------------------------------------------------------------------------------------------


@pytest.mark.device
def test_auto_takes_the_cuda_engine(library, rng, monkeypatch):
    run = select._run

    def refuse(verb, name):
        assert name != "array", "the array engine was taken"
        return run(verb, name)

    monkeypatch.setattr(select, "_run", refuse)
    exact = mixed(rng, 50)
    given = [library.asarray(side) for side in exact]
    library.check_equal(bl.giou(*given), bl.giou(*given, engine="cuda"))
    library.check_equal(bl.giou.pairwise(*given), bl.giou.pairwise(*given, engine="cuda"))


@pytest.mark.device
def test_cuda_engine_refuses_arrays_of_the_host(rng):
    pred, target = mixed(rng, 5)
    with pytest.raises((TypeError, ValueError), match="engine='cuda'"):
        bl.giou(pred, target, engine="cuda")


@pytest.mark.device
def test_compiled_cpu_engine_refuses_arrays_of_a_gpu(library, rng):
    given = [library.asarray(side) for side in mixed(rng, 5)]
    text = f"engine='numba' takes NumPy arrays and torch tensors on the CPU; got {kind_of(given[0])}"
    check_error(lambda: bl.giou(*given, engine="numba"), ValueError, text)


@pytest.mark.device
def test_tensors_of_two_places_are_refused(torch):
    here, there = torch.zeros((3, 4)), torch.zeros((3, 4), device="cuda")
    text = "pred and target must be on one device; got pred on cpu and target on cuda:0"
    check_error(lambda: bl.giou(here, there), ValueError, text)


@pytest.mark.device
def test_array_engine_gives_the_same(library, rng):
    given = [library.asarray(side) for side in mixed(rng, 50)]
    expected, grad = bl.ciou.value_and_grad(*given, engine="array")
    value, d = bl.ciou.value_and_grad(*given, engine="cuda")
    library.check_value(value, library.to_numpy(expected), "float64")
    library.check_gradient(d, library.to_numpy(grad), "float64")
