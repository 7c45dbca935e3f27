"""What the compiler makes of the CUDA kernels, without a GPU: ``python -m pytest tests/ptx``, with numba-cuda.

``--write`` writes the table of docs/cuda.md instead of comparing with it; then the run has to be one process.
"""

from importlib.util import find_spec
from typing import Any
from zlib import crc32

import numpy as np
import pytest

import boxloss as bl
from cases import CASES, MADE_OF_THE_SAME

# Tests of a GPU that test_run.py and test_solids.py take.
pytest.register_assert_rewrite(
    *(f"gpu.test_gpu_{name}" for name in ("arrays", "best", "layouts", "losses", "rotated", "solids"))
)

MOST_BOXES = 10_000


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write", action="store_true", help="write the table of instructions in docs/cuda.md")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "device: of tests of a GPU, and not taken from there")
    if find_spec("numba_cuda") is None:
        raise pytest.UsageError("tests/ptx needs numba-cuda: pip install 'numba-cuda[cu13]'")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long."""
    left_out = [item for item in items if takes_long(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With pytest-xdist the tests of a loss run in one process, which compiles each kernel once."""
    from xdist.scheduler import LoadScopeScheduling

    groups = {case.name: repr(case.loss) for case in CASES} | {name: repr(loss) for name, loss in losses().items()}

    class ByLoss(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            function, _, given = nodeid.removesuffix("]").partition("[")
            return next((groups[part] for part in given.split("-") if part in groups), function)

    return ByLoss(config, log)


def takes_long(item: pytest.Item) -> bool:
    """Whether a test of a GPU is too much for the machine."""
    given = item.callspec.params if hasattr(item, "callspec") else {}
    if getattr(given.get("case"), "name", "") in MADE_OF_THE_SAME:
        return True
    return "runtime" in item.fixturenames and any(
        np.max(value) > MOST_BOXES for value in given.values() if is_size(value)
    )


def is_size(value: Any) -> bool:
    """Whether a parameter is a number of boxes or a shape of them."""
    return type(value) is int or (type(value) is tuple and value != () and all(type(n) is int for n in value))


def losses() -> dict[str, bl.Loss]:
    """The losses whose kernels are in the table of instructions, imported once numba-cuda is known to be there."""
    from instructions import LOSSES

    return LOSSES


@pytest.fixture
def runtime(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The machine in place of a GPU, with errors of approximate instructions that are this test's own."""
    from boxloss.engines.cuda import launch
    from boxloss.libraries import cuda as driver
    from boxloss.verbs.elementwise import cuda as elementwise
    from boxloss.verbs.pairwise import cuda as pairwise
    from boxloss.verbs.pairwise import cuda_rows
    from ptx_machine.runtime import HostArrays, Runtime

    runtime = Runtime(seed=crc32(request.node.name.encode()))
    monkeypatch.setattr(driver, "check", lambda array: None)
    monkeypatch.setattr(launch, "kernel", runtime.kernel)
    monkeypatch.setattr(launch, "elementwise_blocks", runtime.elementwise_blocks)
    monkeypatch.setattr(launch, "threads_that_fill", runtime.threads_that_fill)
    for verb in (elementwise, pairwise, cuda_rows):
        monkeypatch.setattr(verb, "arrays_like", HostArrays)
    return runtime


@pytest.fixture
def library(runtime: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """NumPy and the CUDA engine, whose kernels the machine executes."""
    from gpu_libraries import HostNumPy

    monkeypatch.setattr(HostNumPy, "engine", "cuda")
    return HostNumPy()
