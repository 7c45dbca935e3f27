"""Compiled kernels on disk: the second process does not compile, and no state of the folder stands in the way."""

import hashlib
import math
import os
import pickle
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

import boxloss
from boxloss.engines import cache
from boxloss.engines.cache import KEPT_VERSIONS, cache_folder
from processes import USE, finish, run, start


def kernels(folder):
    """The kernel files in a folder and their content."""
    return {path: path.read_bytes() for path in Path(folder).rglob("*.kernel")}


def everything(folder):
    """All that is in a folder, with the time at which it was written."""
    return {path: path.stat().st_mtime_ns for path in Path(folder).rglob("*") if path.is_file()}


def use(folder, code=USE, **environment):
    """Run the code with this cache folder: how many functions were compiled."""
    return int(run(code, NUMBA_CACHE_DIR=folder, **environment))


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A cache folder that a first process filled, and its kernel. A test leaves it as it was."""
    folder = tmp_path_factory.mktemp("cache")
    assert use(folder) > 0
    (kernel,) = kernels(folder)
    return folder, kernel


def test_other_processes_find_the_kernel_and_the_folder_does_not_grow(filled):
    folder, kernel = filled
    assert kernel.parent.parent == folder / "boxloss"
    before = everything(folder)
    assert list(before) == [kernel]
    for _ in range(3):
        assert use(folder) == 0
        assert everything(folder) == before


@pytest.mark.parametrize("damage", ["truncated", "flipped bit", "digest of garbage"])
def test_a_damaged_kernel_counts_as_none_and_is_repaired(filled, damage):
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
    assert list(everything(folder)) == [kernel]
    assert kernel.read_bytes() != damaged
    assert use(folder) == 0
    kernel.write_bytes(good)


def test_kernels_of_old_versions_are_forgotten(tmp_path):
    versions = tmp_path / "boxloss"
    for age in range(6):
        old = versions / f"version{age}"
        old.mkdir(parents=True)
        (old / "some.kernel").touch()
        os.utime(old, (1e9 - age, 1e9 - age))
    (versions / "a file").touch()
    use(tmp_path)
    (current,) = (path.parent for path, content in kernels(tmp_path).items() if content)
    kept = {path for path in versions.iterdir() if path.is_dir()}
    assert kept == {current, *(versions / f"version{age}" for age in range(KEPT_VERSIONS - 1))}
    assert (versions / "a file").exists()


def test_processes_that_start_together(tmp_path):
    processes = [start(USE, NUMBA_CACHE_DIR=tmp_path) for _ in range(2)]
    for process in processes:
        finish(process)
    assert len(everything(tmp_path)) == 1
    assert use(tmp_path) == 0


def test_kernels_of_other_parameters_and_types_are_others(tmp_path):
    code = """
import numpy as np, boxloss as bl
boxes = np.zeros((1, 4))
for dtype in (np.float32, np.float64):
    for beta in (0.5, 2.0):
        value = bl.SmoothL1(beta=beta)(boxes.astype(dtype), boxes.astype(dtype) + 1, engine="numba")
        assert value.dtype == dtype and value == (3.0 if beta == 0.5 else 1.0), (dtype, beta, value)
"""
    for _ in range(2):
        run(code, NUMBA_CACHE_DIR=tmp_path)
        assert len(kernels(tmp_path)) == 4


def test_a_loss_from_outside_the_package_is_not_kept(tmp_path):
    """Its source is not in the version of the cache: a change of it would not be seen."""
    code = """
import numpy as np, boxloss as bl
class Doubled(bl.L1):
    @staticmethod
    def formula(xp, e):
        return 2.0 * xp.abs(e), 2.0 * xp.sign(e)
