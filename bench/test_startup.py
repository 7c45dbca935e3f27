"""Imports and first calls, each in a process of its own, and the kernels that processes leave on disk."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import boxloss as bl

IMPORT = """
import time
start = time.perf_counter()
import {module}
seconds = time.perf_counter() - start
import json, sys
print(json.dumps({{"import": seconds, "numba": "numba" in sys.modules}}))
"""

FIRST_CALL = """
import json, time
import numpy as np
boxes = np.asarray([[0, 0, 2, 2], [1, 1, 3, 4]], np.float32)
times = [time.perf_counter()]
import boxloss as bl
times.append(time.perf_counter())
{imports}
times.append(time.perf_counter())
bl.ciou{verb}(boxes, boxes[::-1].copy())
times.append(time.perf_counter())
print(json.dumps([b - a for a, b in zip(times, times[1:])]))
"""


def run_python(code: str, **environment: str) -> list[float] | dict[str, float]:
    """What a new process prints, as JSON."""
    source = str(Path(bl.__file__).parents[1])
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "PYTHONPATH": path, **environment}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode on disk, as NumPy has
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=env)
    return json.loads(result.stdout)


def test_import(compare):
    def of(module):
        return lambda: run_python(IMPORT.format(module=module))["import"]

    assert not run_python(IMPORT.format(module="boxloss"))["numba"]
    contestants = {"import boxloss": of("boxloss"), "import numpy": of("numpy")}
    goals = [("import", "import boxloss", "import numpy")]
    compare("startup", {}, contestants, goals=goals, measures_itself=True, rounds=40)


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("verb", ["", ".value_and_grad"])
def test_first_call(benchmark, record, smoke, tmp_path, verb):
    """The first call, of a process that finds no kernel on disk and of those that come after it."""
    starts = 3 if smoke else 20
    imports_first = FIRST_CALL.format(verb=verb, imports="import numba, boxloss.verbs.elementwise.numba")
    imports_in_call = FIRST_CALL.format(verb=verb, imports="")
    cache = {"NUMBA_CACHE_DIR": str(tmp_path)}

    cold = run_python(imports_first, **cache)
    sizes = [folder_size(tmp_path)]
    warm, whole = [], []

    def start() -> None:
        warm.append(run_python(imports_first, **cache))
        whole.append(run_python(imports_in_call, **cache)[2])
        sizes.append(folder_size(tmp_path))

    benchmark.pedantic(start, rounds=max(1, starts // 2))
    middle = len(warm) // 2
    _, imports, call = (sorted(column)[middle] for column in zip(*warm, strict=True))
    seconds = {
        "first process, its imports done": cold[2],
        "second process, its imports done": call,
        "second process, imports of numba in the call": sorted(whole)[middle],
        "those imports alone": imports,
    }
    growth = ("cache_growth", f"after {len(sizes)} / after 1", sizes[-1] / sizes[0])
    goals = [("first_call", "second process, its imports done", call), growth]
    cache_bytes = {"cache after one": sizes[0], "cache after all": sizes[-1]}
    row = {"call": f"ciou{verb}", "processes": 1 + 2 * len(warm)}
    record("first_call", row, goals=goals, per="call", count=1, seconds=seconds, bytes=cache_bytes)


COMPILING = """
import json, time
from functools import partial
import numpy as np
import boxloss as bl

boxes = np.asarray([[0, 0, 2, 2], [1, 1, 3, 4]], np.float32)
terms = [bl.l1, bl.smooth_l1, bl.iou, bl.log_iou, bl.giou, bl.diou, bl.ciou, bl.eiou]


def seconds(call):
    before = time.process_time()
    call(boxes, boxes[::-1].copy())
    return time.process_time() - before


first = time.process_time() + seconds(bl.ciou.value_and_grad)
next_one = seconds(bl.giou.value_and_grad)
from boxloss import lab
for verb in (bl.giou.pairwise, bl.giou.nearest, partial(bl.giou.topk, k=1), partial(bl.giou.below, threshold=0.5)):
    verb(boxes, boxes[::-1].copy())
lab.descend(bl.giou, boxes, boxes[::-1].copy(), steps=2)
print(json.dumps({
    "first: ciou": first,
    "next: giou": next_one,
    "next: ciou, value only": seconds(bl.ciou),
    "sum of 4": seconds(sum(terms[:4]).value_and_grad),
    "sum of 8": seconds(sum(terms).value_and_grad),
    "SmoothL1(beta=0.1)": seconds(bl.SmoothL1(beta=0.1).value_and_grad),
    "another beta": seconds(bl.SmoothL1(beta=0.2).value_and_grad),
    "next matrix: diou": seconds(bl.diou.pairwise),
    "next nearest: eiou": seconds(bl.eiou.nearest),
    "next topk: iou": seconds(partial(bl.iou.topk, k=1)),
    "next below: ciou": seconds(partial(bl.ciou.below, threshold=0.5)),
    "next descent: diou": seconds(partial(lab.descend, bl.diou, steps=2)),
}))
"""


def test_compiling(benchmark, record, smoke, tmp_path):
    """CPU time of calls that find no kernel on disk, in one process; the first with the start of Python and imports.

    Each verb was called with another loss before.
    """
    runs: list[dict[str, float]] = []

    def start() -> None:
        runs.append(run_python(COMPILING, NUMBA_CACHE_DIR=str(tmp_path / str(len(runs)))))

    benchmark.pedantic(start, rounds=1 if smoke else 5)
    seconds = {name: sorted(run[name] for run in runs)[len(runs) // 2] for name in runs[0]}
    goals = [
        ("compile_first", "first: ciou", seconds["first: ciou"]),
        ("compile_next", "next: giou", seconds["next: giou"]),
        ("compile_sum", "sum of 8 / sum of 4", seconds["sum of 8"] / seconds["sum of 4"]),
    ]
    record("compiling", {"call": "value_and_grad"}, goals=goals, per="call", count=1, seconds=seconds)
