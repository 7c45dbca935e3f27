"""Every check of the project: `nox` runs them all, `nox -s NAME` one of them."""

import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2"
nox.options.error_on_missing_interpreters = True
nox.options.reuse_venv = "yes"

PROJECT = nox.project.load_toml("pyproject.toml")
BARE_CHECK = """
import importlib.metadata, subprocess, sys
import numpy as np, boxloss as bl
boxes = np.asarray([[0.0, 0, 2, 2], [1, 1, 3, 3]])
value, grad = bl.ciou.value_and_grad(boxes, boxes[::-1])
np.testing.assert_allclose(value, 1 - 2 / 63)
assert bl.giou.pairwise(boxes, boxes).shape == (2, 2)
installed = {d.name for d in importlib.metadata.distributions()} - {"pip", "setuptools"}
assert installed == {"boxloss", "numpy", "numba", "llvmlite", "array-api-compat"}, installed
line = subprocess.run([sys.executable, "-m", "boxloss"], capture_output=True, text=True)
assert line.returncode == 2 and "boxloss[cli]" in line.stderr, line
print("imported and run with", *sorted(installed))
"""


def groups(*names: str) -> list[str]:
    """The requirements of dependency groups."""
    return nox.project.dependency_groups(PROJECT, *names)


def install_torchvision(session: nox.Session) -> None:
    """Install torchvision's Python code beside the pinned torch: its compiled operators need not match."""
    session.install("--no-deps", "torchvision==0.29.2")


@nox.session
@nox.parametrize(
    "backend", ["numpy", "strict", "torch", "dask", "jax"], ids=["numpy", "strict", "torch", "dask", "jax"]
)
def tests(session: nox.Session, backend: str) -> None:
    """The tests on one array library; a library that is missing fails."""
    session.install(".[cli]", *groups("test"), *(groups(backend) if backend != "numpy" else []))
    if backend == "torch":
        install_torchvision(session)
    session.run("pytest", "-n", "auto", f"--backend={backend}", *session.posargs)


@nox.session
def minimum(session: nox.Session) -> None:
    """The tests on NumPy with the lowest supported versions of the three core dependencies."""
    lowest = [requirement.replace(">=", "==") for requirement in PROJECT["project"]["dependencies"]]
    session.install(".[cli]", *groups("test"), *lowest)
    session.run("pytest", "-n", "auto", "--backend=numpy", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and format."""
    session.install(*groups("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Types, strictly: of the source, and of a user's script under mypy and pyright."""
    session.install(".[cli]", *groups("types"))
    session.run("mypy")
    session.run("python", "tests/typing_user_script.py")
    session.run("mypy", "--strict", "--config-file=", "tests/typing_user_script.py")
    session.run("basedpyright")


@nox.session
def doctest(session: nox.Session) -> None:
    """The examples of the docstrings."""
    session.install(".[cli]", *groups("test"))
    optional = ("*/interop/torch*", "*/interop/jax.py", "*/boxloss/torch.py")
    session.run("pytest", "--doctest-modules", "--pyargs", "boxloss", *(f"--ignore-glob={path}" for path in optional))


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, without a warning."""
    session.install(".[cli]", *groups("docs"))
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks: a short run, or with `-- --publish` the full one, which rewrites docs/benchmarks.md."""
    session.install(".", *groups("bench"))
    install_torchvision(session)
    publish = "--publish" in session.posargs
    rest = [argument for argument in session.posargs if argument != "--publish"]
    results = f"{session.create_tmp()}/benchmarks.json"
    session.run("pytest", "bench", f"--benchmark-json={results}", *([] if publish else ["--smoke"]), *rest)
    page = "docs/benchmarks.md" if publish else f"{session.create_tmp()}/benchmarks.md"
    session.run("python", "bench/tables.py", results, "--out", page)


@nox.session
def build(session: nox.Session) -> None:
    """The wheel, in a bare environment: it imports and runs with the three core dependencies alone."""
    session.install("build")
    folder = Path(session.create_tmp()).resolve()
    shutil.rmtree(f"{folder}/dist", ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", f"{folder}/dist", silent=True)
    session.run("python", "-m", "venv", "--clear", f"{folder}/bare")
    python = f"{folder}/bare/bin/python"
    (wheel,) = Path(folder, "dist").glob("*.whl")
    session.run(python, "-m", "pip", "install", "--quiet", str(wheel), external=True)
    session.chdir(folder)  # not the checkout, whose source must not be what is imported
    session.run(python, "-c", BARE_CHECK, external=True)
