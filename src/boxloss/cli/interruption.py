"""Ctrl-C and SIGTERM end a command wherever it is, and let it clean up."""

import _thread
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # with which users, schedulers and closed terminals end processes
SIGNALS = {getattr(signal, name) for name in NAMES if hasattr(signal, name)}  # Windows has no SIGHUP


@contextmanager
def unwinding() -> Iterator[list[int]]:
    """Turn signals into exceptions, so that files are cleaned up; give the list of the signals that came.

    LLVM calls back into Python while a kernel compiles. An exception that is raised there would be printed and
    forgotten, so its signal comes again after the callback. Signals that somebody ignores or handles stay theirs.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def end(number: int, frame: FrameType | None) -> NoReturn:
        received.append(number)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    hook, timers = sys.unraisablehook, []

    def again(lost: Any) -> None:
        if not received:
            hook(lost)
            return
        timers.append(threading.Timer(0.1, _thread.interrupt_main, (received[-1],)))
        timers[-1].start()

    free = (signal.SIG_DFL, signal.default_int_handler)
    before = {number: handler for number in SIGNALS if (handler := signal.getsignal(number)) in free}
    for number in before:
        signal.signal(number, end)
    sys.unraisablehook = again
    try:
        yield received
    finally:
        sys.unraisablehook = hook
        for timer in timers:
            timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def end_at_once(code: int) -> NoReturn:
    """End the process without waiting for its threads, which may compile for half a minute."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)
