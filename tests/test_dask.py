"""Dask arrays: lazy, chunk by chunk on the engine of the chunks, and on worker processes."""

import importlib
import pickle
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import boxloss as bl
from boxloss.engines import threads
from boxloss.verbs import select
from boxloss.verbs.elementwise.numba import CHUNK_OF_BOXES
from generators import boxes, mixed

pytestmark = pytest.mark.dask
SYNC = {"scheduler": "synchronous"}


@pytest.fixture
def da():
    return importlib.import_module("dask.array")


def assert_equal(lazy, expected, rtol=1e-13, atol=1e-14):
    """What is declared of a lazy array holds when it is computed, and its numbers are these."""
    assert lazy.dtype == lazy._meta.dtype
    assert lazy.ndim == lazy._meta.ndim
    result = lazy.compute(**SYNC)
    expected = np.asarray(expected)
    assert result.dtype == lazy.dtype
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=rtol, atol=atol)


class Calls:
    """Stands in for an engine's function and counts its calls."""

    def __init__(self, monkeypatch, verb, engine):
        self.function, self.count = select._run(verb, engine), 0
        run = select._run
        monkeypatch.setattr(select, "_run", lambda *asked: self if asked == (verb, engine) else run(*asked))

    def __call__(self, *args, **kwargs):
        self.count += 1
        return self.function(*args, **kwargs)


# --- Which engine, how often ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("engine", "runs"), [("auto", "numba"), ("numba", "numba"), ("array", "array")])
def test_engine_is_that_of_the_chunks(da, engine, runs, monkeypatch, rng):
    calls = [Calls(monkeypatch, verb, runs) for verb in ("elementwise", "pairwise")]
    pred, target = mixed(rng, 6)
    given = da.from_array(pred, chunks=(2, 4)), da.from_array(target, chunks=(3, 4))
    assert_equal(bl.l2(*given, engine=engine), bl.l2(pred, target, engine="array"))
    assert_equal(bl.l2.pairwise(*given, engine=engine), bl.l2.pairwise(pred, target, engine="array"))
    counts = {"numba": [4, 6], "array": [4 + 1, 6 + 1]}  # those of NumPy, above, are calls of the array engine too
    assert [call.count for call in calls] == counts[runs]


def test_one_task_a_chunk_computes_value_and_gradients(da, monkeypatch, rng):
    import dask

    calls = Calls(monkeypatch, "elementwise", "numba")
    pred, target = (da.from_array(a, chunks=(2, 4)) for a in mixed(rng, 6))
    value, grads = bl.l2.value_and_grad(pred, target, wrt="both", reduction="mean")
    dask.compute(value, *grads, **SYNC)
    assert calls.count == 3


def test_a_chunk_stays_on_the_thread_that_dask_gave_it(da, monkeypatch):
    monkeypatch.setattr(threads, "_shared_pool", lambda: pytest.fail("a chunk asked for more threads"))
    many = da.zeros((2 * CHUNK_OF_BOXES, 4), chunks=(-1, 4))
    assert_equal(bl.l2(many, many, reduction="sum"), 0.0)
    assert not threads._here.alone


# --- Chunks ---------------------------------------------------------------------------------------------------------

CHUNKINGS = [((5, 4), (5, 4)), ((5, 4), (3, 4)), ((4, 2), (5, 1)), ((12, 4), (1, 4))]


@pytest.mark.parametrize("chunks", CHUNKINGS, ids=str)
def test_any_chunks(da, chunks, rng):
    pred, target = mixed(rng, 12)
    weight = rng.uniform(0.1, 2.0, 12)
    given = [da.from_array(a, chunks=c) for a, c in zip((pred, target), chunks, strict=True)]
    options = {"format": ("cxcywh", "yxyx"), "reduction": "mean", "avg_factor": 5.0}
    value, grads = bl.l2.value_and_grad(*given, wrt="both", weight=da.from_array(weight, chunks=7), **options)
    expected, expected_grads = bl.l2.value_and_grad(pred, target, wrt="both", weight=weight, **options)
    assert_equal(value, expected)
    for grad, d, boxes_ in zip(grads, expected_grads, given, strict=True):
        assert grad.chunks == (boxes_.chunks[0], (4,))
        assert_equal(grad, d)
    matrix = bl.l2.pairwise(*given)
    assert matrix.chunks == (given[0].chunks[0], given[1].chunks[0])
    assert_equal(matrix, bl.l2.pairwise(pred, target))


