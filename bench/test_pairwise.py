"""Pairwise matrices against the Rust crate powerboxes and against just filling the output."""

import json
import os
import subprocess
import sys
from functools import partial

import numpy as np
import powerboxes
import pytest

import boxloss as bl
from peers import numba_fill, numpy_fill, on_two_threads

PAIRWISE_LOSSES = ("giou", "ciou")


def test_pairwise(compare, boxes, smoke):
    side = 1000 if smoke else 5000
    pred, target = boxes(side)
    fills = {"numba": on_two_threads(numba_fill, (side, side)), "NumPy": on_two_threads(numpy_fill, (side, side))}
    contestants = {
        **{name: partial(bl.get(name).pairwise, pred, target) for name in PAIRWISE_LOSSES},
        **{f"fill, {name}": fill for name, fill in fills.items()},
        "powerboxes giou": lambda: powerboxes.parallel_giou_distance(pred, target),
    }
    np.testing.assert_allclose(contestants["powerboxes giou"](), contestants["giou"](), rtol=1e-3, atol=1e-5)
    goals = [
        ("powerboxes", "powerboxes giou", "giou"),
        ("powerboxes", "powerboxes giou", "ciou"),
        ("fill", "giou", "fill, numba"),
        ("fill", "giou", "fill, NumPy"),
    ]
    row = {"dtype": "float32", "threads": 2}
    compare("pairwise", row, contestants, per="pair", count=side * side, goals=goals, budget=10.0, pause=0.01)


MEMORY = """
import json, resource, sys, tracemalloc
import numpy as np
import boxloss as bl

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

name, side, into_buffer = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "buffer"
bl.set_num_threads(2)
corner = np.random.default_rng(0).uniform(0, 900, (2, side, 2)).astype(np.float32)
pred, target = np.concatenate([corner, corner + 50], axis=2)
loss = bl.get(name)
loss.pairwise(np.tile(pred[:600], (2, 1)), target[:600])  # compiled, thread pool started
bytes_out = side * side * 4
out = np.zeros((side, side), np.float32) if into_buffer else None
if into_buffer:
    out.fill(0)
try:  # as much memory in use as ever before, so that the peak shows what comes now
    page, used = resource.getpagesize(), int(open("/proc/self/statm").read().split()[1])
    ballast = np.ones(max(0, peak() - used * page), np.uint8)
except OSError:
    pass
before = peak()
result = loss.pairwise(pred, target, out=out)
resident = max(0, peak() - before - (0 if into_buffer else bytes_out))
del result
tracemalloc.start()
result = loss.pairwise(pred, target, out=out)
traced = tracemalloc.get_traced_memory()[1] - (0 if into_buffer else bytes_out)
print(json.dumps([resident / bytes_out, traced / bytes_out]))
"""


@pytest.mark.parametrize("where", ["fresh", "buffer"])
@pytest.mark.parametrize("name", PAIRWISE_LOSSES)
def test_memory(benchmark, record, smoke, name, where):
    """Peak memory beside the output: of the process, and of what NumPy allocated."""
    side = 2000 if smoke else 5000

    def run() -> list[float]:
        command = [sys.executable, "-c", MEMORY, name, str(side), where]
        return json.loads(subprocess.run(command, check=True, capture_output=True, env=os.environ).stdout)

    resident, traced = benchmark.pedantic(run, rounds=1)
    row = {"loss": name, "output": "new array" if where == "fresh" else "out="}
    shares = {"resident set": resident, "NumPy (tracemalloc)": traced}
    record("memory", row, goals=[("memory", what, share) for what, share in shares.items()], shares=shares)
