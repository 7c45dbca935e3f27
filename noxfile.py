"""Every check of the project: `nox` runs them all, `nox -s NAME` one of them."""

import json
import os
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2026.10.20"  # the first with `session.parallel`
nox.options.error_on_missing_interpreters = False  # of the second Python, where there is only one
nox.options.reuse_venv = "yes"
nox.options.default_venv_backend = "uv|virtualenv"  # uv installs in seconds what takes pip a minute
nox.options.allow_parallel = True

# Where it is set, each of hundreds of processes would compile all that it imports, for seconds.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

PROJECT = nox.project.load_toml("pyproject.toml")
# Of tests/test_*.py: what the lowest versions of NumPy, Numba and array-api-compat decide, which is whether kernels
# compile, what they keep on disk and what NumPy's functions take. What formulas say of boxes is the same with each.
OF_DEPENDENCIES = (
    "backends", "best", "best_near", "cache", "cache_folders", "coco", "coco_matching", "engines", "evaluate",
    "formats", "interop", "kernels", "lab_descent", "layouts", "nms", "nms_inputs", "no_boxes", "own_coordinates",
    "own_formulas", "own_losses", "programs", "programs_formulas", "programs_numbers", "reading", "reductions",
    "registry", "rotated_within", "scalar", "scalar_logarithms", "scalar_powers", "values", "within",
)  # fmt: skip
BARE_CHECK = """
import importlib.metadata, subprocess, sys
import numpy as np, boxloss as bl
boxes = np.asarray([[0.0, 0, 2, 2], [1, 1, 3, 3]])
value, grad = bl.ciou.value_and_grad(boxes, boxes[::-1])
np.testing.assert_allclose(value, 1 - 2 / 63)
assert bl.giou.pairwise(boxes, boxes).shape == (2, 2)
truth = {"image": [1, 1], "category": [1, 2], "box": boxes}
assert bl.evaluate(truth, truth | {"score": [0.9, 0.5]}, engine="numba").ap > 0.99
installed = {d.name for d in importlib.metadata.distributions()} - {"pip", "setuptools"}
assert installed == {"boxloss", "numpy", "numba", "llvmlite", "array-api-compat"}, installed
line = subprocess.run([sys.executable, "-m", "boxloss"], capture_output=True, text=True)
assert line.returncode == 2 and "boxloss[cli]" in line.stderr, line
print("imported and run with", *sorted(installed))
"""


SECOND_PYTHON = "3.13"
OF_PYTHON = (
    "cache", "cache_folders", "errors", "errors_of_arrays", "errors_of_libraries", "forks", "imports", "kernels",
    "programs", "programs_formulas", "programs_numbers", "registry", "threads",
)  # fmt: skip


def second_python() -> str:
    """The second Python that the tests run on: pyenv's, whose own command answers only if it was switched on."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    found = sorted(pyenv.glob(f"versions/{SECOND_PYTHON}.*/bin/python{SECOND_PYTHON}"))
    return str(found[-1]) if found else SECOND_PYTHON


def groups(*names: str) -> list[str]:
    """The requirements of dependency groups."""
    return nox.project.dependency_groups(PROJECT, *names)


def files_of(names: tuple[str, ...]) -> list[str]:
    """The paths of tests."""
    return [f"tests/test_{name}.py" for name in names]


def on_its_cores(session: nox.Session) -> tuple[str, ...]:
    """Options of pytest: as many workers as a session has cores, which is half of them where two run at once.

    With one core there are none: two would each collect, import and warm up.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = cores // 2 if session.parallel else cores
    # Each worker has tests that follow one another, which need the same kernels; one that is done takes from another.
    return ("-n", str(workers if workers > 1 else 0), "--dist", "worksteal")


def install_torch(session: nox.Session) -> None:
    """Install the pinned torch, and torchvision's Python code, whose compiled operators need not match.

    Pip says which build to install: a machine's configuration may point it to one without CUDA's gigabytes. uv, which
    does not read that configuration, then installs it, and unpacks it once for all sessions.
    """
    session.install("pip")
    pinned, *others = groups("torch")
    # Not `cache_dir`, which other sessions write to, and not `create_tmp`, which would move the files of tests.
    report = Path(session.virtualenv.location, "torch.json")
    ask = ("--dry-run", "--quiet", "--no-deps", "--ignore-installed", f"--report={report}")
    if session.run_install("python", "-m", "pip", "install", *ask, pinned):  # not with `nox -R`
        (build,) = json.loads(report.read_text())["install"]
        session.install(f"torch @ {build['download_info']['url']}", *others)
    session.install("--no-deps", "torchvision==0.29.2")


