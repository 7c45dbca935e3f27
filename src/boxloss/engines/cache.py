"""Compiled kernels on disk, so that a second process does not compile.

Numba's own `cache=True` keys a function on its pickled closure, which never repeats for cloned functions: no hit in
the next process, and a folder that grows at every start. Here a kernel has a name of its own: what it was compiled
for, and a digest of everything that its code depends on.
"""

import hashlib
import math
import os
import pickle
import shutil
import sys
import uuid
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import config
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.runtime import rtsys
from numba.core.serialize import dumps

import boxloss
from boxloss.loss import Loss

KEPT_VERSIONS = 3
_SOURCES = (
    "box.py",
    "formats.py",
    "formula.py",
    "geometry.py",
    "guards.py",
    "loss.py",
    "losses/*.py",
    "engines/*.py",
    "lab/*.py",
    "compat/torchvision/conventions.py",
)


def cache_folder() -> Path | None:
    """Where kernels are kept: under ``NUMBA_CACHE_DIR``, or the user's cache folder; None if there is no home."""
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


@cache
def _sources() -> tuple[Path, ...]:
    """The files of this package's source that kernels depend on."""
    package = Path(__file__).parent.parent
    return tuple(source for pattern in _SOURCES for source in sorted(package.glob(pattern)))


def _is_as_imported() -> bool:
    """Whether the source on disk is what this process runs: not after an upgrade or an edit, nor if there is none."""
    stats = [source.stat() for source in _sources()]
    # POSIX has a time of the last change that no tool can set; what unpacks files may set that of modification.
    changed = max((s.st_ctime if os.name == "posix" else s.st_mtime for s in stats), default=math.inf)
    return changed < boxloss._imported_at


@cache
def _version() -> str:
    """A digest of what every kernel depends on: this package's source, the compilers, their settings and Python."""
    settings = (config.OPT, config.LOOP_VECTORIZE, config.SLP_VECTORIZE, config.BOUNDSCHECK, config.USING_SVML)
    digest = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__} {sys.version} {settings}".encode())
    for source in _sources():
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def is_kept(loss: Loss) -> bool:
    """Whether kernels of a loss may be on disk: the source of a loss from outside is not in the digest."""
    terms = loss.structure if isinstance(loss.structure, tuple) else (loss.structure,)
    return all(type(term).__module__.startswith("boxloss.") for term in terms)


def path_of(key: object, label: str = "") -> Path | None:
    """The file of a kernel, under a name of its own that begins with the label; None if it must not be kept."""
    folder = cache_folder()
    try:
        if folder is None or not _is_as_imported():
            return None
        version = _version()
    except OSError:  # an upgrade takes the source away just now
        return None
    name = hashlib.sha256(repr(key).encode()).hexdigest()[:32]
    return folder / version / f"{label}{name}.kernel"


def read(path: Path | None) -> bytes | None:
    """What a file holds; None if it is missing, unreadable or damaged."""
    try:
        content = path.read_bytes() if path else b""
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
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, hashlib.sha256(payload).digest() + payload)
        if is_first:
            _prune(path.parent.parent)
    except OSError:
        return


class KernelCache(NullCache):  # type: ignore[misc]
    """What a Numba dispatcher asks before it compiles and tells afterwards, for one kernel.

    A file that is missing, unreadable or damaged counts as no file, and one that can't be written is not written:
    the cache saves time and never stands in the way.
    """

    def __init__(self, token: str) -> None:
        self.token = token

    def path(self, target_context: Any) -> Path | None:
        """The file of this kernel for this CPU."""
        return path_of((self.token, target_context.codegen().magic_tuple()))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled kernel, or None."""
        try:
            payload = read(self.path(target_context))
            if payload is None:
                return None
            # All that a kernel from disk needs of Numba. `target_context.refresh()`, which Numba's own cache calls,
            # imports every implementation for the compiler too: 0.3 s.
            rtsys.initialize(target_context)
            return CompileResult._rebuild(target_context, *pickle.loads(payload))
        except Exception:
            return None

    def save_overload(self, sig: Any, result: Any) -> None:
        """Write the compiled kernel, whole or not at all."""
        write(self.path(result.target_context), dumps(result._reduce()))


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{uuid.uuid4().hex}.tmp")
    try:
        temporary.write_bytes(content)  # not `tempfile`, whose files no other user can read
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _prune(folder: Path) -> None:
    """Forget the kernels of all but the newest versions."""
    versions = sorted((v for v in folder.iterdir() if v.is_dir()), key=lambda v: v.stat().st_mtime, reverse=True)
    for version in versions[KEPT_VERSIONS:]:
        shutil.rmtree(version, ignore_errors=True)
