"""Machine code on disk: a second process does not compile, and the folder does not grow."""

import boxloss as bl
from boxloss.engines import cuda_compile
from instructions import compiled
from processes import run

USE = """
import sys
import boxloss as bl
from boxloss.engines import cuda_launch
from boxloss.engines.cuda_kinds import Elementwise
kind = Elementwise(("xyxy", "xyxy"), False, False, False, False, True)
binary = cuda_launch.machine_code("elementwise", LOSS, "float32", kind, (8, 0))
assert binary.startswith(b"\\x7fELF")
print("numba_cuda" in sys.modules)
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


def test_a_loss_from_outside_the_package_is_not_kept(tmp_path):
    outside = "import boxloss as bl\nclass Outside(bl.L2): pass\n" + USE.replace("LOSS", "Outside()")
    assert run(outside, NUMBA_CACHE_DIR=tmp_path) == "True"
    assert files(tmp_path) == {}


def test_ptx_that_the_assembler_does_not_know_is_left_to_the_driver():
    """Its version may be later, or the GPU may be."""
    text = compiled(bl.l1, "value", "float32", (8, 0)).text
    assert cuda_compile.machine_code(text, (8, 0)).startswith(b"\x7fELF")
    assert cuda_compile.machine_code(text.replace(".version ", ".version 9"), (8, 0)) is None
    assert cuda_compile.machine_code(text, (99, 0)) is None
