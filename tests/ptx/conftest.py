"""What the compiler makes of the CUDA kernels, without a GPU: ``python -m pytest tests/ptx``, with numba-cuda.

``--write`` writes the table of docs/cuda.md instead of comparing with it; then the run has to be one process.
"""

from importlib.util import find_spec

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write", action="store_true", help="write the table of instructions in docs/cuda.md")


def pytest_configure(config: pytest.Config) -> None:
    if find_spec("numba_cuda") is None:
        raise pytest.UsageError("tests/ptx needs numba-cuda: pip install 'numba-cuda[cu13]'")