def test_broadcast_boxes_in_chunks(da, rng):
    pred, target = boxes(rng, 6).reshape(6, 1, 4), boxes(rng, 5)
    weight = rng.uniform(0.1, 2.0, (6, 1))
    given = da.from_array(pred, chunks=(4, 1, 4)), da.from_array(target, chunks=(2, 4))
    value, grads = bl.l2.value_and_grad(*given, wrt="both", weight=da.from_array(weight, chunks=(2, 1)))
    expected, expected_grads = bl.l2.value_and_grad(pred, target, wrt="both", weight=weight)
    assert_equal(value, expected)
    for grad, d in zip(grads, expected_grads, strict=True):
        assert_equal(grad, d)


def test_a_single_pair_and_a_weight_that_was_reduced(da):
    pred, target, weight = da.zeros(4), da.ones(4), da.ones(6, chunks=2).sum()
    value, grad = bl.l2.value_and_grad(pred, target, weight=weight)
    assert_equal(value, 24.0)
    assert_equal(grad, np.full(4, -12.0))


def test_pairwise_of_batches(da, rng):
    pred, target = boxes(rng, 12).reshape(3, 4, 4), boxes(rng, 5)
    given = da.from_array(pred, chunks=(2, 3, 4)), da.from_array(target, chunks=(2, 2))
    matrix = bl.iou_score.pairwise(*given, engine="array")
    assert matrix.chunks == ((2, 1), (3, 1), (2, 2, 1))
    assert_equal(matrix, bl.iou_score.pairwise(pred, target, engine="array"))


@pytest.mark.parametrize(
    ("given", "value_type", "grad_type"), [("float16", "float32", "float16"), ("int32", "float64", "float64")]
)
def test_declared_types(da, given, value_type, grad_type):
    ones = da.ones((4, 4), chunks=2, dtype=given)
    value, grad = bl.l2.value_and_grad(ones, 0 * ones)
    assert (value.dtype, grad.dtype, bl.l2.pairwise(ones, ones).dtype) == (value_type, grad_type, value_type)
    assert_equal(value, np.full(4, 4.0))
    assert_equal(grad, np.full((4, 4), 2.0))


# --- Laziness and size ----------------------------------------------------------------------------------------------


def test_a_reduction_is_a_tree(da):
    import dask

    with dask.config.set(split_every=2):
        lazy = bl.l2(da.ones((64, 4), chunks=(2, 4)), da.zeros((64, 4), chunks=(2, 4)), reduction="mean")
    graph = lazy.__dask_graph__()
    assert max(map(len, graph.get_all_dependencies().values())) == 2
    assert_equal(lazy, 4.0)


def test_memory_is_that_of_a_few_chunks(da):
    """The boxes are 34 MB and the values 4 MB; a chunk of both boxes with its value is 0.6 MB."""
    pred = da.zeros((1 << 19, 4), chunks=(1 << 13, 4)) + 1.0
    loss = bl.l2.value_and_grad(pred, 2.0 * pred, reduction="mean")[0]
    loss.compute(**SYNC)  # kernels are there
    tracemalloc.start()
    try:
        assert loss.compute(**SYNC) == 4.0
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()


def test_a_loss_and_a_graph_are_small(da):
    given = da.zeros((1000, 4), chunks=(100, 4))
    cost = 5.0 * bl.L1() + 2.0 * bl.CIoU(full_gradient=True)
    for loss in (bl.ciou, cost):
        assert len(pickle.dumps(loss)) < 1000
        assert pickle.loads(pickle.dumps(loss)) == loss
    assert len(pickle.dumps(cost.value_and_grad(given, given))) < 10_000


def test_the_same_call_has_the_same_name(da):
    given = da.zeros((10, 4), chunks=(5, 4))
    names = {bl.GIoU(eps=eps)(given, given).name for eps in (0.0, 0.0, 1e-7)}
    assert len(names) == 2


# --- Chunks of unknown size -----------------------------------------------------------------------------------------


@pytest.fixture
def unknown(da, rng):
    """Some rows of two arrays of boxes, lazily chosen, and those rows."""
    pred, target = mixed(rng, 12)
    keep = np.arange(12) % 3 > 0
    lazy = [da.from_array(a, chunks=(5, 4))[da.from_array(keep, chunks=5)] for a in (pred, target)]
    assert np.isnan(lazy[0].shape[0])
    return lazy, [pred[keep], target[keep]]


