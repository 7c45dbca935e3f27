"""Every engine against the array engine in float64: values, gradients, matrices; sizes, shapes, memory layouts."""

import tracemalloc

import numpy as np
import pytest

import boxloss as bl
from alone import alone
from bounds import check_gradients, check_values, in_dtype
from boxloss.engines import threads
from boxloss.verbs.elementwise import numba as elementwise
from boxloss.verbs.pairwise import numba as pairwise
from cases import BY_NAME, CASES
from generators import KINKS, boxes, mixed

# Every loss is compiled in float64 and, with its default parameters, in float32: each kernel takes about a second.
DEFAULTS = [case for case in CASES if case.loss in map(bl.get, bl.losses()) or case.name in ("iou_score", "detr")]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
every_default = pytest.mark.parametrize("case", DEFAULTS, ids=lambda case: case.name)
every_engine = pytest.mark.parametrize("engine", ["array", "numba"])
some_losses = pytest.mark.parametrize("loss", [bl.l1, bl.giou], ids=lambda loss: type(loss).__name__)


def check_elementwise(loss, pairs, engine, dtype, floor=0.0):
    given, exact = in_dtype(pairs, dtype)
    value, grads = loss.value_and_grad(*exact, wrt="both", engine="array")
    found, found_grads = loss.value_and_grad(*given, wrt="both", engine=engine)
    check_values(found, value, dtype)
    for grad, expected in zip(found_grads, grads, strict=True):
        check_gradients(grad, expected, dtype, floor)


# --- Every row --------------------------------------------------------------------------------------------------------


@every_case
def test_compiled_elementwise(case, rng):
    check_elementwise(case.loss, mixed(rng, 500), "numba", "float64", case.gradient_floor)


@every_engine
@every_default
def test_float32_elementwise(case, engine, rng):
    check_elementwise(case.loss, mixed(rng, 500), engine, "float32", case.gradient_floor)


@pytest.mark.parametrize("kind", KINKS)
@every_case
def test_compiled_elementwise_at_kinks(case, kind, rng):
    check_elementwise(case.loss, KINKS[kind](rng, 60), "numba", "float64", case.gradient_floor)


@every_engine
@pytest.mark.parametrize("kind", KINKS)
@every_default
def test_float32_elementwise_at_kinks(case, kind, engine, rng):
    """On a grid, so that a tie in float64 is one in float32."""
    check_elementwise(
        case.loss, [np.round(64 * side) / 64 for side in KINKS[kind](rng, 60)], engine, "float32", case.gradient_floor
    )


def check_pairwise(loss, engine, dtype, rng):
    given, (pred, target) = in_dtype((boxes(rng, 37), boxes(rng, 41)), dtype)
    expected = loss(pred[:, None], target, engine="array")
    check_values(loss.pairwise(*given, engine=engine), expected, dtype)


@every_case
def test_array_pairwise(case, rng):
    check_pairwise(case.loss, "array", "float64", rng)


@every_default
def test_compiled_pairwise(case, rng):
    """By kernels of sums; those of single losses are in the tests below."""
    check_pairwise(alone(case.loss, [case.loss for case in DEFAULTS]), "numba", "float64", rng)


@every_engine
@pytest.mark.parametrize("name", ["l1", "log_iou", "ciou"])
def test_float32_pairwise(name, engine, rng):
    check_pairwise(bl.get(name), engine, "float32", rng)


