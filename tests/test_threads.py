"""Threads: calls of many at once, the work that they share, and how many there are."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import boxloss as bl
from boxloss.engines.threads import split_work
from processes import MANY, run


@pytest.fixture
def four_threads():
    """Four threads a call, however many CPUs there are."""
    before = bl.get_num_threads()
    bl.set_num_threads(4)
    yield
    bl.set_num_threads(before)


def test_many_threads_call_at_once(rng, four_threads):
    """Every call gets its own results, while others run, and while the number of threads changes."""
    pairs = [rng.uniform(0.0, 1.0, (2, MANY, 4)) for _ in range(8)]
    expected = [np.abs(pred - target).sum(axis=-1) for pred, target in pairs]
    gate = threading.Barrier(len(pairs))

    def call(k):
        gate.wait()
        for _ in range(5):
            if k == 0:
                bl.set_num_threads(3)
            value, grad = bl.l1.value_and_grad(*pairs[k], engine="numba")
            np.testing.assert_allclose(value, expected[k], rtol=1e-14)
            np.testing.assert_array_equal(grad, np.sign(pairs[k][0] - pairs[k][1]))

    with ThreadPoolExecutor(len(pairs)) as callers:
        list(callers.map(call, range(len(pairs))))


def test_threads_share_the_rows_of_a_pairwise_matrix(rng, four_threads):
    pred, target = rng.uniform(0.0, 1.0, (1501, 4)), rng.uniform(0.0, 1.0, (803, 4))
    matrix = bl.l1.pairwise(pred, target, engine="numba")
    np.testing.assert_allclose(matrix, np.abs(pred[:, None] - target).sum(axis=-1), rtol=1e-14)


@pytest.mark.parametrize("chunk", [1, 10, 64])
@pytest.mark.parametrize("size", [1, 63, 64, 65, 640, 1029, 68_600])
def test_ranges_of_work_share_no_chunk(size, chunk, four_threads):
    """A descent adds up each chunk by itself: two threads in one would lose what one of them adds."""
    taken = []
    split_work(lambda start, stop: taken.append((start, stop)), size, chunk)
    starts, stops = zip(*sorted(taken), strict=True)
    assert starts[0] == 0
    assert starts[1:] == stops[:-1]
    assert stops[-1] == size
    assert all(start % chunk == 0 for start in starts)


@pytest.mark.parametrize("widen", [True, False])
@pytest.mark.parametrize("failing", ["calling thread", "other thread"])
def test_no_work_goes_on_after_a_failure(failing, widen, four_threads):
    """A caller whose buffer is written to may use it again, after Ctrl-C too."""
    running, started, begun, here = [], [], threading.Event(), threading.current_thread()

    def task(start, stop):
        running.append(start)
        started.append(start)
        if (threading.current_thread() is here) == (failing == "calling thread"):
            assert begun.wait(10)
            raise KeyboardInterrupt
        begun.set()
        time.sleep(0.1)
        running.remove(start)

    with pytest.raises(KeyboardInterrupt):
        split_work(task, 1000, 10, widen=widen)
    left = len(running)
    assert left <= 3  # those that failed
    time.sleep(0.15)
    assert len(running) == left
    assert len(started) < 12  # of 17 or 100


def test_a_thread_that_the_system_refuses(four_threads, monkeypatch):
    """The pool keeps what it could not start a thread for, and another of its threads may begin with it."""
    free, begun, finished = threading.Event(), threading.Event(), []
    other = threading.Thread(target=split_work, args=(lambda start, stop: free.wait(10), 2, 1))
    other.start()  # on its own thread and one of the pool
    while len(bl.engines.threads._shared_pool()._threads) < 1:
        time.sleep(0.001)

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    def task(start, stop):
        if start == 0:
            free.set()
            assert begun.wait(10)
        else:
            begun.set()
            time.sleep(0.2)
        finished.append(start)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    split_work(task, 2, 1)
    assert sorted(finished) == [0, 1]
    other.join()


def test_threads_that_want_one_kernel_compile_it_once(tmp_path, run_forked):
    """Of a loss from outside, which is not on disk either."""
    code = """
