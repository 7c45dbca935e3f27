"""Mean average precision of a set of COCO's size: once it is read, from files, and of resamples of its images.

In CPU time: peers run on other numbers of threads. Those that are not installed are left out.
"""

import contextlib
import importlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import boxloss as bl
import detections
from boxloss import coco

IMAGES, PART = 5000, 10  # a slow peer gets a part of the images
RESAMPLES = 320
PEERS = {  # module -> name of the class that evaluates, and whether it is slow
    "hotcoco": ("COCOeval", False),
    "faster_coco_eval": ("COCOeval_faster", True),
    "pycocotools": ("COCOeval", True),
}
COMMAND = Path(sys.executable).with_name("boxloss")  # as an installer puts it there
SCRIPT = """
import sys
from hotcoco import COCO, COCOeval
truth = COCO(sys.argv[1])
evaluation = COCOeval(truth, truth.load_res(sys.argv[2]), "bbox")
evaluation.evaluate(), evaluation.accumulate(), evaluation.summarize()
"""
# Not what the system says of a child: to that counts what its parent had in use when it was forked.
PEAK = """
import sys
sys.argv = {arguments}
from boxloss.cli import app
try:
    app.main(prog_name="boxloss")
finally:
    status = open("/proc/self/status").read()
    print(status.split("VmHWM:")[1].split()[0], file=sys.stderr)
"""


@pytest.fixture(scope="module")
def files(smoke: bool, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return detections.write(tmp_path_factory.mktemp("set"), *detections.make(IMAGES // 50 if smoke else IMAGES))


@pytest.fixture(scope="module")
def part(smoke: bool, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return detections.write(tmp_path_factory.mktemp("part"), *detections.make(10 if smoke else IMAGES // PART))


def cpu_seconds(call: Callable[[], Any], times: float = 1.0) -> Callable[[], float]:
    """The CPU time of a call on all threads, times the part of the work that it leaves out."""

    def timed() -> float:
        start = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            call()
        return (time.process_time() - start) * times

    return timed


def peer(module: str, paths: tuple[Path, Path]) -> Callable[[], Any] | None:
    """A call of a peer that evaluates what it has read; None if it is not installed."""
    name, _ = PEERS[module]
    try:
        package = importlib.import_module(module)
        if module == "pycocotools":
            COCO = importlib.import_module("pycocotools.coco").COCO
            evaluator = importlib.import_module("pycocotools.cocoeval").COCOeval
        else:
            COCO, evaluator = package.COCO, getattr(package, name)
    except ImportError:
        return None
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(paths[0]))
        found = (truth.load_res if module == "hotcoco" else truth.loadRes)(str(paths[1]))

    def call() -> Any:
        evaluation = evaluator(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        return evaluation

    return call


def test_evaluate(compare, files, part):
    truth = coco.read_ground_truth(files[0])
    found = coco.read_detections(files[1], truth)
    contestants = {"boxloss": cpu_seconds(lambda: bl.evaluate(truth, found, engine="numba").statistics)}
    for module, (_, is_slow) in PEERS.items():
        call = peer(module, part if is_slow else files)
        if call is not None:
            contestants[module] = cpu_seconds(call, PART if is_slow else 1)
    goals = [("evaluate", "hotcoco", "boxloss")] if "hotcoco" in contestants else []
    row = {"detections": f"{len(found.score):,}"}
    compare("evaluate", row, contestants, goals=goals, measures_itself=True, rounds=7)


@pytest.fixture(scope="module")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bytecode")


def process(bytecode: Path, *command: object, wall: bool = False) -> Callable[[], float]:
    """The CPU time of a process, or its wall time.

    Its modules are compiled once and kept in a folder, as an installer keeps them.
    """
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(bytecode), "PYTHONDONTWRITEBYTECODE": ""}

    def timed() -> float:
        command_line, start = [sys.executable, *map(str, command)], time.perf_counter()
        child = subprocess.Popen(command_line, stdout=subprocess.DEVNULL, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0
        return time.perf_counter() - start if wall else usage.ru_utime + usage.ru_stime

    return timed


def test_command(compare, files, bytecode):
    pytest.importorskip("click")
    pytest.importorskip("rich")
    contestants = {"boxloss evaluate": process(bytecode, COMMAND, "evaluate", *files)}
    goals = []
    with contextlib.suppress(ImportError):
        importlib.import_module("hotcoco")
        contestants["hotcoco"] = process(bytecode, "-c", SCRIPT, *files)
        goals.append(("evaluate_command", "boxloss evaluate", "hotcoco"))
    compare("evaluate_command", {"set": "COCO's size"}, contestants, goals=goals, measures_itself=True, rounds=5)


def test_score(compare, smoke, bytecode, tmp_path):
    pytest.importorskip("click")
    pytest.importorskip("rich")
    paths = detections.write(tmp_path, *detections.make(IMAGES // 25 if smoke else 2 * IMAGES))
    contestants = {"boxloss score": process(bytecode, COMMAND, "score", *paths, wall=True)}
    row, goals = {"detections": "20,000" if smoke else "1,000,000"}, [("score_command", "boxloss score", None)]
    compare("score_command", row, contestants, goals=goals, measures_itself=True, rounds=5)


def test_memory(benchmark, record, files):
    pytest.importorskip("click")
    pytest.importorskip("rich")
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("needs /proc")

    def run() -> int:
        code = PEAK.format(arguments=["boxloss", "evaluate", *map(str, files)])
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return int(done.stderr.split()[-1]) * 1024

    peak = benchmark.pedantic(run, rounds=1)
    record(
        "evaluate_memory", {"set": "COCO's size"}, bytes={"peak": peak}, goals=[("evaluate_memory", "peak", peak / 1e6)]
    )


def test_bootstrap(compare, files):
    truth = coco.read_ground_truth(files[0])
    result = bl.evaluate(truth, coco.read_detections(files[1], truth), engine="numba")
    contestants = {"interval": cpu_seconds(lambda: result.interval(resamples=RESAMPLES))}
    compare("bootstrap", {"resamples": RESAMPLES}, contestants, measures_itself=True, rounds=5)
