"""The tests on a GPU: ``python -m pytest tests/gpu``. Without a GPU they fail in one line; they do not skip.

``--rehearse`` runs those that need no device on NumPy arrays and CPU tensors, with the CPU engine in place of the CUDA
engine: that shows that the tests are sound, and nothing about a GPU.

Where boxloss is not installed, its source beside the tests is taken.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

if find_spec("boxloss") is None:
    SOURCE = str(Path(__file__).parents[2] / "src")
    sys.path.insert(0, SOURCE)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [SOURCE, os.environ.get("PYTHONPATH")]))  # of subprocesses

from gpu_libraries import LIBRARIES, STAND_INS, HostTorch, Library, Torch, what_is_missing


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rehearse", action="store_true", help="run the tests themselves on the host, without a GPU")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "device: needs a GPU; left out of a rehearsal")
    for line in ("default", r"error:::boxloss(\..*)?"):  # those of CuPy, torch and the driver are their own
        config.addinivalue_line("filterwarnings", line)
    missing = None if config.getoption("rehearse") else what_is_missing()
    if missing:
        raise pytest.UsageError(f"tests/gpu needs a CUDA GPU, CuPy, torch and numba-cuda: {missing}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("rehearse"):
        left_out = [item for item in items if item.get_closest_marker("device")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "library" in metafunc.fixturenames:
        libraries = STAND_INS if metafunc.config.getoption("rehearse") else LIBRARIES
        metafunc.parametrize("library", libraries, indirect=True, ids=lambda library: library.name)


@pytest.fixture
def library(request: pytest.FixtureRequest) -> Library:
    """CuPy or torch."""
    return request.param()


@pytest.fixture
def torch_library(request: pytest.FixtureRequest) -> Library:
    """Torch alone, for what CuPy does not have."""
    return (HostTorch if request.config.getoption("rehearse") else Torch)()


@pytest.fixture
def torch() -> ModuleType:
    """The module itself."""
    import torch

    return torch
