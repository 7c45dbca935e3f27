"""One thread pool for kernels that release the GIL.

Not Numba's own threads: its workqueue layer aborts the process when two Python threads enter it, and GNU OpenMP aborts
after a fork, as a data loader does. A pool of Python threads over nogil kernels is as fast and has neither fault.
"""

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from boxloss.check import check_count

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_lock = threading.Lock()
_pool: "ThreadPoolExecutor | None" = None
_num_threads: int | None = None
_here = threading.local()


def get_num_threads() -> int:
    """How many threads a call on the CPU may use.

    The number set with `set_num_threads`, or else the environment variable ``NUMBA_NUM_THREADS``, or else the number
    of CPUs that the process may run on.

    Returns
    -------
    int

    Examples
    --------
    >>> import boxloss as bl
    >>> bl.get_num_threads() >= 1
    True
    """
    if _num_threads is not None:
        return _num_threads
    wanted = os.environ.get("NUMBA_NUM_THREADS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_num_threads(n: int) -> None:
    """Set how many threads a call on the CPU may use, for the whole process.

    Parameters
    ----------
    n : int
        1 or more; 1 keeps all work on the calling thread.

    Raises
    ------
    TypeError, ValueError
        If `n` is not a whole number above 0.

    Examples
    --------
    >>> import boxloss as bl
    >>> bl.set_num_threads(2)
    >>> bl.get_num_threads()
    2
    """
    global _num_threads
    _num_threads = check_count("n", n)
    _forget_pool()


@contextmanager
def on_this_thread() -> Iterator[None]:
    """Keep the work of this thread's calls on it: it is one of many that a scheduler runs already."""
    before, _here.alone = getattr(_here, "alone", False), True
    try:
        yield
    finally:
        _here.alone = before


def split_work(task: Callable[[int, int], object], size: int, chunk: int) -> None:
    """Run ``task(start, stop)`` over ranges that cover `size`, on as many threads as there are chunks for.

    Every range begins at a multiple of `chunk`, so a task may keep something for each chunk and share it with no other.

    Threads take the next chunk when they are done with one, so one slow core does not hold up the rest. Each gets about
    four: where two threads write side by side, both want the same page of new memory, of up to 2 MiB, from the system.
    With chunks of 1 MiB a matrix of 5000 x 5000 takes 1.4 times as long.
    """
    alone = size <= chunk or getattr(_here, "alone", False)
    threads = 1 if alone else min(get_num_threads(), -(-size // chunk))
    if threads == 1:
        task(0, size)
        return
    chunk *= max(1, size // (4 * threads * chunk))
    starts = itertools.count(0, chunk)

    def work() -> None:
        for start in starts:
            if start >= size:
                return
            task(start, min(start + chunk, size))

    futures = []
    with suppress(RuntimeError):  # no new threads while the interpreter shuts down: the calling one does it all
        for _ in range(threads - 1):
            futures.append(_shared_pool().submit(work))
    work()
    for future in futures:
        if not future.cancel():  # one that still waits behind another caller's work has nothing left to do
            future.result()


def _shared_pool() -> "ThreadPoolExecutor":
    global _pool
    from concurrent.futures import ThreadPoolExecutor  # 5 ms that `import boxloss` need not take

    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(max(1, get_num_threads() - 1), thread_name_prefix="boxloss")
        return _pool


def _forget_pool() -> None:
    global _pool
    with _lock:
        _pool = None


def _after_fork_in_child() -> None:
    global _lock, _pool
    _lock, _pool = threading.Lock(), None  # the parent's threads do not exist here, and its lock may be held


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