def test_unknown_sizes(unknown):
    lazy, exact = unknown
    weight, weights = lazy[0][:, 0] ** 2, exact[0][:, 0] ** 2
    for options, numbers in (
        ({}, {}),
        ({"weight": 0.5}, {"weight": 0.5}),
        ({"weight": weight, "reduction": "sum"}, {"weight": weights, "reduction": "sum"}),
        ({"reduction": "mean", "avg_factor": 3.0},) * 2,
    ):
        value, grads = bl.l2.value_and_grad(*lazy, wrt="both", **options)
        expected, expected_grads = bl.l2.value_and_grad(*exact, wrt="both", **numbers)
        for result, d in zip((value, *grads), (expected, *expected_grads), strict=True):
            assert_equal(result, d)
    assert_equal(bl.l2.pairwise(*lazy), bl.l2.pairwise(*exact))


def test_pairs_within_a_threshold_of_unknown_size(unknown):
    lazy, exact = unknown
    for found, expected in zip(bl.iou.below(*lazy, 0.9), bl.iou.below(*exact, 0.9), strict=True):
        np.testing.assert_array_equal(found.compute(scheduler="synchronous"), expected)


def check_error(call, text):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}"):
        call()


def test_a_mean_of_unknown_size(unknown):
    lazy, exact = unknown
    for verb in (bl.l2, bl.l2.value_and_grad):
        check_error(lambda verb=verb: verb(*lazy, reduction="mean"), "reduction='mean' must know the number of pairs")
    known = [a.compute_chunk_sizes() for a in lazy]
    assert_equal(bl.l2(*known, reduction="mean"), bl.l2(*exact, reduction="mean"))


def test_unknown_sizes_do_not_broadcast(da, unknown):
    (pred, target), _ = unknown
    text = (
        "the leading shapes of pred and target must broadcast; got (nan,) and (1,). "
        "Each pred with each target is the pairwise of a loss"
    )
    check_error(lambda: bl.l2(pred, da.ones((1, 4))), text)
    check_error(lambda: bl.l2(pred, target, weight=da.ones(8)), "weight must be one number a pair")
    fewer = da.concatenate([target.blocks[0], target.blocks[1]])
    text = "chunks of unknown sizes must be as many in each array; got (3,) and (2,)"
    check_error(lambda: bl.l2(pred, fewer), text)
    one_each = target.map_blocks(lambda chunk: chunk[:1])
    text = "chunks of unknown sizes must turn out to be equal; got ("
    check_error(lambda: bl.l2(pred, one_each).compute(**SYNC), text)


# --- Worker processes -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two worker processes that share a cache folder, which is empty, and the folder."""
    distributed = importlib.import_module("distributed")
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUMBA_CACHE_DIR", str(folder))
        workers = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
        with distributed.LocalCluster(**workers) as local, distributed.Client(local) as client:
            yield client, folder


def files(folder):
    return {path: path.stat().st_mtime_ns for path in Path(folder).rglob("*") if path.is_file()}


def test_workers_share_the_kernel_cache(da, cluster):
    client, folder = cluster
    first, second = client.scheduler_info()["workers"]
    lazy = bl.l1(da.zeros((4, 4), chunks=(2, 4)), da.ones((4, 4), chunks=(2, 4)))
    assert client.compute(lazy, workers=[first]).result().tolist() == [4.0] * 4
    before = files(folder)
    assert len(before) == 2, "a kernel, and how Python enters it"
    assert client.compute(lazy + 1.0, workers=[second]).result().tolist() == [5.0] * 4
    assert files(folder) == before


def test_verbs_on_workers(da, cluster, rng):
    client, _ = cluster
    pred, target = mixed(rng, 24)
    given = [da.from_array(a, chunks=(3, 4)) for a in (pred, target)]
    value, grad = bl.l1.value_and_grad(*given, reduction="mean")
    results = [future.result() for future in client.compute([value, grad])]
    for result, numbers in zip(results, bl.l1.value_and_grad(pred, target, reduction="mean"), strict=True):
        np.testing.assert_allclose(result, numbers, rtol=1e-13, atol=1e-14)


def test_each_worker_computes_matrices(da, cluster, rng):
    client, _ = cluster
    pred, target = mixed(rng, 24)
    for number, worker in enumerate(client.scheduler_info()["workers"]):
        given = [da.from_array(a, chunks=(3, 4)) for a in (pred + number, target)]  # for each a computation of its own
        lazy = client.persist(bl.l1.pairwise(*given), workers=[worker])
        importlib.import_module("distributed").wait(lazy)
        assert {holder for holders in client.who_has(lazy).values() for holder in holders} == {worker}
        np.testing.assert_allclose(lazy.compute(), bl.l1.pairwise(pred + number, target), rtol=1e-13, atol=1e-14)
