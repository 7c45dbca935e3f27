"""Compiled kernels on disk, so that a second process does not compile.

A kernel has a name of its own: a digest of all that it was compiled from; see `boxloss.engines.digest`. Its folder is
that of the compilers and of Python. What is read is machine code that will run, so on POSIX nothing is read or written
where anybody but the user and root could have put it.
"""

import hashlib
import os
import shutil
import stat
import sys
import time
import uuid
from collections.abc import Iterable
from functools import cache
from pathlib import Path

KEPT_VERSIONS, KEPT_KERNELS = 3, 1000
ABANDONED = 3600.0  # seconds after which a file that was never finished is nobody's any more
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def cache_folder() -> Path | None:
    """Find where kernels are kept: under ``NUMBA_CACHE_DIR``, or the user's cache folder; None if there is no home."""
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen) / "boxloss"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "boxloss" / "kernels"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "boxloss" / "kernels"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "boxloss" / "kernels"


def not_used_because(folder: Path) -> str | None:
    """Say why nothing is read from a folder that exists; None if it is."""
    try:
        return _distrusted(folder.stat())
    except OSError as error:
        return (error.strerror or "it can't be read").lower()


def _distrusted(found: os.stat_result) -> str | None:
    """Say who else could have put something in a file or folder; None if nobody."""
    if os.name != "posix":
        return None
    if found.st_uid not in (0, os.geteuid()):
        return "another user owns it"
    return "others can write to it" if found.st_mode & WRITABLE_BY_OTHERS else None


@cache
def _version() -> str:
    """Make a digest of the compilers and of Python."""
    import llvmlite
    import numba

    return hashlib.sha256(f"{numba.__version__} {llvmlite.__version__} {sys.version}".encode()).hexdigest()[:16]


def path_of(key: object, label: str = "") -> Path | None:
    """Find the file of a kernel, under a name of its own that begins with the label; None if none can be kept."""
    folder = cache_folder()
    if folder is None:
        return None
    name = hashlib.sha256(repr(key).encode()).hexdigest()[:32]
    return folder / _version() / f"{label}{name}.kernel"


def read(path: Path | None) -> bytes | None:
    """Read a file; None if it is missing, unreadable, damaged, or not of the user or root alone."""
    if path is None or any(not_used_because(folder) for folder in (path.parent.parent, path.parent)):
        return None
    try:
        if not path.is_file():  # a pipe would be waited for
            return None
        with path.open("rb") as file:
            if _distrusted(os.fstat(file.fileno())):
                return None
            content = file.read()
    except OSError:
        return None
    digest, payload = content[:32], content[32:]
    return payload if hashlib.sha256(payload).digest() == digest else None


def write(path: Path | None, payload: bytes) -> None:
    """Write a file, whole or not at all; one that can't be written is not written."""
    if path is None:
        return
    try:
        is_first = not path.parent.exists()
        path.parent.parent.parent.mkdir(parents=True, exist_ok=True)
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
            if not_used_because(folder):
                return
        _write(path, hashlib.sha256(payload).digest() + payload)
        _prune(path.parent, is_first)
    except OSError:
        return


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{uuid.uuid4().hex}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.chmod(0o644)  # root's, say, may be for all to read; never to write, whatever the umask is
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _prune(folder: Path, is_new: bool) -> None:
    """Forget all but the newest versions, the oldest of very many kernels, and what a killed process left."""
    if is_new:
        versions = _newest_first(v for v in folder.parent.iterdir() if v.is_dir())
        for old in versions[KEPT_VERSIONS:]:
            shutil.rmtree(old, ignore_errors=True)
    kernels = list(folder.glob("*.kernel"))
    forgotten = _newest_first(kernels)[KEPT_KERNELS // 2 :] if len(kernels) > KEPT_KERNELS else []
    forgotten += [left for left in folder.glob("*.tmp") if left.stat().st_mtime < time.time() - ABANDONED]
    for old in forgotten:
        old.unlink(missing_ok=True)


def _newest_first(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True)
