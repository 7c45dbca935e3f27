"""Folders of compiled kernels: what is in them, and processes that use them."""

from pathlib import Path

from processes import USE, run


def kernels(folder):
    """The files of kernels in a folder and their content, without those of how Python enters them."""
    paths = Path(folder).rglob("*.kernel")
    return {path: path.read_bytes() for path in paths if not path.name.startswith("entry-")}


def everything(folder):
    """All that is in a folder, with the time at which it was written."""
    return {path: path.stat().st_mtime_ns for path in Path(folder).rglob("*") if path.is_file()}


def use_afresh(folder, code=USE, run=run, **environment):
    """Run the code with this cache folder in a new process: how many functions were compiled."""
    return int(run(code, NUMBA_CACHE_DIR=folder, **environment))


def filled_by_a_process(folder, run):
    """A cache folder that a first process has filled, and its kernel."""
    assert use_afresh(folder, run=run) > 0
    (kernel,) = kernels(folder)
    return folder, kernel
