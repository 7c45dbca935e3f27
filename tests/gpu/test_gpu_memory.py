"""Memory: results and buffers come from the caller's allocator, no more than needed, and past 2^31 elements."""

import gc
from contextlib import contextmanager

import numpy as np
import pytest

import boxloss as bl
from generators import boxes, mixed
from gpu_libraries import LIBRARIES

pytestmark = pytest.mark.device

N = 100_000


@pytest.fixture
def no_memory_of_numba(monkeypatch):
    """Numba's own allocations fail."""
    from numba import cuda

    def refuse(*args, **kwargs):
        raise AssertionError("memory was taken from Numba and not from the caller's allocator")

    kind = type(cuda.current_context())
    for name in ("memalloc", "memhostalloc"):
        assert hasattr(kind, name)
        monkeypatch.setattr(kind, name, refuse)


class Recorded:
    """The sizes of the blocks that CuPy's pool was asked for."""

    def __init__(self, library):
        self.library, self.sizes = library, []

    @contextmanager
    def __call__(self):
        cupy = self.library.xp
        pool = cupy.get_default_memory_pool()

        def allocate(size):
            self.sizes.append(size)
            return pool.malloc(size)

        with cupy.cuda.using_allocator(allocate):
            yield


class Counted:
    """The sizes of the blocks that torch's caching allocator was asked for, as one sum for each use."""

    def __init__(self, library):
        self.torch, self.sizes = library.xp, []

    def asked(self):
        return self.torch.cuda.memory_stats()["requested_bytes.all.allocated"]

    @contextmanager
    def __call__(self):
        before = self.asked()
        yield
        self.sizes.append(self.asked() - before)


@pytest.fixture
def recorder(library):
    return {"cupy": Recorded, "torch": Counted}[library.name](library)


@pytest.mark.usefixtures("no_memory_of_numba")
@pytest.mark.parametrize("loss", [bl.l1, bl.ciou], ids=["l1", "ciou"])
def test_value_and_gradients_are_all_that_is_allocated(loss, library, recorder, rng):
    pred, target = (library.asarray(side.astype("float32")) for side in mixed(rng, N))
    loss.value_and_grad(pred, target, wrt="both", engine="cuda")
    with recorder():
        results = loss.value_and_grad(pred, target, wrt="both", engine="cuda")
    assert sum(recorder.sizes) == 4 * N * (1 + 4 + 4)
    del results


@pytest.mark.usefixtures("no_memory_of_numba")
@pytest.mark.parametrize("loss", [bl.giou, bl.ciou], ids=["giou", "ciou"])
def test_matrix_and_some_numbers_a_box_are_all_that_is_allocated(loss, library, recorder, rng):
    pred, target = library.asarray(boxes(rng, 1500).astype("float32")), library.asarray(boxes(rng, 1300).astype("f4"))
    loss.pairwise(pred, target, engine="cuda")
    with recorder():
        matrix = loss.pairwise(pred, target, engine="cuda")
    a_few_numbers_a_box = 8 * 4 * (1500 + 1300)
    assert 0 <= sum(recorder.sizes) - 4 * 1500 * 1300 <= a_few_numbers_a_box
    out = library.empty((1500, 1300))
    recorder.sizes.clear()
    with recorder():
        loss.pairwise(pred, target, out=out, engine="cuda")
    assert sum(recorder.sizes) <= a_few_numbers_a_box
    library.check_equal(out, matrix)


@pytest.mark.usefixtures("no_memory_of_numba")
@pytest.mark.parametrize("rows", [100, 20_000, N * 10], ids="{} rows".format)
def test_the_best_of_rows_are_all_that_is_allocated(rows, library, recorder, rng):
    """Of any count of threads a row: values, and indices of 64 bits."""
    pred = library.asarray(np.resize(boxes(rng, 1009), (rows, 4)).astype("float32"))
    target = library.asarray(boxes(rng, 2000).astype("float32"))
    for verb, kept in ((bl.ciou.nearest, ()), (bl.ciou.topk, (3,))):
        verb(pred, target, *kept, engine="cuda")
        recorder.sizes.clear()
        with recorder():
            results = verb(pred, target, *kept, engine="cuda")
        assert sum(recorder.sizes) == (4 + 8) * rows * (kept or (1,))[0]
        del results