# Sessions begin in the order in which they stand here: long ones first, and NumPy's before those that find its kernels.


@nox.session
def ptx(session: nox.Session) -> None:
    """What the compiler makes of the CUDA kernels, and what comes of executing it on the host, without a GPU.

    `-- --write` writes the table in docs/cuda.md.
    """
    session.install(".", *groups("test", "ptx"))
    workers = [] if "--write" in session.posargs else on_its_cores(session)
    session.run("pytest", *workers, "tests/ptx", *session.posargs)


@nox.session
@nox.parametrize(
    "backend", ["numpy", "jax", "torch", "dask", "strict"], ids=["numpy", "jax", "torch", "dask", "strict"]
)
def tests(session: nox.Session, backend: str) -> None:
    """The tests on one array library; a library that is missing fails."""
    if backend == "torch":
        install_torch(session)
    session.install(".[cli,lab]", *groups("test"), *(groups(backend) if backend != "numpy" else []))
    session.run("pytest", *on_its_cores(session), f"--backend={backend}", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks: a short run, or with `-- --publish` the full one, which rewrites docs/benchmarks.md."""
    install_torch(session)
    session.install(".[cli]", *groups("bench"))
    publish = "--publish" in session.posargs
    rest = [argument for argument in session.posargs if argument != "--publish"]
    folder = session.create_tmp()
    results = f"{folder}/benchmarks.json"
    smoke = [] if publish else ["--smoke"]
    session.run("pytest", "bench", *smoke, f"--benchmark-json={results}", *rest)
    page = "docs/benchmarks.md" if publish else f"{folder}/benchmarks.md"
    session.run("python", "bench/tables.py", results, "--out", page)


@nox.session
def minimum(session: nox.Session) -> None:
    """What depends on the three core dependencies, on NumPy, with the lowest supported versions of these."""
    lowest = [requirement.split(",")[0].replace(">=", "==") for requirement in PROJECT["project"]["dependencies"]]
    session.install(".[cli,lab]", *groups("test"), *lowest)
    session.run("pytest", *on_its_cores(session), "--few", *files_of(OF_DEPENDENCIES), *session.posargs)


@nox.session(python=second_python())
def second(session: nox.Session) -> None:
    """What depends on Python itself, with another than the one that runs nox, where it is installed."""
    session.install(".[cli,lab]", *groups("test"))
    session.run("pytest", *on_its_cores(session), "--few", *files_of(OF_PYTHON), *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, without a warning; its pictures made by commands, and a page of it run as a notebook."""
    session.install(".[cli,lab]", *groups("docs"))
    session.run("python", "docs/make_pictures.py")
    session.run("python", "docs/make_notebook.py")
    session.run("sphinx-build", "-W", "--keep-going", "-j", "auto", "-b", "html", "docs", "docs/_build/html")


@nox.session
def types(session: nox.Session) -> None:
    """Types, strictly: of the source, and of a user's script under mypy and pyright."""
    session.install(".[cli,lab]", *groups("types"))
    cached = ("mypy", "--strict", "--config-file=", f"--cache-dir={session.create_tmp()}/mypy")
    script = "tests/typing_user_script.py"
    session.run("mypy")
    session.run("basedpyright", f"--pythonpath={session.bin}/python")
    session.run("python", script)
    session.run(*cached, "-c", "import boxloss")
    session.run(*cached, script)  # as in a second run of a user's mypy


@nox.session
def doctest(session: nox.Session) -> None:
    """The examples of the docstrings."""
    session.install(".[cli,lab]", *groups("test"))
    optional = ("*/adapters/*", "*/boxloss/torch.py", "*/engines/cuda/*", "*/cuda_*.py", "*/training/detector.py")
    ignored = [f"--ignore-glob={path}" for path in optional]
    session.run("pytest", *on_its_cores(session), "--doctest-modules", "--pyargs", "boxloss", *ignored)


@nox.session
def build(session: nox.Session) -> None:
    """The wheel, in a bare environment: it imports and runs with the three core dependencies alone."""
    session.install("build[uv]")
    folder = Path(session.create_tmp()).resolve()
    shutil.rmtree(f"{folder}/dist", ignore_errors=True)
    session.run("python", "-m", "build", "--installer", "uv", "--outdir", f"{folder}/dist")
    session.run("python", "-m", "venv", "--clear", f"{folder}/bare")
    python = f"{folder}/bare/bin/python"
    (wheel,) = Path(folder, "dist").glob("*.whl")
    session.run(python, "-m", "pip", "install", "--quiet", str(wheel), external=True)
    session.chdir(folder)  # not the checkout, whose source must not be what is imported
    session.run(python, "-c", BARE_CHECK, external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and format."""
    session.install(*groups("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(default=False)
def browser(session: nox.Session) -> None:
    """The report and the explorer in a headless Chromium, as wide as a phone and as wide as a desktop.

    What the explorer computes is compared with NumPy.
    """
    names = ("chromium-headless-shell", "chromium", "chromium-browser")  # the first starts in half of the time
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        session.error("Chromium is not installed: apt-get install chromium-headless-shell")
    session.install(".[lab]", *groups("browser"))
    folder, sample = session.create_tmp(), "src/boxloss/data/sample"
    files = [f"{sample}/ground_truth.json", f"{sample}/detections.json"]
    report = ("boxloss", "report", "--quick", "--out", folder, *files)
    tests = ("pytest", "-p", "no:cacheprovider", f"--chromium={chromium}", f"--report={folder}/index.html")
    session.run(*report)
    session.run(*tests, *on_its_cores(session), "browser", *session.posargs)


@nox.session(default=False)
def newest(session: nox.Session) -> None:
    """The tests on NumPy and on the newest release of each array library, before their pins move; only if named."""
    for backend in ("numpy", "strict", "dask", "jax", "torch"):
        unpinned = [requirement.split("==")[0] for requirement in groups(*([] if backend == "numpy" else [backend]))]
        session.install("--upgrade", ".[cli,lab]", *groups("test"), *unpinned)
        if backend == "torch":
            session.install("--upgrade", "--no-deps", "torchvision")
        session.run("pytest", *on_its_cores(session), f"--backend={backend}", *session.posargs)


@nox.session(default=False)
def peers(session: nox.Session) -> None:
    """The documentation on ultralytics, transformers, torchvision's detectors and trackers, with these installed."""
    install_torch(session)
    session.install(".[cli]", *groups("test", "peers"))
    session.install("--no-deps", "ultralytics==8.4.190", "norfair==2.3.0", "trackers==2.6.1")
    environment = {"YOLO_CONFIG_DIR": session.create_tmp(), "YOLO_OFFLINE": "true"}
    session.run("pytest", "tests/peers", "-p", "no:cacheprovider", *session.posargs, env=environment)


@nox.session(default=False)
def parity(session: nox.Session) -> None:
    """Values and gradients of `boxloss.compat` beside those of the libraries that it stands for.

    With `-- --darknet=CHECKOUT --detectron2=CHECKOUT` those of darknet and of detectron2 too, and with `--write` beside
    them docs/parity.md and the recorded values of the tests.
    """
    install_torch(session)
    session.install(".", *groups("test", "parity"))
    # Functions are taken from the files of these, most of which do not import beside each other.
    session.install("pip")
    pinned = nox.project.dependency_groups(PROJECT, "parity-files")
    session.run("python", "-m", "pip", "install", "--quiet", "--no-deps", "--ignore-requires-python", *pinned)
    environment = {"KERAS_BACKEND": "torch"}
    session.run("pytest", "tests/parity", "-p", "no:cacheprovider", *session.posargs, env=environment)


@nox.session(default=False)
def gpu(session: nox.Session) -> None:
    """On a machine with a GPU: its tests, compute-sanitizer where it is installed, and its benchmark.

    With `-- cuda12` for a driver of CUDA 12; with `-- --publish` the figures go into docs/benchmarks.md.
    """
    options = {"cuda12", "--publish"} & set(session.posargs)
    rest = [argument for argument in session.posargs if argument not in options]
    extra = "cuda12" if "cuda12" in options else "cuda13"
    session.install(f".[cli,torch,{extra}]", "torchvision", "pytest>=8.2", "pytest-xdist>=3.6")
    session.run("pytest", "-n4", "tests/gpu", *rest)
    if sanitizer := shutil.which("compute-sanitizer"):
        smoke = ("python", "-m", "pytest", "tests/gpu", "-k", "smoke")
        # cuda-bindings asks the driver for functions that it may not have, which memcheck would count as errors.
        for tool in (["memcheck", "--report-api-errors=no"], ["racecheck"], ["synccheck"]):
            check = (sanitizer, "--error-exitcode=1", "--tool", *tool)
            session.run(*check, *smoke, env={"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}, external=True)
    results = f"{session.create_tmp()}/gpu.json"
    session.run("python", "bench/gpu.py", "--out", results)
    if "--publish" in options:
        session.run("python", "bench/gpu_tables.py", results)