import threading
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from numba.core import event
import boxloss as bl

class Outside(bl.L1):
    pass

def call(k):
    gate.wait()
    return Outside()(np.zeros((1, 4)), np.ones((1, 4)), engine="numba")

gate = threading.Barrier(4)
with event.install_recorder("numba:compile") as compilations, ThreadPoolExecutor(4) as callers:
    assert list(callers.map(call, range(4))) == [4.0] * 4
kernels = [e for _, e in compilations.buffer if e.is_start and "kernel" in repr(e.data["dispatcher"])]
print(len(kernels))
"""
    assert run_forked(code, NUMBA_CACHE_DIR=tmp_path) == "1"


def test_first_calls_of_many_threads(tmp_path, run_forked):
    code = f"""
from concurrent.futures import ThreadPoolExecutor
import threading
import numpy as np
import boxloss as bl
boxes, gate = np.zeros(({MANY}, 4)), threading.Barrier(8)
def call(k):
    gate.wait()
    return bl.l1(boxes, boxes + k, engine="numba")
with ThreadPoolExecutor(8) as callers:
    for k, value in enumerate(callers.map(call, range(8))):
        assert (value == 4 * k).all()
"""
    run_forked(code, NUMBA_CACHE_DIR=tmp_path)


COUNT_THREADS = f"""
import threading
import numpy as np
import boxloss as bl
boxes = np.zeros(({MANY}, 4))
bl.l1(boxes, boxes, engine="numba")
print(bl.get_num_threads(), threading.active_count())
"""


@pytest.mark.parametrize("threads", [1, 3])
def test_numba_num_threads(threads):
    wanted, alive = map(int, run(COUNT_THREADS, NUMBA_NUM_THREADS=threads).split())
    assert wanted == threads
    assert alive in ({1} if threads == 1 else {2, 3})  # the pool starts a thread only if none is idle


def test_set_num_threads_goes_before_the_environment():
    code = COUNT_THREADS.replace("boxes =", "bl.set_num_threads(1)\nboxes =")
    assert run(code, NUMBA_NUM_THREADS=3) == "1 1"


@pytest.mark.parametrize("call", ["bl.get_num_threads()", "bl.l1(np.zeros((1, 4)), np.zeros((1, 4)), engine='numba')"])
@pytest.mark.parametrize("text", ["0", "-1", "all"])
def test_wrong_number_of_threads_in_the_environment(text, call):
    """Numba refuses 0 and less, too, and does not say which number it means."""
    code = f"import numpy as np, boxloss as bl\ntry:\n    {call}\nexcept ValueError as error:\n    print(error)"
    message = f"environment variable NUMBA_NUM_THREADS must be a whole number above 0; got {text!r}"
    assert run(code, NUMBA_NUM_THREADS=text) == message


@pytest.mark.parametrize("text", ["", None])
def test_number_of_threads_is_that_of_usable_cpus_unless_the_environment_has_a_number(text):
    code = "import os, boxloss as bl\nprint(bl.get_num_threads() == (USABLE or os.cpu_count()))"
    usable = "len(os.sched_getaffinity(0))" if hasattr(os, "sched_getaffinity") else "0"
    assert run(code.replace("USABLE", usable), NUMBA_NUM_THREADS=text) == "True"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="affinity of Linux")
def test_a_process_on_one_cpu_uses_one_thread(run_forked):
    code = "import os\nos.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n" + COUNT_THREADS
    assert run_forked(code, NUMBA_NUM_THREADS=None) == "1 1"


def test_calls_while_the_interpreter_exits():
    """Pools of Python take no more work by then."""
    code = f"""
import atexit
import numpy as np
import boxloss as bl
bl.set_num_threads(4)
boxes = np.zeros(({MANY}, 4))
bl.l1(boxes, boxes, engine="numba")
atexit.register(lambda: print(bl.l1(boxes, boxes + 1.0, engine="numba").sum()))
"""
    assert run(code) == str(4.0 * MANY)
