"""Folders of compiled kernels: who else could have put one there, and folders that are not there, or not for us."""

import os
import sys
import tempfile
from functools import partial
from pathlib import Path

import pytest

from boxloss.engines import cache
from boxloss.engines.cache import cache_folder
from cache_folders import everything, filled_by_a_process, kernels, use_afresh
from processes import USE


@pytest.fixture
def use(run_forked):
    """What `use_afresh` does, in a process that has imported Numba before; see `processes.forking`."""
    return partial(use_afresh, run=run_forked)


@pytest.fixture(scope="module")
def filled(tmp_path_factory, run_forked):
    """A cache folder that a first process filled, and its kernel. A test leaves it as it was."""
    return filled_by_a_process(tmp_path_factory.mktemp("cache"), run_forked)


# --- Who else could have put a kernel there ---------------------------------------------------------------------------

of_posix = pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")


@of_posix
def test_folders_are_of_the_user_alone(filled):
    folder, kernel = filled
    for path in (kernel.parent, folder / "boxloss"):
        assert path.stat().st_mode & 0o777 == 0o700


@of_posix
@pytest.mark.parametrize("which", ["file", "version", "folder"])
@pytest.mark.parametrize("how", ["group", "world", "owner"])
def test_what_others_could_have_planted_is_not_read(filled, which, how, use):
    folder, kernel = filled
    path = {"file": kernel, "version": kernel.parent, "folder": folder / "boxloss"}[which]
    mode, owner = path.stat().st_mode, path.stat().st_uid
    if how == "owner":
        if os.geteuid() != 0:
            pytest.skip("only a superuser gives files away")
        os.chown(path, 65534, -1)
    else:
        path.chmod(mode | (0o020 if how == "group" else 0o002))
    before = kernel.read_bytes()
    try:
        assert cache.read(kernel) is None
        if (which, how) in (("file", "group"), ("folder", "world")):  # one each: a process takes seconds
            assert use(folder) > 0
        if which != "file":
            cache.write(kernel, b"")
            assert kernel.read_bytes() == before
            words = "another user owns it" if how == "owner" else "others can write to it"
            assert cache.not_used_because(path) == words
    finally:
        if path.exists():
            os.chown(path, owner, -1)
            path.chmod(mode)
    assert cache.read(kernel) is not None


# --- Folders that are not there, or not for us ----------------------------------------------------------------------

AS_NOBODY = """
import os
import numpy as np
import boxloss as bl
os.environ["NUMBA_CACHE_DIR"], kept = os.devnull, os.environ["NUMBA_CACHE_DIR"]  # no folder can be made there
bl.l2(np.zeros((1, 4)), np.zeros((1, 4)), engine="numba")  # compiled, which imports all that a process needs
os.environ["NUMBA_CACHE_DIR"] = kept
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
def test_a_read_only_folder_is_read_and_not_written(shared_folder, use):
    assert use(shared_folder) > 0
    (version,) = (shared_folder / "boxloss").iterdir()
    before = everything(shared_folder)
    version.chmod(0o555)
    version.parent.chmod(0o755)
    another_kernel = 'bl.huber(np.zeros((1, 4)), np.zeros((1, 4)), engine="numba")\n'
    assert use(shared_folder, AS_NOBODY + another_kernel + USE) == 0
    version.chmod(0o700)
    assert everything(shared_folder) == before


@pytest.mark.skipif(os.name != "posix", reason="pipes with a name")
def test_a_pipe_is_no_kernel(tmp_path):
    """Nobody writes to it: to open it would take for ever."""
    folder = tmp_path / "kernels"
    folder.mkdir(mode=0o700)
    os.mkfifo(folder / "one.kernel")
    assert cache.read(folder / "one.kernel") is None


def test_a_folder_that_can_not_be_made(tmp_path, use):
    file = tmp_path / "file"
    file.write_text("not a folder")
    assert use(file / "cache") > 0
    assert list(everything(tmp_path)) == [file]


def test_without_a_home_there_is_no_cache(use):
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


def test_the_folder_is_in_the_user_cache(tmp_path, use):
    assert use(None, HOME=tmp_path, XDG_CACHE_HOME=None) > 0
    folder = "Library/Caches" if sys.platform == "darwin" else ".cache"
    (kernel,) = kernels(tmp_path)
    assert kernel.is_relative_to(tmp_path / folder / "boxloss" / "kernels")
