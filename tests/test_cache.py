"""Compiled kernels on disk: the second process does not compile, and a kernel is that of what it was compiled from."""

import compileall
import hashlib
import os
import pickle
import re
import shutil
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

import boxloss
from boxloss.engines import cache
from boxloss.engines.cache import KEPT_VERSIONS
from boxloss.engines.digest import digest_of
from boxloss.engines.machine import inner
from boxloss.engines.numba import blocks, columns, loops
from boxloss.engines.numba.compile import machine
from boxloss.engines.numba.private import address_of
from boxloss.verbs.elementwise import numba as elementwise
from boxloss.verbs.elementwise.formula import Kind
from cache_folders import everything, filled_by_a_process, kernels, use_afresh
from processes import USE, finish, start


@pytest.fixture
def use(run_forked):
    """What `use_afresh` does, in a process that has imported Numba before; see `processes.forking`."""
    return partial(use_afresh, run=run_forked)


@pytest.fixture(scope="module")
def filled(tmp_path_factory, run_forked):
    """A cache folder that a first process filled, and its kernel. A test leaves it as it was."""
    return filled_by_a_process(tmp_path_factory.mktemp("cache"), run_forked)


def test_other_processes_find_the_kernel_and_the_folder_does_not_grow(filled, use):
    folder, kernel = filled
    assert kernel.parent.parent == folder / "boxloss"
    before = everything(folder)
    assert list(kernels(folder)) == [kernel]
    for another in (use_afresh, use, use):
        assert another(folder) == 0
        assert everything(folder) == before


@pytest.mark.parametrize("damage", ["truncated", "flipped bit", "digest of garbage"])
def test_a_damaged_kernel_counts_as_none_and_is_repaired(filled, damage, use):
    folder, kernel = filled
    good = kernel.read_bytes()
    middle = len(good) // 2
    garbage = b"\x80\x05no pickle"
    damaged = {
        "truncated": good[:middle],
        "flipped bit": bytes([*good[:middle], good[middle] ^ 1, *good[middle + 1 :]]),
        "digest of garbage": hashlib.sha256(garbage).digest() + garbage,
    }[damage]
    kernel.write_bytes(damaged)
    assert use(folder) > 0
    assert list(kernels(folder)) == [kernel]
    assert kernel.read_bytes() != damaged
    assert use(folder) == 0
    kernel.write_bytes(good)


def test_kernels_of_old_versions_are_forgotten(tmp_path, use):
    versions = tmp_path / "boxloss"
    for age in range(6):
        old = versions / f"version{age}"
        old.mkdir(parents=True)
        (old / "some.kernel").touch()
        os.utime(old, (1e9 - age, 1e9 - age))
    (versions / "a file").touch()
    use(tmp_path)
    (current,) = {path.parent for path, content in kernels(tmp_path).items() if content}
    kept = {path for path in versions.iterdir() if path.is_dir()}
    assert kept == {current, *(versions / f"version{age}" for age in range(KEPT_VERSIONS - 1))}
    assert (versions / "a file").exists()


def test_processes_that_start_together(tmp_path, use):
    processes = [start(USE, NUMBA_CACHE_DIR=tmp_path) for _ in range(2)]
    for process in processes:
        finish(process)
    assert len(kernels(tmp_path)) == 1
    assert len(everything(tmp_path)) == 2
    assert use(tmp_path) == 0


def test_kernels_of_other_types_are_others_and_those_of_other_numbers_the_same(tmp_path, run_forked):
    code = """
import numpy as np, boxloss as bl
boxes = np.zeros((1, 4))
for dtype in (np.float32, np.float64):
    for beta in (0.5, 2.0):
        value = bl.SmoothL1(beta=beta)(boxes.astype(dtype), boxes.astype(dtype) + 1, engine="numba")
        assert value.dtype == dtype and value == (3.0 if beta == 0.5 else 1.0), (dtype, beta, value)
"""
    for _ in range(2):
        run_forked(code, NUMBA_CACHE_DIR=tmp_path)
        assert len(kernels(tmp_path)) == 2


OUTSIDE = """
import numpy as np, boxloss as bl
from numba.core import event
FACTOR = {factor}
def slope(xp, e):
    return (lambda sign: FACTOR * sign)(xp.sign(e))
class Scaled(bl.L1):
    @staticmethod
    def formula(xp, e):
        return FACTOR * xp.abs(e), slope(xp, e)
with event.install_recorder("numba:compile") as compilations:
    value, grad = Scaled().value_and_grad(np.zeros((1, 4)), np.ones((1, 4)), engine="numba")
assert value == 4.0 * FACTOR and (grad == -FACTOR).all(), (value, grad)
print(len(compilations.buffer))
"""


