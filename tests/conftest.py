"""Array libraries to run the tests on, and random numbers.

``pytest --backend=torch`` runs every test of the `backend` fixture on torch, and the tests marked ``torch``. The option
repeats; without it there is NumPy alone. A library that was asked for and is missing is an error: nothing skips.
"""

import gc
import importlib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from processes import forking

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

    def operation_by_operation(self) -> AbstractContextManager[None]:
        """Within it JAX runs each operation as it comes instead of compiling a formula, which takes half a second."""
        if self.name != "jax":
            return nullcontext()
        disabled: AbstractContextManager[None] = importlib.import_module("jax").disable_jit()
        return disabled

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
    parser.addoption("--few", action="store_true", help="of each test with many cases the first and the last alone")


def chosen(config: pytest.Config) -> list[str]:
    """The array libraries that this run is for."""
    return list(dict.fromkeys(config.getoption("backend") or ["numpy"]))


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()  # until the tests are collected, all of which live on
    for name in MODULES:
        config.addinivalue_line("markers", f"{name}: needs {name}; runs with --backend={name} only")
    config.addinivalue_line("markers", "long: takes many seconds; runs first")
    for name in chosen(config):
        try:
            importlib.import_module(MODULES[name])
        except ImportError as error:
            raise pytest.UsageError(f"--backend={name}: {MODULES[name]} is not installed ({error})") from None
    if "jax" in chosen(config):
        config_of_jax = importlib.import_module("jax").config
        config_of_jax.update("jax_enable_x64", True)
        config_of_jax.update("jax_disable_most_optimizations", True)  # a fifth of the time is theirs


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without NumPy leave out files that name neither the fixture nor the library: most of them, which take seconds."""
    libraries = chosen(config)
    if "numpy" in libraries or collection_path.suffix != ".py":
        return None
    words = rf"\bbackend\b|\bmark\.({'|'.join(libraries)})\b|\bgetattr\(pytest\.mark\b"
    return True if not re.search(words, collection_path.read_text(encoding="utf-8")) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests of a library that was not asked for, types that a library lacks, and with --few most cases.

    Long tests come first, so that no worker is left with them when the others are done.
    A test without the `backend` fixture and without a mark is one of NumPy.
    """
    kept = [item for item in items if is_asked_for(item, chosen(config))]
    if config.getoption("few"):
        kept = first_and_last(kept)
    if left_out := set(items) - set(kept):
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def is_asked_for(item: pytest.Item, libraries: list[str]) -> bool:
    """Whether a test is one of these libraries, and of types that its library has."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    marked = [name for name in MODULES if item.get_closest_marker(name)]
    needed = [parameters["backend"]] if "backend" in parameters else marked or ["numpy"]
    return set(needed) <= set(libraries) and parameters.get("dtype") not in LACKS[needed[0]]


def first_and_last(items: list[pytest.Item]) -> list[pytest.Item]:
    """Of each test the first and the last case: which have the first and the last value of each parameter."""
    first: dict[Any, pytest.Item] = {}
    last: dict[Any, pytest.Item] = {}
    for item in items:
        test = item.parent, getattr(item, "originalname", item.name)
        first.setdefault(test, item)
        last[test] = item
    kept = {*first.values(), *last.values()}
    return [item for item in items if item in kept]


def pytest_collection_finish() -> None:
    """Keep the garbage collector off the tests themselves, which it would go through at every kernel compiled."""
    gc.enable()
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


@pytest.fixture(scope="session")
def run_forked() -> Iterator[Callable[..., str]]:
    """Runs code in a process of its own that has imported Numba before; see `processes.forking`."""
    with forking() as run:
        yield run


@pytest.fixture(scope="session")
def run_forked_of_torch() -> Iterator[Callable[..., str]]:
    """Runs code in a process of its own that has imported torch.compile before, which takes seconds.

    No bytecode is kept: of a module that is written anew within a second Python would run the old one.
    """
    with forking("import sys, torch._dynamo\nsys.dont_write_bytecode = True") as run:
        yield run
