"""``boxloss info``: what is installed and what runs."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

import boxloss as bl
from boxloss.cli import console

CORE = ("numpy", "numba", "array-api-compat")
OPTIONAL = ("torch", "cupy", "cupy-cuda12x", "cupy-cuda13x", "dask", "jax")


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
    console.stdout().print(table)


def engines() -> list[str]:
    """List the engines that can run here."""
    return ["array", "numba"] if installed_version("numba") else ["array"]


def describe_cache() -> str:
    """Say where compiled kernels are kept, how many files there are and how large they are."""
    from boxloss.engines.cache import cache_folder  # here, since it imports Numba

    folder: Path | None = cache_folder()
    if folder is None:
        return "none: there is no folder to keep it in"
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return f"{folder}: {console.count(len(sizes), 'file')}, {sum(sizes) / 1e6:.1f} MB"
