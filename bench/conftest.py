"""The option, the fixtures and the description of the machine that the benchmarks share."""

import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tests")]

import boxloss as bl  # noqa: E402
import interleave  # noqa: E402
from goals import GOALS  # noqa: E402
from inputs import make_boxes  # noqa: E402
from machine import system, versions  # noqa: E402

PACKAGES = ("numpy", "numba", "scipy", "torch", "torchvision", "powerboxes", "dask", "jax")
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
        "system": system(),
        "python": platform.python_version(),
        "boxloss": bl.__version__,
        "packages": versions(PACKAGES),
        "smoke": bool(config.getoption("smoke")),
    }


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
        how = {"turn": 1e-3, "rounds": None} | how | ({"turn": 1e-4, "rounds": 2} if smoke else {})
        seconds = interleave.interleave(benchmark, contestants, budget=budget, **how)
        measured = interleave.summary(seconds)
        medians: dict[str, float] = measured["seconds"]
        record(table, row, goals=interleave.ratios(medians, goals, count), per=per, count=count, **measured)
        return medians

    return run


@pytest.fixture(scope="session")
def boxes() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Pairs of boxes, by their count, float type and seed."""
    return make_boxes