assert Doubled()(np.zeros((1, 4)), np.ones((1, 4)), engine="numba") == 8.0
assert (1.0 * Doubled() + bl.l1)(np.zeros((1, 4)), np.ones((1, 4)), engine="numba") == 12.0
"""
    run(code, NUMBA_CACHE_DIR=tmp_path)
    assert everything(tmp_path) == {}


def test_a_process_whose_source_was_changed_keeps_no_kernels(tmp_path):
    """What it compiles is not of that source, and would be taken for it ever after."""
    package = tmp_path / "lib" / "boxloss"
    shutil.copytree(Path(boxloss.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__", "data"))
    folder = tmp_path / "cache"
    changed = f"import boxloss, pathlib\npathlib.Path({str(package / 'geometry.py')!r}).touch()\n"
    path = os.pathsep.join([str(package.parent), *sys.path])
    assert use(folder, changed + USE, PYTHONPATH=path) > 0
    assert not folder.exists()


@pytest.mark.parametrize("sources", [[], [Path("gone.py")]])
def test_a_process_without_source_keeps_no_kernels(sources, monkeypatch):
    """Such as one of an application in a single file: other versions of the package would have the same digest."""
    monkeypatch.setattr(boxloss, "_imported_at", math.inf)
    assert cache.path_of("any") is not None
    monkeypatch.setattr(cache, "_sources", lambda: sources)
    assert cache.path_of("any") is None


@pytest.mark.skipif(os.name != "posix", reason="time of change of POSIX")
def test_source_that_was_unpacked_with_a_time_in_the_future_is_no_changed_source(tmp_path, monkeypatch):
    source = tmp_path / "source.py"
    source.touch()
    os.utime(source, (4e9, 4e9))
    monkeypatch.setattr(cache, "_sources", lambda: [source])
    assert cache.path_of("any") is None  # it is newer than this process
    monkeypatch.setattr(boxloss, "_imported_at", source.stat().st_ctime + 1.0)
    assert cache.path_of("any") is not None


def test_kernels_of_several_processes_have_names_of_their_own(tmp_path):
    """A process that loads both finds machine code by name."""
    code = "import numpy as np, boxloss as bl\nbl.SmoothL1(beta={})(*np.zeros((2, 1, 4)), engine='numba')"
    for process in [start(code.format(beta), NUMBA_CACHE_DIR=tmp_path) for beta in (0.5, 2.0)]:
        finish(process)
    names = {pickle.loads(content[32:])[1].mangled_name for content in kernels(tmp_path).values()}
    assert len(names) == len(kernels(tmp_path)) == 2


def test_settings_of_the_compiler_have_kernels_of_their_own(filled):
    """Those compiled without optimisation would be slow ever after."""
    folder, kernel = filled
    code = "from boxloss.engines.cache import path_of\nprint(path_of('any').parent.name)"
    assert run(code, NUMBA_CACHE_DIR=folder) == kernel.parent.name
    assert run(code, NUMBA_CACHE_DIR=folder, NUMBA_OPT=0) != kernel.parent.name


# --- Folders that are not there, or not for us ----------------------------------------------------------------------

AS_NOBODY = """
import os
import numpy as np
import boxloss as bl
class Outside(bl.L1):  # such a loss is always compiled, and that imports all that a process needs
    pass
Outside()(np.zeros((1, 4)), np.zeros((1, 4)), engine="numba")
if os.geteuid() == 0:  # a superuser writes to every folder
    os.seteuid(65534)
"""


@pytest.fixture
def shared_folder():
    """A folder that any user of the machine can enter."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_read_only_folder_is_read_and_not_written(shared_folder):
    assert use(shared_folder) > 0
    (version,) = (shared_folder / "boxloss").iterdir()
    before = everything(shared_folder)
    version.chmod(0o555)
    another_kernel = 'bl.huber(np.zeros((1, 4)), np.zeros((1, 4)), engine="numba")\n'
    assert use(shared_folder, AS_NOBODY + another_kernel + USE) == 0
    version.chmod(0o755)
    assert everything(shared_folder) == before


def test_a_folder_that_can_not_be_made(tmp_path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    assert use(file / "cache") > 0
    assert list(everything(tmp_path)) == [file]


def test_without_a_home_there_is_no_cache():
    code = """
import pathlib
def no_home():
    raise RuntimeError("Could not determine home directory.")
pathlib.Path.home = no_home
from boxloss.engines.cache import cache_folder
assert cache_folder() is None
"""
    assert use(None, code + USE) > 0


@pytest.mark.skipif(os.name != "posix", reason="HOME is of POSIX")
@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("win32", {"LOCALAPPDATA": "local"}, "local/boxloss/kernels"),
        ("win32", {}, "home/AppData/Local/boxloss/kernels"),
        ("darwin", {}, "home/Library/Caches/boxloss/kernels"),
        ("linux", {"XDG_CACHE_HOME": "cache"}, "cache/boxloss/kernels"),
        ("linux", {}, "home/.cache/boxloss/kernels"),
        ("linux", {"NUMBA_CACHE_DIR": "numba"}, "numba/boxloss"),
    ],
)
def test_the_folder_of_each_platform(platform, variables, expected, monkeypatch):
    for name in ("LOCALAPPDATA", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("home"))
    assert cache_folder() == Path(expected)


def test_the_folder_is_in_the_user_cache(tmp_path):
    assert use(None, HOME=tmp_path, XDG_CACHE_HOME=None) > 0
    folder = "Library/Caches" if sys.platform == "darwin" else ".cache"
    (kernel,) = kernels(tmp_path)
    assert kernel.is_relative_to(tmp_path / folder / "boxloss" / "kernels")
