"""Timing on a GPU: contestants take turns, on the device between CUDA events or on the host up to a synchronisation."""

import time
from collections.abc import Callable
from typing import Any

import cupy

from interleave import Contestants, interleave, ratios, summary

Makers = dict[str, Callable[[], Callable[[], Any]]]  # of the calls of peers, which may be missing or fail
Clock = Callable[[Callable[[], Any]], Callable[[], float]]


def on_device(function: Callable[[], Any], turn: float = 0.02) -> Callable[[], float]:
    """A turn of as many calls as fill it, on the default stream: the device's seconds for one of them."""
    start, stop = cupy.cuda.Event(), cupy.cuda.Event()

    def take(calls: int) -> float:
        start.record()
        for _ in range(calls):
            function()
        stop.record()
        stop.synchronize()
        return float(cupy.cuda.get_elapsed_time(start, stop)) / 1e3 / calls

    take(1)  # compiled, and its memory is in the pool
    calls = max(1, min(1000, round(turn / take(2))))
    return lambda: take(calls)


def on_host(function: Callable[[], Any], calls: int = 200) -> Callable[[], float]:
    """A turn of calls one after another: the host's seconds for one of them, until the device is done with all."""

    def take() -> float:
        cupy.cuda.Device().synchronize()
        start = time.perf_counter()
        for _ in range(calls):
            function()
        cupy.cuda.Device().synchronize()
        return (time.perf_counter() - start) / calls

    take()
    return take


def reason(error: Exception) -> str:
    """The first line of an error."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}"


class _Rounds:
    """Runs the rounds, as pytest-benchmark's fixture does for the CPU."""

    def pedantic(self, target: Callable[[], Any], setup: Callable[[], Any], rounds: int) -> None:
        for _ in range(rounds):
            setup()
            target()


def measure(
    table: str,
    row: dict[str, Any],
    ours: Contestants,
    peers: Makers,
    *,
    rounds: int,
    clock: Clock = on_device,
    goals: list[tuple[str, str, str]] | None = None,
    moved: dict[str, int] | None = None,
) -> dict[str, Any]:
    """A row of a table: medians of all contestants, and why a peer is absent that can't run here.

    `goals` are ratios of two contestants; `moved` is how many bytes a contestant moves, for its bandwidth.
    """
    timed, absent = {name: clock(function) for name, function in ours.items()}, {}
    for name, make in peers.items():
        try:
            timed[name] = clock(make())
        except Exception as error:  # not installed, out of memory, or no compiler for torch.compile
            absent[name] = reason(error)
    measured = summary(interleave(_Rounds(), timed, rounds=rounds, budget=0.0, measures_itself=True))
    medians = measured["seconds"]
    found = [(goal, above, below) for goal, above, below in goals or [] if {above, below} <= medians.keys()]
    return {
        "table": table,
        "row": row,
        "goals": [{"goal": goal, "what": what, "value": value} for goal, what, value in ratios(medians, found)],
        "rates": {f"{name}, rate": count / medians[name] for name, count in (moved or {}).items() if name in medians},
        "absent": absent,
        **measured,
    }
