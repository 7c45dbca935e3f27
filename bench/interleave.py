"""Timing several contestants by turns, so that a machine that slows down slows all of them."""

import gc
import statistics
import time
from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any

Contestants = dict[str, Callable[[], Any]]


class Timed:
    """One contestant: what each of its turns took, for one call."""

    def __init__(self, function: Callable[[], Any], turn: float, measures_itself: bool) -> None:
        self.function = function
        self.measures_itself = measures_itself  # the function returns its time in seconds
        self.seconds: list[float] = []
        self.calls = 1
        self()  # warm: compiled, caches filled
        if not measures_itself:
            once = min(self(), self())
            self.calls = max(1, round(turn / max(once, 1e-8)))
        self()
        self.length = self.calls * min(self.seconds[1:])
        self.seconds.clear()

    def __call__(self) -> float:
        """Take a turn: a few calls of a fast function, one of a slow one."""
        function = self.function
        if self.measures_itself:
            seconds = function()
        else:
            start = time.perf_counter()
            for _ in repeat(None, self.calls):
                function()
            seconds = (time.perf_counter() - start) / self.calls
        self.seconds.append(seconds)
        return seconds


def interleave(
    benchmark: Any,
    contestants: Contestants,
    *,
    rounds: int | None,
    budget: float,
    turn: float = 1e-3,
    pause: float = 0.0,
    measures_itself: bool = False,
) -> dict[str, list[float]]:
    """Let the contestants take turns, round after round.

    Parameters
    ----------
    benchmark
        The fixture of pytest-benchmark. Its own statistics are those of the first contestant's turns.
    contestants
        What to time, by name.
    rounds
        How many rounds, or None for as many as the budget has room for (5 to 200).
    budget
        Seconds for all rounds.
    turn
        Seconds that a contestant is called again for in one turn, at least once.
    pause
        Seconds between turns: OpenMP threads of a peer spin for a while after its call, on a core that is needed.
    measures_itself
        Contestants return their time in seconds.

    Returns
    -------
    dict
        Seconds a call, a list of turns by name.
    """
    timed = {name: Timed(function, turn, measures_itself) for name, function in contestants.items()}
    first, *others = timed.values()
    if rounds is None:
        a_round = sum(t.length + pause for t in timed.values())
        rounds = min(200, max(5, int(budget / a_round)))

    def peers() -> None:
        for peer in others:
            time.sleep(pause)
            peer()
        time.sleep(pause)

    gc.collect()
    gc.disable()
    try:
        benchmark.pedantic(first, setup=peers, rounds=rounds)
    finally:
        gc.enable()
    return {name: t.seconds for name, t in timed.items()}


def quartiles(seconds: list[float]) -> tuple[float, float, float]:
    """The lower quartile, the median and the upper quartile."""
    if len(seconds) < 2:
        return (seconds[0],) * 3
    low, _, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return low, statistics.median(seconds), high


def summary(seconds: dict[str, list[float]]) -> dict[str, Any]:
    """What a row of a table keeps of the turns: medians, quartiles and their number."""
    spread = {name: quartiles(turns) for name, turns in seconds.items()}
    return {
        "seconds": {name: median for name, (_, median, _) in spread.items()},
        "quartiles": {name: (low, high) for name, (low, _, high) in spread.items()},
        "rounds": min(map(len, seconds.values())),
    }


def ratios(
    medians: dict[str, float], goals: Iterable[tuple[str, str, str | None]], count: int = 1
) -> list[tuple[str, str, float]]:
    """What was measured for goals: the time of a contestant for one of so many, or over the time of another."""
    return [
        (goal, f"{above} / {below}" if below else above, medians[above] / (medians[below] if below else count))
        for goal, above, below in goals
    ]