@pytest.mark.usefixtures("no_memory_of_numba")
def test_mean_and_weight_stay_on_the_device(library, recorder, rng):
    pred, target = (library.asarray(side.astype("float32")) for side in mixed(rng, N))
    weight = library.asarray(rng.uniform(0.1, 2.0, N).astype("float32"))
    bl.giou.value_and_grad(pred, target, weight=weight, reduction="mean", engine="cuda")
    with recorder():
        value, grad = bl.giou.value_and_grad(pred, target, weight=weight, reduction="mean", engine="cuda")
    library.check_kind(value, (), "float32")
    library.check_kind(grad, (N, 4), "float32")
    assert sum(recorder.sizes) < 4 * N * 7  # values, gradients, and what a sum needs


def test_no_memory_is_kept(library, rng):
    """After the call, and once its results are gone, as much is in use as before."""

    def in_use():
        gc.collect()
        library.synchronize()
        if library.name == "cupy":
            return library.xp.get_default_memory_pool().used_bytes()
        return library.xp.cuda.memory_allocated()

    pred, target = (library.asarray(side) for side in mixed(rng, N))
    for _ in range(3):
        bl.ciou.value_and_grad(pred, target, wrt="both", weight=0.5, reduction="mean", engine="cuda")
        bl.ciou.pairwise(pred[:500], target[:500], engine="cuda")
    before = in_use()
    for _ in range(20):
        bl.ciou.value_and_grad(pred, target, wrt="both", weight=0.5, reduction="mean", engine="cuda")
        bl.ciou.pairwise(pred[:500], target[:500], engine="cuda")
    assert in_use() == before


# --- Past 2^31 --------------------------------------------------------------------------------------------------------

BLOCK = 1_000_003


def free_memory():
    """Bytes that the device has left once no library holds any that it does not use."""
    gc.collect()
    return [kind().free_memory() for kind in LIBRARIES][-1]


def repeated(library, block, times):
    """A block of boxes again and again."""
    array = library.empty((times, *block.shape))
    array[...] = block
    return array.reshape(-1, 4)


def some_pairs(library, rng):
    return [library.asarray(np.resize(side, (BLOCK, 4)).astype("float32")) for side in mixed(rng, 1009)]


def check_coordinates(library, rng):
    """Boxes with more than 2^31 coordinates, and their gradient."""
    pred, target = some_pairs(library, rng)
    expected, d = bl.giou.value_and_grad(pred, target, engine="cuda")
    times = 537
    assert 4 * times * BLOCK > 2**31
    many = repeated(library, pred, times), repeated(library, target, times)
    value, grad = bl.giou.value_and_grad(*many, engine="cuda")
    assert bool((value.reshape(times, BLOCK) == expected).all())
    assert bool((grad.reshape(times, BLOCK, 4) == d).all())


def check_boxes(library, rng):
    """More than 2^31 boxes."""
    pred, target = some_pairs(library, rng)
    times = 2148
    assert times * BLOCK > 2**31
    value = bl.giou(repeated(library, pred, times), repeated(library, target, times), engine="cuda")
    assert bool((value.reshape(times, BLOCK) == bl.giou(pred, target, engine="cuda")).all())


def check_matrix(library, rng):
    """A matrix of more than 2^31 entries."""
    pred, target = (library.asarray(boxes(rng, n).astype("float32")) for n in (1000, 2000))
    expected = bl.giou.pairwise(pred, target, engine="cuda")
    matrix = bl.giou.pairwise(repeated(library, pred, 47), repeated(library, target, 23), engine="cuda")
    assert matrix.shape[0] * matrix.shape[1] > 2**31
    assert bool((matrix.reshape(47, 1000, 23, 2000) == expected[None, :, None, :]).all())


def test_past_2_to_the_31(rng):
    """One test, so that no two processes of a run want the device's memory at once."""
    left_out = []
    for library in (kind() for kind in LIBRARIES):
        for check, gibibytes in ((check_matrix, 20), (check_coordinates, 38), (check_boxes, 100)):
            if free_memory() < gibibytes * 2**30:
                left_out.append(f"{check.__name__} with {library.name} needs {gibibytes} GiB")
            else:
                check(library, rng)
    free_memory()
    if left_out:
        pytest.skip("; ".join(left_out))
