"""Put the results of `gpu.py` into the documentation, as the last part of the page of benchmarks.

python bench/gpu_tables.py results.json   # keeps them as bench/results/gpu.json too
python bench/gpu_tables.py                # from that file, or saying that nothing was measured yet
"""

import argparse
import json
from pathlib import Path
from typing import Any

from render import Section, goal_table, table, write

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
KEPT = ROOT / "bench" / "results" / "gpu.json"
TITLE = "## On a GPU"

SECTIONS = {
    "gpu_bandwidth": Section(
        "Value and gradient of 2^26 boxes",
        "New output arrays in every call. `copy` is a copy from one part of the device's memory to another that reads "
        "and writes as many bytes together as `value_and_grad` does: 13 numbers a box.",
    ),
    "gpu_matrices": Section(
        "Matrices of 20,000 x 20,000",
        "New output arrays in every call, but for `out=` and `memset`. A fill writes one constant.",
    ),
    "gpu_best": Section(
        "The best of each row of 2^28 pairs",
        "`out=` and what is taken from it are a matrix in memory that is there already; `nearest` and `topk` write "
        "none. Of a million rows each has a thread, of 16,384 a warp, of 64 a block.",
        ratio=("nearest", "pairwise, out="),
    ),
    "gpu_others": Section(
        "CIoU and its gradient, against others on the GPU",
        "`torch eager` and `torch.compile` run one plain CIoU of 20 lines; torchvision's is `complete_box_iou_loss`; "
        "all three take the gradient by `torch.autograd.grad`. `ElementwiseKernel` is CIoU and its gradient written by "
        "hand in CUDA C++ for CuPy, in one kernel.",
    ),
    "gpu_matrices_others": Section("Matrices of GIoU of 5000 x 5000, against others on the GPU", "New output arrays."),
    "gpu_small_calls": Section(
        "Calls of 1,000 boxes on the GPU",
        "The host's time for one of many calls that follow one another, the device's included.",
    ),
}


def part(results: dict[str, Any] | None) -> list[str]:
    """The lines of the part of the page."""
    rows = results["rows"] if results else []
    lines = [TITLE, "", *_about(results["machine"] if results else None), "", *goal_table(rows, on_gpu=True), ""]
    for key, section in SECTIONS.items():
        of_section = [row for row in rows if row["table"] == key]
        if of_section:
            lines += [f"### {section.title}", "", section.text, "", *table(section, of_section), ""]
            lines += _absent(of_section)
    return lines


def _about(machine: dict[str, Any] | None) -> list[str]:
    if machine is None:
        return ["No GPU has run this yet. `python bench/gpu.py --out results.json` measures it, in a few minutes."]
    packages = ", ".join(f"{package} {version}" for package, version in machine["packages"].items())
    lines = [
        f"boxloss {machine['boxloss']} on {machine['gpu']}, {machine['memory']} GiB, driver {machine['driver']} "
        f"(CUDA {machine['cuda']}), {machine['system']}, Python {machine['python']}, {packages}.",
        "",
        "The contestants of a row take turns; a time is the median of a contestant's turns. Times are the device's, "
        "between CUDA events, unless it says otherwise. Measured by `python bench/gpu.py --out results.json`.",
    ]
    if machine["smoke"]:
        lines = ["**From a smoke run: a few turns of small sizes. Not for publication.**", "", *lines]
    return lines


def _absent(rows: list[dict[str, Any]]) -> list[str]:
    """Why peers are missing from a table."""
    told = [f"- {name} did not run: {why}" for row in rows for name, why in row["absent"].items()]
    return [*told, ""] if told else []


def kept() -> dict[str, Any] | None:
    """The results that are in the repository."""
    return json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else None


def with_part(page: str, results: dict[str, Any] | None) -> str:
    """The page with this part at its end, in the place of the one that was there."""
    before = page.partition(f"\n{TITLE}\n")[0].rstrip()
    return "\n".join([before, "", *part(results)]).rstrip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="?", type=Path, help="what gpu.py wrote")
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    if arguments.results:
        found = json.loads(arguments.results.read_text(encoding="utf-8"))
        if found["machine"]["smoke"]:
            raise SystemExit(f"{arguments.results} is from a smoke run, which is not for publication")
        if found["failed"]:
            raise SystemExit(f"{arguments.results} lacks what failed, and is not for publication: {found['failed']}")
        KEPT.parent.mkdir(exist_ok=True)
        write(KEPT, json.dumps(found, indent=1) + "\n")
    write(arguments.page, with_part(arguments.page.read_text(encoding="utf-8"), kept()))


if __name__ == "__main__":
    main()
