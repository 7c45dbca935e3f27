"""One thread pool for kernels that release the GIL.

Not Numba's own threads: its workqueue layer aborts the process when two Python threads enter it, and GNU OpenMP aborts
after a fork, as a data loader does. A pool of Python threads over nogil kernels is as fast and has neither fault.
"""

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
    """Say how many threads a call on the CPU may use.

    The number set with `set_num_threads`, or else the environment variable ``NUMBA_NUM_THREADS``, or else the number
    of CPUs that the process may run on.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the environment variable is needed and is not a whole number above 0.

    Examples
    --------
    >>> import boxloss as bl
    >>> bl.get_num_threads() >= 1
    True
    """
    if _num_threads is not None:
        return _num_threads
    if wanted := os.environ.get("NUMBA_NUM_THREADS", "").strip():
        if not wanted.isdecimal() or int(wanted) == 0:
            raise ValueError(f"environment variable NUMBA_NUM_THREADS must be a whole number above 0; got {wanted!r}")
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


def split_work(task: Callable[[int, int], object], size: int, chunk: int, *, widen: bool = True) -> None:
    """Run ``task(start, stop)`` over ranges that cover `size`, on as many threads as there are chunks for.

    Every range begins at a multiple of `chunk`, so a task may keep something for each chunk and share it with no other.
    When this function returns or raises, no task runs any more.

    Threads take the next range when they are done with one, so one slow core does not hold up the rest. With `widen`
    each gets about four, and a single one the whole: where two threads write side by side, both want the same page of
    new memory, of up to 2 MiB, from the system. With chunks of 1 MiB a matrix of 5000 x 5000 takes 1.4 times as long.
    Without it a range is one chunk, and that is how long the others take to stop when a task fails or Ctrl-C reaches
    the calling thread.
    """
    alone = size <= chunk or getattr(_here, "alone", False)
    threads = 1 if alone else min(get_num_threads(), -(-size // chunk))
    if widen:
        chunk = max(chunk, size) if threads == 1 else chunk * max(1, size // (4 * threads * chunk))
    starts = iter(range(0, size, chunk))

    def work() -> None:
        for start in starts:
            task(start, min(start + chunk, size))

    if threads == 1:
        work()
    else:
        _run_on_several(work, threads, starts)


def _run_on_several(work: Callable[[], None], threads: int, starts: Iterator[int]) -> None:
    """Run a function on the calling thread and others of the pool, until all are done or one of them fails."""
    from concurrent.futures import Future

    # Made here, not by the pool, which forgets one whose new thread the system refuses, and may run it all the same.
    others: list[Future[None]] = [Future() for _ in range(threads - 1)]

    def run(future: "Future[None]") -> None:
        if future.set_running_or_notify_cancel():
            try:
                work()
            except BaseException as error:
                _exhaust(starts)
                future.set_exception(error)
            else:
                future.set_result(None)

    try:
        with suppress(RuntimeError):  # no new threads, as while the interpreter shuts down: the calling one does it all
            for future in others:
                _shared_pool().submit(run, future)
        work()
        for future in others:
            if not future.cancel():  # one that still waits behind another caller's work has nothing left to do
                future.result()
    except BaseException:
        from concurrent.futures import wait

        _exhaust(starts)
        wait([future for future in others if not future.cancel()])
        raise


def _exhaust(starts: Iterator[int]) -> None:
    """Let no thread find more to do."""
    for _ in starts:
        pass


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
