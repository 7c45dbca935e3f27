"""The part of the page of benchmarks that is on a GPU, from results that are made up: no GPU gave them."""

import json
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]

MADE_UP = {
    "machine": {
        "gpu": "a made-up GPU",
        "memory": 7,
        "driver": "1.2",
        "cuda": "3.4",
        "system": "a system",
        "python": "3.11.0",
        "boxloss": "0",
        "packages": {"numpy": "2.0"},
        "smoke": False,
    },
    "rows": [
        {
            "table": "gpu_bandwidth",
            "row": {"loss": "ciou", "dtype": "float32"},
            "seconds": {"CuPy": 2e-3, "torch": 4e-3, "copy": 1.8e-3},
            "quartiles": {"CuPy": [1.9e-3, 2.1e-3], "torch": [4e-3, 4e-3], "copy": [1.8e-3, 1.8e-3]},
            "rounds": 25,
            "rates": {"copy, rate": 4.25e12},
            "goals": [
                {"goal": "gpu_ciou", "what": "copy / CuPy", "value": 0.9},
                {"goal": "gpu_ciou", "what": "copy / torch", "value": 0.45},
            ],
            "absent": {"torch.compile": "RuntimeError: no compiler"},
        },
        {
            "table": "gpu_best",
            "row": {"loss": "giou", "dtype": "float32", "rows": 64, "columns": 128},
            "seconds": {"pairwise, out=": 4e-3, "nearest": 1e-3, "topk(10)": 2e-3},
            "quartiles": {"pairwise, out=": [4e-3, 4e-3], "nearest": [1e-3, 1e-3], "topk(10)": [2e-3, 2e-3]},
            "rounds": 25,
            "rates": {},
            "goals": [],
            "absent": {},
        },
    ],
    "failed": {},
}


@pytest.fixture
def gpu_tables(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "bench")
    return import_module("gpu_tables")


def test_page_says_that_nothing_was_measured(gpu_tables):
    lines = gpu_tables.part(None)
    assert "No GPU has run this yet. `python bench/gpu.py --out results.json` measures it, in a few minutes." in lines
    goals = [line for line in lines if line.startswith("|")][2:]
    assert len(goals) == 3
    assert all(line.endswith("| not measured yet | not measured yet |") for line in goals)


def test_page_of_made_up_results(gpu_tables):
    text = "\n".join(gpu_tables.part(MADE_UP))
    assert "boxloss 0 on a made-up GPU, 7 GiB, driver 1.2 (CUDA 3.4), a system, Python 3.11.0, numpy 2.0." in text
    assert "| worst 45% (ciou, float32, copy / torch) | **no**: 1 of 2 |" in text
    assert text.count("not measured yet") == 4
    assert "| ciou | float32 | 2.0 ms | 4.0 ms | 1.8 ms | 4.25 TB/s |" in text
    assert "- ciou, float32, copy / CuPy: 90%, at least 80%: reached" in text
    assert "- torch.compile did not run: RuntimeError: no compiler" in text
    assert "| giou | float32 | 64 | 128 | 4.0 ms | 1.0 ms | 2.0 ms | 0.25 |" in text
    assert "### Calls of 1,000 boxes" not in text


def test_part_is_replaced_and_the_rest_of_the_page_stays(gpu_tables):
    page = "# Benchmarks\n\n## Small calls\n\nSome text.\n"
    first = gpu_tables.with_part(page, None)
    second = gpu_tables.with_part(first, MADE_UP)
    assert first.startswith(page)
    assert second.startswith(page)
    assert second.count(gpu_tables.TITLE) == 1
    assert "a made-up GPU" in second
    assert gpu_tables.with_part(second, None) == first


def test_smoke_run_is_marked(gpu_tables):
    results = MADE_UP | {"machine": MADE_UP["machine"] | {"smoke": True}}
    assert "**From a smoke run: a few turns of small sizes. Not for publication.**" in gpu_tables.part(results)


def test_published_page_has_the_kept_results(gpu_tables):
    page = gpu_tables.PAGE.read_text(encoding="utf-8")
    assert gpu_tables.with_part(page, gpu_tables.kept()) == page


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"machine": MADE_UP["machine"] | {"smoke": True}}, "is from a smoke run"),
        ({"failed": {"matrices": "RuntimeError: no"}}, "lacks what failed"),
    ],
)
def test_results_that_are_not_for_publication(changed, why, gpu_tables, tmp_path, monkeypatch):
    results, page = tmp_path / "results.json", tmp_path / "page.md"
    results.write_text(json.dumps(MADE_UP | changed))
    monkeypatch.setattr(sys, "argv", ["gpu_tables.py", str(results), "--page", str(page)])
    with pytest.raises(SystemExit, match=why):
        gpu_tables.main()
    assert not page.exists()


def test_a_peer_that_is_missing_or_fails_is_told_and_the_others_are_timed(gpu_tables, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace())
    monkeypatch.delitem(sys.modules, "gpu_timing", raising=False)
    timing = import_module("gpu_timing")
    seconds = {"boxloss": 2.0, "another": 4.0}

    def clock(call):
        taken = seconds[call()]
        return lambda: taken

    def missing():
        raise ImportError("No module named 'torchvision'\nfor some reason")

    peers = {"another": lambda: lambda: "another", "missing": missing, "broken": lambda: missing}
    row = timing.measure("a table", {}, {"ours": lambda: "boxloss"}, peers, rounds=2, clock=clock)
    assert row["seconds"] == {"ours": 2.0, "another": 4.0}
    assert row["absent"] == dict.fromkeys(["missing", "broken"], "ImportError: No module named 'torchvision'")
