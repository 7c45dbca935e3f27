"""Fresh processes: kernels on disk, what was imported before, and ``boxloss info``."""

import subprocess
import sys

import pytest

from processes import run

pytestmark = pytest.mark.device

CUPY = "import cupy\nboxes = cupy.arange(8.0).reshape(2, 4)\n"
TORCH = "import torch\nboxes = torch.arange(8.0, device='cuda').reshape(2, 4)\n"
WITHOUT_CUPY = """
import sys

class Missing:
    def find_spec(self, name, *rest):
        if name.partition(".")[0] == "cupy":
            raise ImportError(name)

sys.meta_path.insert(0, Missing())
"""
NUMBA = "from numba import cuda\ncuda.current_context()\n"
USE = """
from unittest import mock
import boxloss as bl
from boxloss.engines.cuda import compile
with mock.patch.object(compile, "compile_kernel", wraps=compile.compile_kernel) as compiler:
    value = bl.l1(boxes, boxes + 1.0, engine="cuda")
assert value.tolist() == [4.0, 4.0], value
print("compiled" if compiler.called else "loaded")
"""
IN_A_THREAD = f"""
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(1) as pool:
    pool.submit(exec, {USE!r}, globals()).result()
"""


def use(folder, code):
    """What the code prints in a process with this cache folder."""
    return run(code, NUMBA_CACHE_DIR=folder, PYTHONWARNINGS="ignore")


def kernels(folder):
    """The kernel files in a folder and their content."""
    return {path: path.read_bytes() for path in folder.rglob("*.kernel")}


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A cache folder with the kernels of both float types."""
    folder = tmp_path_factory.mktemp("cache")
    assert use(folder, CUPY + USE) == "compiled"
    assert use(folder, TORCH + USE) == "compiled"
    return folder


@pytest.mark.parametrize(
    "code",
    [CUPY + USE, TORCH + USE, WITHOUT_CUPY + TORCH + USE, NUMBA + CUPY + USE, TORCH + CUPY + USE, CUPY + IN_A_THREAD],
    ids=["cupy", "torch", "torch without cupy", "numba first", "torch first", "in a thread"],
)
def test_later_processes_do_not_compile(code, filled):
    before = kernels(filled)
    assert len(before) == 2
    assert use(filled, code) == "loaded"
    assert kernels(filled) == before


def test_a_damaged_kernel_is_compiled_again(filled):
    good = kernels(filled)
    both = CUPY + USE + TORCH + USE
    for path, content in good.items():
        path.write_bytes(content[:-7])
        assert use(filled, both).split()[-1] == "compiled"
        assert use(filled, both).split() == ["loaded", "loaded"]
        assert kernels(filled).keys() == good.keys()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "boxloss").touch()
    assert use(tmp_path, CUPY + USE) == "compiled"


def test_info_shows_the_device():
    import cupy

    name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    command = [sys.executable, "-W", "ignore", "-m", "boxloss", "info"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert name in " ".join(shown.split())
    assert "cuda" in shown
