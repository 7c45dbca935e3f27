"""The CUDA kernels in Numba's simulator: ``NUMBA_ENABLE_CUDASIM=1 python -m pytest tests/cudasim``.

The variable is that of a whole process, so these tests have a session of their own.
"""

import pytest

from boxloss.engines.cuda_support import is_simulated


def pytest_configure(config: pytest.Config) -> None:
    if not is_simulated():
        raise pytest.UsageError("tests/cudasim needs NUMBA_ENABLE_CUDASIM=1 in the environment")
