"""Forks of a process that has threads, and of one that compiles."""

import os

import pytest

from processes import MANY


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.parametrize("busy", [False, True], ids=["after-use", "during-use"])
def test_fork(busy, run_forked):
    """A child has none of its parent's threads, and starts its own; an alarm ends one that waits for ever."""
    code = f"""
import os, signal, threading, time, warnings
import numpy as np
import boxloss as bl
warnings.simplefilter("ignore", DeprecationWarning)  # later Pythons advise against forks of a process with threads
bl.set_num_threads(4)
boxes = np.zeros(({MANY}, 4))
def right():
    return bool((bl.l1(boxes, boxes + 1.0, engine="numba") == 4.0).all())
assert right() and threading.active_count() > 1
stop = threading.Event()
def keep_busy():
    while not stop.is_set():
        right()
caller = threading.Thread(target=keep_busy)
if {busy}:
    caller.start()
for _ in range(10):
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        os._exit(0 if right() and right() and threading.active_count() > 1 else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    assert right()
stop.set()
"""
    run_forked(code)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork is of POSIX")
def test_a_fork_while_another_thread_compiles(tmp_path, run_forked):
    """The child compiles, and loads from disk, as if nobody else had."""
    code = """
import os, signal, threading, time, warnings
warnings.simplefilter("ignore")  # later Pythons warn of a fork beside threads
import numpy as np, boxloss as bl
pair = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]])
bl.iou(*pair)
busy = threading.Thread(target=lambda: [loss.value_and_grad(*pair, wrt="both") for loss in (bl.eiou, bl.ciou, bl.diou)])
busy.start()
time.sleep(0.1)
child = os.fork()
if child == 0:
    signal.alarm(60)
    bl.iou(*pair)
    bl.giou(*pair)
    os._exit(7)
busy.join()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), bl.giou(*pair).round(4))
"""
    assert run_forked(code, NUMBA_CACHE_DIR=tmp_path) == "7 [1.0794]"
