"""The option, the fixtures and the description of the machine that the benchmarks share."""

import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tests")]

import boxloss as bl  # noqa: E402
import interleave  # noqa: E402
from goals import GOALS  # noqa: E402

PACKAGES = ("numpy", "numba", "scipy", "torch", "torchvision", "powerboxes")
SMOKE_LOSSES = ("l1", "giou", "ciou")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--smoke", action="store_true", help="a few rounds of small sizes: do the benchmarks run at all?")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "loss" in metafunc.fixturenames:
        metafunc.parametrize("loss", SMOKE_LOSSES if metafunc.config.getoption("smoke") else bl.losses())


@pytest.hookimpl(trylast=True)
def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    cpu = machine_info.get("cpu", {})
    machine_info.clear()  # the name of the machine among other things
    machine_info |= {
        "cpu": cpu.get("brand_raw") or cpu.get("brand") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": _system(),
        "python": platform.python_version(),
        "boxloss": bl.__version__,
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "smoke": bool(config.getoption("smoke")),
    }


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.system()
    return f"{name}, {platform.machine()}"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning")  # of torch about torch.compile's own use


@pytest.fixture(scope="session")
def smoke(pytestconfig: pytest.Config) -> bool:
    return bool(pytestconfig.getoption("smoke"))


@pytest.fixture(scope="session")
def million(smoke: bool) -> int:
    return 100_000 if smoke else 1_000_000


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = bl.get_num_threads()
    bl.set_num_threads(2)
    yield
    bl.set_num_threads(before)


@pytest.fixture
def record(benchmark: Any) -> Callable[..., None]:
    """Keep one row of a table, and what it says of the goals, in the benchmark's JSON."""

    def keep(table: str, row: dict[str, Any], *, goals: Iterable[tuple[str, str, float]] = (), **columns: Any) -> None:
        reached = [{"goal": goal, "what": what, "value": value} for goal, what, value in goals]
        assert GOALS.keys() >= {g["goal"] for g in reached}
        benchmark.extra_info.update(table=table, row=row, goals=reached, **columns)

    return keep


@pytest.fixture
def compare(benchmark: Any, record: Callable[..., None], smoke: bool) -> Callable[..., dict[str, float]]:
    """Time contestants by turns, keep their medians, and set ratios of them against goals."""

    def run(
        table: str,
        row: dict[str, Any],
        contestants: interleave.Contestants,
        *,
        per: str = "call",
        count: int = 1,
        goals: Iterable[tuple[str, str, str | None]] = (),
        budget: float = 1.5,
        **how: Any,
    ) -> dict[str, float]:
        benchmark.group = table
        how.setdefault("turn", 1e-4 if smoke else 1e-3)
        how.setdefault("rounds", 3 if smoke else None)
        seconds = interleave.interleave(benchmark, contestants, budget=budget, **how)
        spread = {name: interleave.quartiles(turns) for name, turns in seconds.items()}
        medians = {name: median for name, (_, median, _) in spread.items()}
        ratios = [
            (goal, f"{above} / {below}" if below else above, medians[above] / (medians[below] if below else 1.0))
            for goal, above, below in goals
        ]
        quartiles = {name: (low, high) for name, (low, _, high) in spread.items()}
        turns = min(map(len, seconds.values()))
        record(table, row, goals=ratios, per=per, count=count, seconds=medians, quartiles=quartiles, rounds=turns)
        return medians

    return run


@pytest.fixture(scope="session")
def boxes() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Pairs of boxes, well mixed: half overlap in part, a fifth lie inside one another, the rest anywhere."""

    def make(count: int, dtype: str = "float32", seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        centre = rng.uniform(0.0, 1000.0, (count, 2))
        side = np.exp(rng.uniform(np.log(4.0), np.log(400.0), (count, 2)))
        near = centre + 0.2 * side * rng.normal(size=(count, 2)), side * np.exp(0.3 * rng.normal(size=(count, 2)))
        inside = centre + side * rng.uniform(-0.2, 0.2, (count, 2)), side * rng.uniform(0.1, 0.6, (count, 2))
        anywhere = rng.uniform(0.0, 1000.0, (count, 2)), rng.permutation(side)
        kind = rng.choice(3, (count, 1), p=(0.5, 0.2, 0.3))
        other_centre, other_side = (np.choose(kind, three) for three in zip(near, inside, anywhere, strict=True))
        pred = np.concatenate([centre - 0.5 * side, centre + 0.5 * side], axis=1)
        target = np.concatenate([other_centre - 0.5 * other_side, other_centre + 0.5 * other_side], axis=1)
        return pred.astype(dtype), target.astype(dtype)

    return make
