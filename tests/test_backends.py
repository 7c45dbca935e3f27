"""Each array library: results of its own kind, on its device, in the type of the input, and the numbers of NumPy."""

from contextlib import nullcontext

import numpy as np
import pytest

import boxloss as bl
from boxloss.verbs.pairwise import array
from cases import CASES
from errors import check_error
from generators import KINKS, boxes, mixed

TOLERANCE = {"float64": 1e-12, "float32": 2e-5, "float16": 2e-3, "bfloat16": 1.6e-2}
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
half_types = pytest.mark.parametrize("dtype", ["float16", "bfloat16"])


def moved(backend, arrays, dtype):
    """The arrays in the library and type, and the same numbers in NumPy's float64."""
    given = [backend.asarray(a, dtype) for a in arrays]
    return given, [backend.to_numpy(a).astype(np.float64) for a in given]


def tolerance(dtype):
    return {"dtype": dtype, "rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}


def compiled_in_float64(backend, dtype):
    """Of each loss JAX compiles one type; it runs the same operations in the other."""
    return nullcontext() if dtype == "float64" else backend.operation_by_operation()


@every_dtype
@every_case
def test_values_and_gradients(case, dtype, backend, rng):
    given, exact = moved(backend, mixed(rng, 12), dtype)
    expected, expected_grads = case.loss.value_and_grad(*exact, wrt="both", engine="array")
    with compiled_in_float64(backend, dtype):
        value, grads = case.loss.value_and_grad(*given, wrt="both", engine="array")
        results = value, case.loss(*given, engine="array")
    for result in results:
        backend.assert_like(result, expected, **tolerance(dtype))
    for grad, d in zip(grads, expected_grads, strict=True):
        backend.assert_like(grad, d, **tolerance(dtype))


@pytest.mark.parametrize("kind", KINKS)
@pytest.mark.parametrize("name", ["l1", "log_iou", "giou", "ciou", "eiou"])
def test_kinks(name, kind, backend, rng):
    """Losses that together hold every primitive."""
    given, exact = moved(backend, KINKS[kind](rng, 12), "float64")
    expected, expected_grads = bl.get(name).value_and_grad(*exact, wrt="both", engine="array")
    value, grads = bl.get(name).value_and_grad(*given, wrt="both", engine="array")
    for result, numbers in zip((value, *grads), (expected, *expected_grads), strict=True):
        backend.assert_like(result, numbers)


@every_dtype
@every_case
def test_pairwise(case, dtype, backend, rng):
    given, exact = moved(backend, (boxes(rng, 10).reshape(2, 5, 4), boxes(rng, 7)), dtype)
    expected = case.loss.pairwise(*exact, engine="array")
    assert expected.shape == (2, 5, 7)
    with compiled_in_float64(backend, dtype):
        matrix = case.loss.pairwise(*given, engine="array")
    backend.assert_like(matrix, expected, **tolerance(dtype))


@every_dtype
@pytest.mark.parametrize("name", ["l1", "ciou"])
def test_engine_that_auto_takes(name, dtype, backend, rng):
    given, exact = moved(backend, mixed(rng, 12), dtype)
    expected, expected_grads = bl.get(name).value_and_grad(*exact, wrt="both", engine="array")
    value, grads = bl.get(name).value_and_grad(*given, wrt="both")
    for result, numbers in zip((value, *grads), (expected, *expected_grads), strict=True):
        backend.assert_like(result, numbers, **tolerance(dtype))
    matrix = bl.get(name).pairwise(*exact, engine="array")
    backend.assert_like(bl.get(name).pairwise(*given), matrix, **tolerance(dtype))


@every_dtype
@pytest.mark.parametrize(("reduction", "avg_factor"), [("none", None), ("sum", None), ("mean", None), ("mean", 2.5)])
def test_weights_and_reductions(reduction, avg_factor, dtype, backend, rng):
    given, exact = moved(backend, (*mixed(rng, 6), rng.uniform(0.1, 2.0, 6)), dtype)
    options = {"reduction": reduction, "avg_factor": avg_factor, "engine": "array"}
    for weight, numbers in ((given[2], exact[2]), (0.5, 0.5)):
        expected, d_pred = bl.giou.value_and_grad(*exact[:2], weight=numbers, **options)
        value, grad = bl.giou.value_and_grad(*given[:2], weight=weight, **options)
        for result in (value, bl.giou(*given[:2], weight=weight, **options)):
            backend.assert_like(result, expected, **tolerance(dtype))
        backend.assert_like(grad, d_pred, **tolerance(dtype))


@every_dtype
def test_nothing(dtype, backend):
    empty = backend.asarray(np.empty((0, 4)), dtype)
    value, grad = bl.ciou.value_and_grad(empty, empty, engine="array")
    backend.assert_like(value, np.empty(0), dtype)
    backend.assert_like(grad, np.empty((0, 4)), dtype)
    backend.assert_like(bl.ciou(empty, empty, reduction="mean", engine="array"), 0.0, dtype)
    boxes = backend.asarray(np.ones((3, 4)), dtype)
    backend.assert_like(bl.ciou.pairwise(boxes, empty, engine="array"), np.empty((3, 0)), dtype)


def test_broadcasting(backend, rng):
    given, exact = moved(backend, (boxes(rng, 3).reshape(3, 1, 4), boxes(rng, 5)), "float64")
    expected, expected_grads = bl.diou.value_and_grad(*exact, wrt="both", engine="array")
    value, grads = bl.diou.value_and_grad(*given, wrt="both", engine="array")
    backend.assert_like(value, expected)
    for grad, d in zip(grads, expected_grads, strict=True):
        assert d.shape == (3, 5, 4)
        backend.assert_like(grad, d)


def test_format(backend, rng):
    given, exact = moved(backend, mixed(rng, 6), "float64")
    options = {"format": ("rel_cxcywh", "yxyx"), "image_size": (4.0, 7.0), "engine": "array"}
    expected, d_pred = bl.eiou.value_and_grad(*exact, **options)
    value, grad = bl.eiou.value_and_grad(*given, **options)
    backend.assert_like(value, expected)
    backend.assert_like(grad, d_pred)


@pytest.mark.parametrize("engine", ["array", "auto"])
@half_types
def test_half_precision(dtype, engine, backend, rng):
    """Computed in float32 and returned so; the gradient comes back in the type of the boxes."""
    given, exact = moved(backend, mixed(rng, 12), dtype)
    expected, expected_grads = bl.ciou.value_and_grad(*exact, wrt="both", engine="array")
    value, grads = bl.ciou.value_and_grad(*given, wrt="both", engine=engine)
    backend.assert_like(value, expected, **tolerance("float32"))
    for grad, d in zip(grads, expected_grads, strict=True):
        backend.assert_like(grad, d, **tolerance(dtype))
    matrix = bl.ciou.pairwise(*given, engine=engine)
    backend.assert_like(matrix, bl.ciou.pairwise(*exact, engine="array"), **tolerance("float32"))


@pytest.mark.parametrize("engine", ["array", "auto"])
@half_types
def test_half_precision_of_areas_beyond_its_range(dtype, engine, backend):
    """A box of 300 by 300 has an area of 90,000; the largest float16 is 65,504."""
    given = backend.asarray([[0.0, 0, 300, 300]], dtype), backend.asarray([[0.0, 0, 300, 150]], dtype)
    backend.assert_like(bl.iou(*given, engine=engine), [0.5], "float32")


@pytest.mark.parametrize("engine", ["array", "auto"])
def test_integers(engine, backend):
    """They become float64, which holds those of 32 bits, or the float type of the other array."""
    default = "float64"
    pred, target = np.asarray([[0, 0, 2, 2], [0, 0, 70000, 70000]]), np.asarray([[1, 1, 3, 3], [0, 0, 35000, 70000]])
    expected = [6 / 7, 0.5]
    for dtype in ("int32", "int64"):
        given = backend.asarray(pred, dtype), backend.asarray(target, dtype)
        value, grads = bl.iou.value_and_grad(*given, wrt="both", engine=engine)
        backend.assert_like(value, expected, default, rtol=1e-6)
        for grad in grads:
            backend.assert_like(grad, backend.to_numpy(grad), default)
    for dtype in ("float32", "float64"):
        value = bl.iou(backend.asarray(pred, dtype), backend.asarray(target, "int64"), engine=engine)
        backend.assert_like(value, expected, dtype, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integers_that_float32_does_not_hold(dtype, backend):
    box = np.asarray([[16777217, 0, 16777220, 1]])
    pred, target = backend.asarray(box, dtype), backend.asarray(box - np.asarray([1, 0, 1, 0]), dtype)
    backend.assert_like(bl.iou_score(pred, target), [0.5], "float64")
    backend.assert_like(bl.area(backend.asarray([[1 << 25, 0, (1 << 25) + 41, 60]], dtype)), [41.0 * 60], "float64")
    converted = bl.convert(backend.asarray([[1 << 25, 0, (1 << 25) + 41, 61]], dtype), "xyxy", "xywh")
    backend.assert_like(converted, [[float(1 << 25), 0, 41, 61]], "float64")


@pytest.mark.parametrize("engine", ["array", "auto"])
@pytest.mark.parametrize("types", [("float32", "float64"), ("float64", "float32"), ("float16", "float32")])
def test_two_float_types_are_computed_in_the_wider(types, engine, backend, rng):
    exact = mixed(rng, 5)
    if "float16" in types and backend.name == "strict":
        pytest.skip("array-api-strict has no float16")
    given = [backend.asarray(side, dtype) for side, dtype in zip(exact, types, strict=True)]
    wide = "float64" if "float64" in types else "float32"
    same = [backend.asarray(backend.to_numpy(side), wide) for side in given]
    value, grads = bl.giou.value_and_grad(*given, wrt="both", engine=engine)
    expected, wanted = bl.giou.value_and_grad(*same, wrt="both", engine=engine)
    backend.assert_like(value, backend.to_numpy(expected), wide, rtol=0.0, atol=0.0)
    for grad, like, dtype in zip(grads, wanted, types, strict=True):
        rounded = backend.to_numpy(like).astype(dtype)
        backend.assert_like(grad, rounded, dtype, rtol=0.0, atol=0.0)
    matrix = bl.giou.pairwise(*given, engine=engine)
    backend.assert_like(matrix, backend.to_numpy(bl.giou.pairwise(*same, engine=engine)), wide, rtol=0.0, atol=0.0)


@every_dtype
def test_boxes_themselves(dtype, backend):
    given = backend.asarray([[0.0, 0, 2, 3], [5, 5, 4, 9], [1, 1, 1, 2]], dtype)
    converted = bl.convert(given, "xyxy", "cxcywh")
    backend.assert_like(converted, [[1.0, 1.5, 2, 3], [4.5, 7, -1, 4], [1, 1.5, 0, 1]], dtype)
    backend.assert_like(bl.area(given), [6.0, 0, 0], dtype)
    backend.assert_like(bl.clip_to_image(given, (6.0, 4.5)), [[0.0, 0, 2, 3], [4.5, 5, 4, 6], [1, 1, 1, 2]], dtype)
    found = bl.validate(given)
    backend.assert_like(found.valid, [True, False, False], "bool")
    backend.assert_like(found.inverted, [False, True, False], "bool")
    backend.assert_like(found.empty, [False, False, True], "bool")
    backend.assert_like(found.not_finite, [False, False, False], "bool")


@pytest.mark.parametrize("engine", ["array", "auto"])
def test_out(engine, backend, rng):
    given, exact = moved(backend, (boxes(rng, 4), boxes(rng, 3)), "float64")
    out = backend.asarray(np.full((4, 3), np.nan))
    if backend.name == "jax":
        text = "out must be None for JAX arrays, which cannot be written to; got an array"
        check_error(lambda: bl.l1.pairwise(*given, out=out, engine=engine), TypeError, text)
        return
    assert bl.l1.pairwise(*given, out=out, engine=engine) is out
    backend.assert_like(out, bl.l1.pairwise(*exact, engine="array"))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("pairs", [1, 42, 56])
def test_a_matrix_some_rows_at_a_time(pairs, dtype, backend, monkeypatch, rng):
    """The same bits as in one piece: two batches of 8 x 7 in rows of 14 pairs."""
    given, _ = moved(backend, (boxes(rng, 8), boxes(rng, 14).reshape(2, 7, 4)), dtype)
    whole = bl.ciou.pairwise(*given, engine="array")
    monkeypatch.setattr(array, "PAIRS_ON_CPU", pairs)
    matrix = bl.ciou.pairwise(*given, engine="array")
    backend.assert_like(matrix, backend.to_numpy(whole), "float32", rtol=0.0, atol=0.0)


@pytest.mark.strict
def test_rows_at_a_time_on_other_devices(monkeypatch, rng):
    import array_api_strict as xp

    pred, target = (xp.asarray(boxes(rng, n).tolist(), device=xp.Device("device1")) for n in (5, 3))
    rows, zero = [], xp.zeros((1, 1), device=pred.device)
    monkeypatch.setattr(array, "matrix", lambda program, request: rows.append(request.pred.shape[0]) or zero)
    for pairs in (1 << 24, 6):
        monkeypatch.setattr(array, "PAIRS_ELSEWHERE", pairs)
        bl.iou.pairwise(pred, target, engine="array")
    assert rows == [5, 2, 2, 1]


@pytest.mark.dask
def test_dask_computes_nothing_until_asked(rng):
    import dask
    import dask.array

    def refuse(*args, **kwargs):
        raise AssertionError("computed at the call")

    exact = (*mixed(rng, 6), rng.uniform(0.1, 2.0, 6))
    results = {
        "reduced": lambda pred, target, weight: bl.l2(pred, target, weight=weight, reduction="mean", engine="array"),
        "gradient": lambda pred, target, weight: bl.l2.value_and_grad(pred, target, weight=weight, engine="array")[1],
        "pairwise": lambda pred, target, weight: bl.l2.pairwise(pred, target, engine="array"),
        "area": lambda pred, target, weight: bl.area(pred),
    }
    with dask.config.set(scheduler=refuse):
        given = [dask.array.from_array(a, chunks=2) for a in exact]
        lazy = {name: result(*given) for name, result in results.items()}
    for name, result in results.items():
        assert isinstance(lazy[name], dask.array.Array)
        np.testing.assert_allclose(lazy[name].compute(), result(*exact), rtol=1e-12, atol=1e-14)
