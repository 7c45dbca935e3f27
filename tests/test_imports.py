"""The import graph of the package: no circle, and no arrow that runs up the layout; and what an import loads."""

import ast
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import boxloss
from processes import run

ROOT = Path(boxloss.__file__).parent
# A folder or file imports only those above it and what lies in its own folder.
LAYOUT = (
    "printable", "typing", "pictures", "libraries", "shapes", "formulas", "check", "check_parameters", "check_arrays",
    "check_options", "strictness", "request", "reduce", "engines", "verbs", "adapters", "dispatch", "losses",
    "conversion", "functions", "suppression", "testing", "torch", "compat", "data", "coco", "evaluation", "lab", "plot",
    "", "cli", "__main__",
)  # fmt: skip


def modules():
    """The file of each module by its name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


FILES = modules()


def module_of(name):
    """The module that a dotted name is, or is in."""
    while name and name not in FILES:
        name = name.rpartition(".")[0]
    return name


def imports(path):
    """The modules of the package that a file names: at the top, in functions, for types alone, and in strings."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif is_of_string(node):
            names = named_by(node.args[0])
        else:
            continue
        yield from (module_of(name) for name in names if name.split(".")[0] == "boxloss")


def is_of_string(node):
    """Whether this is a call of import_module."""
    return isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "import_module"


def named_by(text):
    """The modules that a string may name: if it is formatted all that begin as it does, below the package itself."""
    if isinstance(text, ast.Constant):
        return [text.value]
    first = text.values[0].value if isinstance(text, ast.JoinedStr) and isinstance(text.values[0], ast.Constant) else ""
    return [name for name in FILES if first.count(".") > 1 and name.startswith(first)]


def test_modules_of_which_a_variable_tells_the_name():
    """Classes of structures that were written down as text, commands, and what is loaded by its public name."""
    found = set()
    for name, path in FILES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if is_of_string(node) and not isinstance(node.args[0], ast.Constant) and not named_by(node.args[0]):
                found.add(name)
    assert found == {"boxloss", "boxloss.cli", "boxloss.formulas.text"}


@cache
def graph():
    """The modules of the package that each of its modules names."""
    return {name: set(imports(path)) - {name} for name, path in FILES.items()}


def place(name):
    """Where in the layout a module is."""
    return LAYOUT.index(name.split(".")[1] if "." in name else "")


def test_every_folder_has_its_place():
    assert {name.split(".")[1] if "." in name else "" for name in FILES} == set(LAYOUT)


@pytest.mark.parametrize("name", FILES)
def test_no_import_runs_up(name):
    assert [other for other in graph()[name] if place(other) > place(name)] == []


def test_no_circle():
    TopologicalSorter(graph()).prepare()


@pytest.mark.parametrize("folder", ["engines", "verbs", "adapters", "formulas", "shapes"])
def test_engines_and_adapters_know_no_losses(folder):
    for name in FILES:
        if name.startswith(f"boxloss.{folder}"):
            assert "class Loss" not in FILES[name].read_text(encoding="utf-8")
            assert not any(other.startswith("boxloss.losses") for other in graph()[name])


# --- What is loaded ---------------------------------------------------------------------------------------------------


def modules_after(code):
    """The top-level names of the modules that are loaded once the code has run."""
    return set(run(f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})").split())


def test_import_loads_numpy_and_the_standard_library_alone():
    added = modules_after("import boxloss") - modules_after("import numpy")
    assert "boxloss" in added
    assert added - {"boxloss"} <= sys.stdlib_module_names
    assert not added & {"concurrent", "multiprocessing", "asyncio", "inspect", "dataclasses"} - {
        "dataclasses",
        "inspect",
    }


def test_numpy_arrays_load_no_other_library():
    use = "import numpy as np, boxloss as bl\nbl.l1(np.zeros((1, 4)), np.zeros((1, 4)), engine="
    assert not modules_after(use + "'array')") & {"numba", "torch", "dask", "jax"}
    loaded = modules_after(use + "'numba')")
    assert "numba" in loaded
    assert not loaded & {"torch", "dask", "jax", "array_api_strict"}


def test_without_numbas_compiler_the_array_library_computes():
    code = """
import sys, numpy as np, boxloss as bl
boxes = np.asarray([[0.0, 0, 2, 2], [1, 1, 3, 3]])
value, grad = bl.giou.value_and_grad(boxes, boxes[::-1])
print(value.round(4).tolist(), "numba" in sys.modules)
try:
    bl.giou(boxes, boxes, engine="numba")
except RuntimeError as error:
    print(error)
"""
    told = "engine='numba' needs Numba's compiler, which NUMBA_DISABLE_JIT=1 turns off"
    assert run(code, NUMBA_DISABLE_JIT=1) == f"[1.0794, 1.0794] False\n{told}"
