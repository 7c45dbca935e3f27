"""Processes that train beside each other: each takes a job through a pipe of its own, and the next when it is done.

There is nothing that they share, so nothing is left behind however the program ends: a `multiprocessing.Pool` has
semaphores, and a worker that is killed leaves it waiting for ever.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from boxloss.lab.training.jobs import Job, Run, run

Runner = Callable[[Sequence[Job]], Iterator[tuple[Job, Run]]]


@contextmanager
def crew(workers: int) -> Iterator[Runner]:
    """Give what runs jobs, in this process or in several, and gives each with its result as it is done."""
    members: dict[Connection, SpawnProcess] = {}

    def runner(jobs: Sequence[Job]) -> Iterator[tuple[Job, Run]]:
        if workers == 1 or len(jobs) < 2:
            return ((job, run(job)) for job in jobs)
        while len(members) < workers:
            process, end = _start()
            members[end] = process
        return _spread(members, jobs)

    try:
        yield runner
    finally:
        _dismiss(members, list(members))


def _start() -> tuple[SpawnProcess, Connection]:
    """Start a new interpreter: a fork would take along threads that are compiling."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=work, args=(there,), daemon=True)
    process.start()
    there.close()  # only the process has it: its end is the end of the pipe
    return process, here


def _dismiss(members: dict[Connection, SpawnProcess], ends: Iterable[Connection]) -> None:
    """End processes, whatever they do."""
    leaving = [(end, members.pop(end)) for end in ends]
    for _, process in leaving:
        process.terminate()
    for end, process in leaving:
        process.join()
        end.close()


def _spread(members: dict[Connection, SpawnProcess], jobs: Sequence[Job]) -> Iterator[tuple[Job, Run]]:
    """Keep all members at work until no job is left."""
    waiting, busy = iter(jobs), dict[Connection, Job]()
    try:
        for end, job in zip(members, jobs, strict=False):
            _send(end, members[end], next(waiting))
            busy[end] = job
        while busy:
            ready = wait(list(busy))
            for end in [end for end in busy if end in ready]:
                result = _result(end, members[end])
                job = busy.pop(end)
                if (following := next(waiting, None)) is not None:
                    _send(end, members[end], following)
                    busy[end] = following
                yield job, result
    finally:
        _dismiss(members, busy)  # what they would send is waited for no more


def _send(end: Connection, process: SpawnProcess, job: Job) -> None:
    """Give a process its next job."""
    try:
        end.send(job)
    except ConnectionError as error:
        raise _ended(process) from error


def _ended(process: SpawnProcess) -> RuntimeError:
    """Make the error of a process that is no more."""
    process.join()
    return RuntimeError(
        f"a process of lab.train ended with exit code {process.exitcode}, without a result; where memory is short, "
        "fewer workers need less"
    )


def _result(end: Connection, process: SpawnProcess) -> Run:
    """Return what a process sends, or raise what went wrong there."""
    try:
        result: Run | Exception = end.recv()
    except (EOFError, ConnectionError) as error:
        raise _ended(process) from error
    if isinstance(result, Exception):
        raise result
    return result


def work(end: Connection) -> None:
    """Run the jobs that come, until nobody is there any more. Ctrl-C is left to the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            job = end.recv()
        except EOFError:
            return
        try:
            result: Run | Exception = run(job)
        except Exception as error:
            result = error
        end.send(result)
