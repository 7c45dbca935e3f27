"""The table of docs/frameworks/index.md against what runs: one row a backend of the tests, a column a verb."""

import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import boxloss as bl
from boxloss.verbs import select

PAGE = Path(__file__).parent.parent / "docs" / "frameworks" / "index.md"
ROWS = {
    "numpy": "NumPy",
    "torch": "torch, on the CPU",
    "jax": "JAX",
    "dask": "Dask, of NumPy chunks",
    "strict": "array-api-strict",
}
ENGINES = ("array", "numba")
VERBS = {
    "loss(...)": bl.l2,
    "loss.value_and_grad(...)": bl.l2.value_and_grad,
    "loss.pairwise(...)": bl.l2.pairwise,
}


def rows():
    """The cells of each row of the table by its first cell, and the heads of the columns."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    head, _, *body = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {cells[0]: dict(zip(head, cells, strict=True)) for cells in body}


@pytest.fixture
def ran(monkeypatch):
    """The names of the engines that run, in order."""
    names = []

    def recorded(name, call):
        def run(*args, **kwargs):
            names.append(name)
            return call(*args, **kwargs)

        return run

    select._run.cache_clear()
    for name in ENGINES:
        for verb in ("elementwise", "pairwise"):
            module = import_module(f"boxloss.verbs.{verb}.{name}")
            monkeypatch.setattr(module, "run", recorded(name, module.run))
    # JAX has it instead of `run`, which takes some rows at a time.
    module = import_module("boxloss.verbs.pairwise.array")
    monkeypatch.setattr(module, "matrix", recorded("array", module.matrix))
    yield names
    select._run.cache_clear()


@pytest.mark.parametrize("verb", VERBS)
def test_table_says_what_runs(verb, backend, ran):
    cell = rows()[ROWS[backend.name]][f"`{verb}`"]
    boxes = backend.asarray(np.arange(7.0 * 4).reshape(7, 4))  # a size of its own: JAX compiles at the first call
    result = VERBS[verb](boxes, boxes + 1.0)
    backend.to_numpy(result[0] if isinstance(result, tuple) else result)
    assert set(ran) == set(re.findall(r"`(\w+)`", cell))
    if backend.name == "dask":
        assert len(ran) == {"loss.pairwise(...)": 4}.get(verb, 2)


def test_every_library_of_the_tests_has_a_row():
    from conftest import MODULES

    assert ROWS.keys() == MODULES.keys()
    assert set(ROWS.values()) < rows().keys()