@every_engine
@pytest.mark.parametrize("name", ["l1", "giou"])
def test_each_verb_gives_the_same_value(name, engine, rng):
    """Whatever else a kernel computes beside it."""
    pred, target = mixed(rng, 50)
    loss = bl.get(name)
    value, (d_pred, d_target) = loss.value_and_grad(pred, target, wrt="both", engine=engine)
    np.testing.assert_allclose(loss(pred, target, engine=engine), value, rtol=1e-14, atol=1e-15)
    for wrt, grad in (("pred", d_pred), ("target", d_target)):
        again, same = loss.value_and_grad(pred, target, wrt=wrt, engine=engine)
        np.testing.assert_allclose(again, value, rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(same, grad, rtol=1e-13, atol=1e-14)


def test_auto_is_one_of_the_engines(rng):
    pred, target = mixed(rng, 50)
    np.testing.assert_allclose(bl.giou(pred, target), bl.giou(pred, target, engine="array"), rtol=1e-14)


@every_engine
@pytest.mark.parametrize("loss", [bl.l1, bl.iou_score], ids=["l1", "iou_score"])  # which ends with `where`
def test_a_single_pair_has_a_number_and_no_array(loss, engine):
    box = np.asarray([0.0, 0, 1, 1])
    assert type(loss(box, box + 1.0, engine=engine)) is np.float64
    value, grad = loss.value_and_grad(box, box, engine=engine)
    assert (type(value), grad.shape) == (np.float64, (4,))


# --- Sizes, shapes and threads ----------------------------------------------------------------------------------------


@every_engine
@pytest.mark.parametrize("n", [0, 1, 3, 31, 33])
@some_losses
def test_sizes(loss, n, engine, rng):
    check_elementwise(loss, mixed(rng, n), engine, "float64")


@pytest.fixture
def two_threads(monkeypatch):
    """Two threads, whatever machine this is."""
    monkeypatch.setattr(threads, "_num_threads", 2)
    monkeypatch.setattr(threads, "_pool", None)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_chunk_boundary(extra, rng):
    pred, target = mixed(rng, 1000)
    n = 2 * elementwise.CHUNK_OF_BOXES + extra
    tiled = [np.resize(side, (n, 4)) for side in (pred, target)]
    value, grads = bl.giou.value_and_grad(*tiled, wrt="both", engine="numba")
    expected, expected_grads = bl.giou.value_and_grad(pred, target, wrt="both", engine="array")
    check_values(value, np.resize(expected, n), "float64")
    for grad, d in zip(grads, expected_grads, strict=True):
        check_gradients(grad, np.resize(d, (n, 4)), "float64")


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_small_chunks_on_threads(chunk, monkeypatch, rng):
    monkeypatch.setattr(elementwise, "CHUNK_OF_BOXES", chunk)
    monkeypatch.setattr(pairwise, "CHUNK_OF_PAIRS", 3 * chunk)
    monkeypatch.setattr(pairwise, "BLOCK_OF_TARGETS", 16)
    pred, target = mixed(rng, 99)
    check_elementwise(bl.giou, (pred, target), "numba", "float64")
    pred = pred.reshape(3, 33, 4)
    expected = bl.giou(pred[:, :, None], target, engine="array")
    check_values(bl.giou.pairwise(pred, target, engine="numba"), expected, "float64")


@every_engine
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
@some_losses
def test_broadcasting(loss, pred_shape, target_shape, engine, rng):
    pred, target = (boxes(rng, 24)[: int(np.prod(s))].reshape(*s, 4) for s in (pred_shape, target_shape))
    shape = np.broadcast_shapes(pred_shape, target_shape)
    value, grads = loss.value_and_grad(pred, target, wrt="both", engine=engine)
    rows = [np.broadcast_to(side, (*shape, 4)).reshape(-1, 4).copy() for side in (pred, target)]
    expected, expected_grads = loss.value_and_grad(*rows, wrt="both", engine="array")
    check_values(value, expected.reshape(shape), "float64")
    check_values(loss(pred, target, engine=engine), expected.reshape(shape), "float64")
    for grad, d in zip(grads, expected_grads, strict=True):
        check_gradients(grad, d.reshape(*shape, 4), "float64")


# --- Pairwise ---------------------------------------------------------------------------------------------------------


@every_engine
@pytest.mark.parametrize(
    ("pred_shape", "target_shape"),
    [((3, 1, 5), (2, 7)), ((2, 5), (7,)), ((5,), (3, 7)), ((0, 5), (7,)), ((0,), (7,)), ((5,), (0,)), ((2, 0), (0,))],
)
@pytest.mark.parametrize("name", ["l1", "ciou"])
def test_pairwise_batches(name, pred_shape, target_shape, engine, rng):
    pred, target = (boxes(rng, int(np.prod(s))).reshape(*s, 4) for s in (pred_shape, target_shape))
    loss = BY_NAME[name].loss
    expected = loss(pred[..., :, None, :], target[..., None, :, :], engine="array")
    batch = np.broadcast_shapes(pred_shape[:-1], target_shape[:-1])
    assert expected.shape == (*batch, pred_shape[-1], target_shape[-1])
    check_values(loss.pairwise(pred, target, engine=engine), expected, "float64")


@pytest.mark.parametrize(
    "columns", [pairwise.BLOCK_OF_TARGETS - 1, pairwise.BLOCK_OF_TARGETS, 2 * pairwise.BLOCK_OF_TARGETS + 1]
)
def test_block_boundary(columns, rng):
    pred, target = boxes(rng, 3), boxes(rng, columns)
    expected = bl.ciou(pred[:, None], target, engine="array")
    check_values(bl.ciou.pairwise(pred, target, engine="numba"), expected, "float64")


@every_engine
def test_memory_beside_a_matrix(engine, rng):
    pred, target = boxes(rng, 1500), boxes(rng, 1500)
    bl.ciou.pairwise(pred[:2], target, engine=engine)
    tracemalloc.start()
    try:
        matrix = bl.ciou.pairwise(pred, target, engine=engine)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2.0 * matrix.nbytes


@every_engine
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_out_is_filled_and_returned(dtype, engine, rng):
    pred, target = boxes(rng, 5).astype(dtype), boxes(rng, 14).reshape(2, 7, 4).astype(dtype)
    guarded = np.full((4, 5, 7), np.nan, dtype)
    out = guarded[1:3]
    assert bl.l1.pairwise(pred, target, out=out, engine=engine) is out
    np.testing.assert_allclose(out, bl.l1.pairwise(pred, target, engine="array"), rtol=1e-6)
    assert np.isnan(guarded[[0, 3]]).all()


def test_a_subclass_of_arrays_that_keeps_two_axes(rng):
    """Kernels take flat arrays, and read beyond one that is not."""
    pred, target = mixed(rng, 6)
    out = np.zeros((6, 6)).view(np.matrix)
    expected = bl.giou.pairwise(pred, target)
    np.testing.assert_array_equal(bl.giou.pairwise(pred.view(np.matrix), target.view(np.matrix)), expected)
    np.testing.assert_array_equal(np.asarray(bl.giou.pairwise(pred, target, out=out)), expected)