def test_a_loss_from_outside_the_package_is_kept_until_its_source_changes(tmp_path, use):
    """The kernel is found by what it computes: a function, a constant and a lambda that the formula names count."""
    assert use(tmp_path, OUTSIDE.format(factor=2.0)) > 0
    assert use(tmp_path, OUTSIDE.format(factor=2.0)) == 0
    assert use(tmp_path, OUTSIDE.format(factor=3.0)) > 0
    assert use(tmp_path, OUTSIDE.format(factor=3.0)) == use(tmp_path, OUTSIDE.format(factor=2.0)) == 0


def test_an_edited_package_has_kernels_of_its_own(tmp_path, use):
    """Whatever file is edited: here one that kernels are made of, and one that they do not depend on."""
    package = tmp_path / "lib" / "boxloss"
    shutil.copytree(Path(boxloss.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__", "data"))
    folder, path = tmp_path / "cache", os.pathsep.join([str(package.parent), *sys.path])
    assert use(folder, PYTHONPATH=path) > 0
    for name, line in [("losses/giou.py", "\n# edited\n"), ("losses/iou.py", "\nNEW = 1.0\n")]:
        (package / name).write_text((package / name).read_text() + line)
        assert use(folder, PYTHONPATH=path) == 0
    source = package / "losses" / "l1.py"
    source.write_text(source.read_text().replace("return xp.abs(e), xp.sign(e)", "return 1.0 * xp.abs(e), xp.sign(e)"))
    assert use(folder, PYTHONPATH=path) > 0
    loop = package / "verbs" / "elementwise" / "numba.py"
    loop.write_text(loop.read_text().replace("        prefer_wide_vectors()\n", "        prefer_wide_vectors()\n" * 2))
    assert use(folder, PYTHONPATH=path) > 0


def test_a_process_without_source_finds_the_kernels(filled, tmp_path, use):
    """Such as one of an application in a single file."""
    folder, _ = filled
    package = tmp_path / "boxloss"
    shutil.copytree(Path(boxloss.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__", "data"))
    compileall.compile_dir(package, quiet=2, legacy=True)
    for source in package.rglob("*.py"):
        source.unlink()
    assert use(folder, PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path])) == 0


def test_kernels_of_several_processes_have_names_of_their_own(tmp_path, run_forked):
    """A process that loads both finds machine code by name."""
    for name in ("l1", "l2"):
        code = f"import numpy as np, boxloss as bl\nbl.{name}(*np.zeros((2, 1, 4)), engine='numba')"
        run_forked(code, NUMBA_CACHE_DIR=tmp_path)
    names = {pickle.loads(content[32:])[1].mangled_name for content in kernels(tmp_path).values()}
    assert len(names) == len(kernels(tmp_path)) == 2


BEST = """
import numpy as np, boxloss as bl
rng = np.random.default_rng(0)
corner = rng.uniform(0, 50, (300, 2))
boxes = np.concatenate([corner, corner + rng.uniform(1, 20, (300, 2))], axis=1).astype(np.float32)
some = boxes[:100]
"""


@pytest.fixture(scope="module")
def filled_by_two(tmp_path_factory, run_forked):
    """A cache folder with kernels of functions that are not inlined, as some of topk, which two processes compiled.

    Those of a loss and of a score have the same name and types. The first process compiles what is prepared of boxes
    before, the second something else, so Numba gives them the same numbers too.
    """
    folder = tmp_path_factory.mktemp("cache")
    others = "bl.iou.below(boxes, boxes, 0.5), bl.nms(boxes, boxes[:, 0])"
    for use in ("bl.giou.topk(boxes, some, 4)", f"bl.l1(boxes, boxes)\nbl.iou_score.topk(boxes, some, 4), {others}"):
        run_forked(BEST + use, NUMBA_CACHE_DIR=folder)
    return folder


def test_functions_of_kernels_of_several_processes_are_not_mixed_up(filled_by_two, run_forked):
    check = """
for loss in (bl.giou, bl.iou_score):
    rising = np.sort(loss.pairwise(boxes, some), axis=1)
    expected = rising[:, :-5:-1] if loss.is_score else rising[:, :4]
    np.testing.assert_array_equal(loss.topk(boxes, some, 4)[0], expected)
"""
    run_forked(BEST + check, NUMBA_CACHE_DIR=filled_by_two)


def test_each_function_of_a_kernel_has_what_it_is_compiled_from_in_its_name(filled_by_two):
    names = {
        name for content in kernels(filled_by_two).values() for name in re.findall(rb"_ZN7boxloss\w+?B\d?v\d+", content)
    }
    assert len(names) > 4
    for verb in (b"topk", b"within", b"nms"):
        assert any(verb in name for name in names), verb
    assert [name for name in names if not re.search(rb"[0-9a-f]{16}B\d?v\d+$", name)] == []


def test_settings_of_the_compiler_have_kernels_of_their_own(filled, use):
    """Those compiled without optimisation would be slow ever after."""
    folder, kernel = filled
    assert use_afresh(folder, NUMBA_OPT=0) > 0
    assert use_afresh(folder, NUMBA_OPT=0) == use(folder) == 0
    for other in set(kernels(folder)) - {kernel}:
        other.unlink()


def test_very_many_kernels_and_what_a_killed_process_left_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cache, "KEPT_KERNELS", 4)
    paths = [cache.path_of(k) for k in range(5)]
    cache.write(paths[0], b"0")
    left, young = (paths[0].with_name(f"{age}.tmp") for age in ("old", "young"))
    for k, path in enumerate([*paths[1:4], left, young]):
        path.write_bytes(b"")
        os.utime(path, (1e9 + k, 1e9 + k))
    os.utime(young)
    cache.write(paths[4], b"4")
    assert set(everything(tmp_path)) == {paths[0], paths[4], young}


@pytest.mark.parametrize(
    ("module", "name"),
    [(blocks, "CACHE_LINE"), (loops, "emit"), (columns, "gcd"), (columns, "vector_at")],
)
def test_what_only_methods_name_is_in_the_digest(module, name, monkeypatch):
    """Boxes are loaded and stored by methods of classes, which a kernel is compiled from too."""
    kind = Kind(boxloss.iou.program.structure, ("cxcywha", "cxcywha"), True, False, False)

    def digest():
        kernel, signature = elementwise.kernel(machine("float32"), kind)
        return digest_of(kernel, str(signature), inner=inner)

    before = digest()
    assert digest() == before
    value = getattr(module, name)
    monkeypatch.setattr(module, name, 2 * value if isinstance(value, int) else lambda *given: value(*given))
    assert digest() != before


# Modules of Numba that have what this package uses of it and is not public.
MODULES = ("caching", "codegen", "compiler", "compiler_lock", "serialize")
WITHOUT_MODULES = """
import importlib, sys, types
modules = {{name: importlib.import_module("numba.core." + name) for name in {modules}}}
for name, module in modules.items():
    sys.modules["numba.core." + name] = types.ModuleType(name)
import boxloss.engines.numba.private
sys.modules.update({{"numba.core." + name: module for name, module in modules.items()}})
"""
WITHOUT_ATTRIBUTES = """
from numba.core import codegen, config
del config.USING_SVML, codegen.CPUCodegen.magic_tuple
"""


@pytest.mark.parametrize("empty", [MODULES, MODULES[-1:], ()], ids=["all", "one", "attributes"])
def test_without_what_is_not_public_in_numba_each_process_compiles(empty, tmp_path, use):
    before = WITHOUT_MODULES.format(modules=empty) if empty else WITHOUT_ATTRIBUTES
    for _ in range(2):
        assert use(tmp_path, before + USE) > 0
    assert everything(tmp_path) == {}


NOWHERE = SimpleNamespace(
    library=SimpleNamespace(get_pointer_to_function=lambda name: 0), fndesc=SimpleNamespace(llvm_func_name="f")
)


@pytest.mark.parametrize("overloads", [{1: SimpleNamespace()}, {1: NOWHERE}], ids=["other names", "no address"])
def test_a_numba_that_puts_machine_code_elsewhere_is_told_so(overloads):
    with pytest.raises(RuntimeError, match=r"finds compiled code in Numba 0\.61 to .* but not in Numba \d"):
        address_of(SimpleNamespace(overloads=overloads))


def test_a_kernel_that_can_not_be_kept_is_run_all_the_same(tmp_path, run_forked):
    """As where Ctrl-C, in a function that LLVM calls, kept it from handing over what it compiled."""
    code = """
import numba.core.compiler as compiler
def interrupted(self):
    raise RuntimeError("no compiled object yet")
compiler.CompileResult._reduce = interrupted
"""
    run_forked(code + USE, NUMBA_CACHE_DIR=tmp_path)
    assert everything(tmp_path) == {}
