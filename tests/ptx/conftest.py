"""What the compiler makes of the CUDA kernels, without a GPU: ``python -m pytest tests/ptx``, with numba-cuda.

``--write`` writes the table of docs/cuda.md instead of comparing with it; then the run has to be one process.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any
from zlib import crc32

import pytest

import boxloss as bl

pytest.register_assert_rewrite("gpu.test_gpu_arrays", "gpu.test_gpu_layouts", "gpu.test_gpu_losses")

THINNED = ("test_call", "test_one_gradient")  # in float32 alone


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write", action="store_true", help="write the table of instructions in docs/cuda.md")


def pytest_configure(config: pytest.Config) -> None:
    if find_spec("numba_cuda") is None:
        raise pytest.UsageError("tests/ptx needs numba-cuda: pip install 'numba-cuda[cu13]'")


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The tests of a loss on one process, which compiles each kernel once; and none that compiles much for little."""
    left_out = [item for item in items if item.originalname in THINNED and "float64" in item.callspec.params.values()]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
    for item in items:
        if loss := _loss(getattr(item, "callspec", None)):
            item.add_marker(pytest.mark.xdist_group(repr(loss)))


def _loss(callspec: Any) -> bl.Loss | None:
    """The loss that a test is about, if that is one."""
    from instructions import LOSSES

    parameters = callspec.params if callspec else {}
    return LOSSES.get(parameters.get("name")) or getattr(parameters.get("case"), "loss", parameters.get("loss"))


@pytest.fixture
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """NumPy, with the CUDA engine in the machine that executes PTX; each test has errors of approximation of its own."""
    from boxloss.engines import cuda, cuda_support
    from gpu_libraries import HostNumPy
    from ptx_machine.runtime import Runtime

    monkeypatch.setattr(cuda_support, "check", lambda array: None)
    monkeypatch.setattr(cuda, "runtime", Runtime(seed=crc32(request.node.name.encode())))
    monkeypatch.setattr(HostNumPy, "engine", "cuda")
    yield HostNumPy()
    assert cuda.runtime.launches > 0
