"""``boxloss info``: what is installed and what runs."""

import platform
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

import boxloss as bl
from boxloss.cli import console
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
    table = console.table("", "")
    table.show_header = False
    table.add_row("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    table.add_row("boxloss", bl.__version__)
    for name in CORE:
        table.add_row(name, installed_version(name) or "not installed")
    for name in OPTIONAL:
        if found := installed_version(name):
            table.add_row(name, found)
    table.add_row("engines", ", ".join(engines()))
    table.add_row("threads", str(bl.get_num_threads()))
    table.add_row("kernel cache", describe_cache())
    for line in describe_cuda():
        table.add_row("CUDA", line)
    for line in cuda_kernels():
        table.add_row("CUDA kernels", line)
    console.show(table)


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
    from boxloss.engines.cache import cache_folder

    folder = cache_folder()
    names = [path.name for path in folder.rglob("cuda-*.kernel")] if folder else []
    found = Counter(" ".join(name.split("-")[1:-1]) for name in names)
    return [f"{name}: {count}" for name, count in sorted(found.items())]


def describe_cache() -> str:
    """Say where compiled kernels are kept, how many files there are and how large they are."""
    from boxloss.engines.cache import cache_folder  # here, since it imports Numba

    folder: Path | None = cache_folder()
    if folder is None:
        return "none: there is no folder to keep it in"
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return f"{folder}: {console.count(len(sizes), 'file')}, {sum(sizes) / 1e6:.1f} MB"
