"""Machine code on disk: a second process does not compile, and the folder does not grow."""

import boxloss as bl
from boxloss.engines.cuda import compile
from boxloss.engines.cuda.private import NVVM_OPTIONS
from instructions import VERBS, compiled
from processes import run

USE = """
from unittest import mock
import boxloss as bl
from boxloss.engines.cuda import compile, launch
from boxloss.verbs.elementwise.cuda import template
from boxloss.verbs.elementwise.formula import Kind
structure = LOSS.program.structure
kind = Kind(structure, ("xyxy", "xyxy"), False, False, False)
with mock.patch.object(compile, "compile_kernel", wraps=compile.compile_kernel) as compiler:
    name = structure.kind.__name__
    binary, types = launch.machine_code(template, name, "float32", (8, 0), kind, True)
assert binary.startswith(b"\\x7fELF")
assert len(types) == 3 + 3 + len(structure.number_names) + 3 + 1
print(compiler.called)
"""


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_other_processes_find_the_kernel_and_the_folder_does_not_grow(tmp_path):
    use = USE.replace("LOSS", "bl.l2")
    assert run(use, NUMBA_CACHE_DIR=tmp_path) == "True"
    (kernel,) = before = files(tmp_path)
    assert kernel.name.startswith("cuda-sm_80-elementwise-float32-L2-")
    for _ in range(2):
        assert run(use, NUMBA_CACHE_DIR=tmp_path) == "False"
        assert files(tmp_path) == before


def test_a_loss_from_outside_the_package_is_found_until_its_formula_changes(tmp_path):
    outside = (
        "import boxloss as bl\nclass Outside(bl.L2):\n    formula = staticmethod(lambda xp, e: (FACTOR * e * e, e))\n"
    )
    use = outside + USE.replace("LOSS", "Outside()")
    for factor, compiles in (("3.0", "True"), ("3.0", "False"), ("5.0", "True"), ("3.0", "False")):
        assert run(use.replace("FACTOR", factor), NUMBA_CACHE_DIR=tmp_path) == compiles
    assert all(path.name.startswith("cuda-sm_80-elementwise-float32-Outside-") for path in files(tmp_path))


def test_other_options_of_the_compiler_are_another_kernel(monkeypatch):
    template, *options = VERBS["value"](bl.l1.program.structure)
    kernel = compile.written(template, "float32", (8, 0), *options)
    before = kernel.digest
    monkeypatch.setitem(NVVM_OPTIONS, "opt", 2)
    assert kernel.digest != before


def test_ptx_that_the_assembler_does_not_know_is_left_to_the_driver():
    """Its version may be later, or the GPU may be."""
    text = compiled(bl.l1, "value", "float32", (8, 0)).text
    assert compile.linked(text, (8, 0)).startswith(b"\x7fELF")
    assert compile.linked(text.replace(".version ", ".version 9"), (8, 0)) is None
    assert compile.linked(text, (99, 0)) is None
