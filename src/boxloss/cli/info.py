"""``boxloss info``: what is installed and what runs."""

import os
import platform
from collections import Counter
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NoReturn

import click

import boxloss as bl
from boxloss.cli import console
from boxloss.cli.tables import Table
from boxloss.engines import cache
from boxloss.libraries import cuda

CORE = ("numpy", "numba", "array-api-compat")
OPTIONAL = ("torch", "cupy", "cupy-cuda12x", "cupy-cuda13x", "numba-cuda", "dask", "jax")


def installed_version(distribution: str) -> str | None:
    """Return the version of a distribution, found without importing it, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


@click.command()
def info() -> None:
    """Show versions, engines, threads and the kernel cache."""
    rows = [
        ["Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"],
        ["boxloss", bl.__version__],
        *([name, installed_version(name) or "not installed"] for name in CORE),
        *([name, found] for name in OPTIONAL if (found := installed_version(name))),
        ["engines", ", ".join(engines())],
        ["threads", describe_threads()],
        ["kernel cache", describe_cache()],
        *(["CUDA", line] for line in describe_cuda()),
        *(["CUDA kernels", line] for line in cuda_kernels()),
    ]
    console.show(Table(("", ""), (), rows))


def describe_threads() -> str:
    """Say how many threads a call may use, or what is wrong with the environment."""
    try:
        return str(bl.get_num_threads())
    except ValueError as error:
        return str(error)


def engines() -> list[str]:
    """List the engines that can run here."""
    return ["array", "numba"] if cuda.missing() else ["array", "numba", "cuda"]


def describe_cuda() -> list[str]:
    """Describe the driver and each device, or say what is missing."""
    if lacks := cuda.missing():
        return [f"needs {lacks}"]
    devices = [cuda.device(ordinal) for ordinal in range(cuda.device_count())]
    return [
        f"driver for CUDA {cuda.driver_version()}",
        *(f"device {d.ordinal}: {d.name}, sm_{d.capability[0]}{d.capability[1]}" for d in devices),
    ]


def cuda_kernels() -> list[str]:
    """List the kernels for GPUs in the cache, by device, verb, float type and loss."""
    try:
        names = [path.name for path, _ in cached_files()]
    except OSError:  # `describe_cache` says it
        return []
    kernels = [name for name in names if name.startswith("cuda-") and name.endswith(".kernel")]
    found = Counter(" ".join(name.split("-")[1:-1]) for name in kernels)
    return [f"{name}: {count}" for name, count in sorted(found.items())]


def describe_cache() -> str:
    """Say where compiled kernels are kept, how many there are and how large they are; or why they are not used."""
    folder = cache.cache_folder()
    if folder is None:
        return "none: there is no folder to keep it in"
    try:
        sizes = [size for _, size in cached_files()]
    except OSError as error:
        return f"{error.filename or folder}: cannot be read: {error.strerror or error}"
    if folder.exists() and (reason := cache.not_used_because(folder)):
        return f"{folder}: not used, since {reason}"
    return f"{folder}: {console.count(len(sizes), 'file')}, {sum(sizes) / 1e6:.1f} MB"


def cached_files() -> list[tuple[Path, int]]:
    """List the files in the folder of compiled kernels with their sizes; unlike `Path.rglob`, complain of a folder."""
    folder = cache.cache_folder()
    if folder is None or not folder.exists():
        return []
    found = []
    for parent, _, names in os.walk(folder, onerror=_complain):
        for path in (Path(parent, name) for name in names):
            with suppress(FileNotFoundError):  # another process has just renamed it
                found.append((path, path.stat().st_size))
    return found


def _complain(error: OSError) -> NoReturn:
    raise error
