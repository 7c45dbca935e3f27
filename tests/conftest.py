"""Array libraries to run the tests on, and random numbers.

``pytest --backend=torch`` runs every test of the `backend` fixture on torch, and the tests marked ``torch``. The option
repeats; without it there is NumPy alone. A library that was asked for and is missing is an error: nothing skips.
"""

import gc
import importlib
from types import ModuleType
from typing import Any

import numpy as np
import pytest

MODULES = {
    "numpy": "numpy",
    "strict": "array_api_strict",
    "torch": "torch",
    "dask": "dask.array",
    "jax": "jax.numpy",
}
LACKS = {"numpy": {"bfloat16"}, "strict": {"float16", "bfloat16"}, "torch": set(), "dask": {"bfloat16"}, "jax": set()}


class Backend:
    """An array library: arrays into it, out of it, and the comparison of its results."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.xp: ModuleType = importlib.import_module(MODULES[name])

    def dtype(self, name: str) -> Any:
        """A data type of the library."""
        return getattr(np if self.name == "dask" else self.xp, name)

    def asarray(self, values: Any, dtype: str | None = None) -> Any:
        """An array of the library from a NumPy array, in its data type or another."""
        values = np.asarray(values)
        dtype = dtype or values.dtype.name
        if self.name == "dask":
            return self.xp.from_array(values.astype(dtype), chunks=5)
        return self.xp.asarray(values.tolist() if values.size else values, dtype=self.dtype(dtype))

    def to_numpy(self, array: Any) -> np.ndarray:
        """The values of an array of the library, in float64 if they are of a type that NumPy lacks."""
        if self.name == "torch":
            array = array.detach().double() if array.dtype == self.xp.bfloat16 else array.detach()
            return array.numpy()
        if self.name == "jax" and array.dtype == self.xp.bfloat16:
            array = array.astype("float64")
        return np.asarray(array.compute(scheduler="synchronous") if self.name == "dask" else array)

    def assert_like(
        self, result: Any, expected: Any, dtype: str = "float64", rtol: float = 1e-12, atol: float = 1e-12
    ) -> None:
        """The result is an array of this library, on its default device, of this type, shape and these values."""
        kinds = (np.ndarray, np.generic) if self.name == "numpy" else type(self.asarray([0.0]))
        assert isinstance(result, kinds)
        assert result.dtype == self.dtype(dtype)
        if self.name in ("strict", "torch", "jax"):
            assert result.device == self.asarray([0.0]).device
        expected = np.asarray(expected)
        assert tuple(result.shape) == expected.shape
        np.testing.assert_allclose(self.to_numpy(result), expected, rtol=rtol, atol=atol)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        action="append",
        choices=list(MODULES),
        help="an array library to run the tests on; repeat it for more (default: numpy)",
    )


def chosen(config: pytest.Config) -> list[str]:
    """The array libraries that this run is for."""
    return list(dict.fromkeys(config.getoption("backend") or ["numpy"]))


def pytest_configure(config: pytest.Config) -> None:
    for name in MODULES:
        config.addinivalue_line("markers", f"{name}: needs {name}; runs with --backend={name} only")
    for name in chosen(config):
        try:
            importlib.import_module(MODULES[name])
        except ImportError as error:
            raise pytest.UsageError(f"--backend={name}: {MODULES[name]} is not installed ({error})") from None
    if "jax" in chosen(config):
        config_of_jax = importlib.import_module("jax").config
        config_of_jax.update("jax_enable_x64", True)
        config_of_jax.update("jax_disable_most_optimizations", True)  # a fifth of the time is theirs


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests of a library that was not asked for, and types that a library does not have.

    A test without the `backend` fixture and without a mark is one of NumPy.
    """
    left_out = []
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        marked = [name for name in MODULES if item.get_closest_marker(name)]
        needed = [parameters["backend"]] if "backend" in parameters else marked or ["numpy"]
        if not set(needed) <= set(chosen(config)) or parameters.get("dtype") in LACKS[needed[0]]:
            left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Keep the garbage collector off the tests themselves, which it would go through at every kernel compiled."""
    gc.freeze()
    gc.set_threshold(100_000)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", chosen(metafunc.config), indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Backend:
    """One of the array libraries of this run."""
    return Backend(request.param)


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(20240229)
