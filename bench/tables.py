"""Turn the JSON of the benchmarks into the published page.

    python bench/tables.py RESULTS.json... --out docs/benchmarks.md

Of several files, a later one replaces the rows that it measured again; all must come from one machine.
The part on a GPU is that of `gpu_tables.py`.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gpu_tables import kept, with_part
from render import Section, goal_table, table, write

SECTIONS = {
    "elementwise": Section(
        "Value and gradient of 1,000,000 pairs",
        "New output arrays in every call. `pred + target` is NumPy's, on its one thread, into a new array; it moves 12 "
        "numbers a pair and `value_and_grad` 13. `np.copyto` copies as many bytes as `value_and_grad` moves, into an "
        "array that is already there.",
        ("value_and_grad", "pred + target"),
    ),
    "autograd": Section(
        "CIoU and its gradient, against autograd",
        "`torch eager` and `torch.compile` run one plain CIoU of 20 lines; torchvision's is `complete_box_iou_loss`. "
        "All three compute value and gradient with respect to the predictions by `torch.autograd.grad`.",
    ),
    "training_step": Section(
        "Training steps",
        "A CIoU reduced to its mean, and `backward()`, which leaves the gradient in the boxes. `plain` is a CIoU of 20 "
        "lines, torchvision's is `complete_box_iou_loss`; compiled is `torch.compile` of the function that gives the "
        "mean. torchvision selects by a mask, which breaks its graph; the others are one graph each.",
    ),
    "compiled_step": Section(
        "Compiled training steps of few boxes",
        "The same of `ciou` and `plain`, alone: a step that comes after a slower one finds colder caches.",
        ("ciou", "plain"),
    ),
    "compat_losses": Section(
        "torchvision's losses",
        "The functions of `boxloss.compat.torchvision` and those of `torchvision.ops`, eager: values and their "
        "gradient with respect to the predictions, by `torch.autograd.grad`.",
        ("torchvision", "boxloss"),
    ),
    "compat_matrices": Section(
        "torchvision's matrices",
        "The functions of `boxloss.compat.torchvision` and those of `torchvision.ops`: values.",
        ("torchvision", "boxloss"),
    ),
    "jax": Section(
        "CIoU and its gradient in JAX",
        "Values and the gradient of their sum, as one function that XLA compiled: of `ciou`, and of a plain CIoU of 20 "
        "lines that JAX differentiates. Beside them the same boxes as NumPy arrays, by the compiled engine.",
        ("plain formula", "ciou"),
    ),
    "pairwise": Section(
        "Matrices of 5000 x 5000",
        "New output arrays in every call. A fill writes one constant to a new array, a half on each thread. powerboxes "
        "returns float64, its only type for this.",
    ),
    "later_pairs": Section(
        "Later losses and modifiers: value and gradient of 1,000,000 pairs", "New output arrays in every call."
    ),
    "later_matrices": Section(
        "Later losses and modifiers: matrices of 1000 x 1000", "Written to memory that is there already."
    ),
    "rotated": Section("Pairs of boxes with an angle", "100,000 pairs of format `cxcywha`, half of which overlap."),
    "rotated_matrix": Section(
        "Matrices of boxes with an angle",
        "1000 x 1000. powerboxes knows float64 alone and leaves pairs early whose circles are apart.",
    ),
    "rotated_autograd": Section(
        "Gradients of boxes with an angle, against sorted polygons",
        "Forward and backward on one thread, beside a differentiable IoU in torch that sorts corners and crossings.",
    ),
    "nearest": Section(
        "The best of a matrix",
        "One thread; the matrix is written to memory that is there already, and 10,000 by 1,000.",
    ),
    "above": Section(
        "Pairs that overlap",
        "`iou_score.above(0.5)`, one thread. Density: about how many others a box touches.",
    ),
    "nms": Section(
        "Suppression",
        "One thread, float64, threshold 0.5. Density: about how many others a box touches.",
    ),
    "rotated_nms": Section(
        "Suppression of rotated boxes",
        "One thread, float64, threshold 0.5. Density: about how many others a box touches while its angle is 0.",
    ),
    "memory": Section(
        "Memory beside the matrix of 5000 x 5000",
        "Peak beyond the output as part of the output: growth of the largest resident set of a fresh process, and what "
        "NumPy allocated.",
    ),
    "small_calls": Section(
        "Small calls",
        "`ciou.value_and_grad` by number of boxes, and its layers: the engine module is called with checked arguments, "
        "the kernel with everything allocated. The array engine is what NumPy needs for the same.",
    ),
    "breakdown": Section("Parts of a call with 100 boxes", "Each part alone, with the loop that calls it."),
    "dask": Section(
        "100,000,000 pairs on two Dask workers",
        "`value_and_grad` of chunks of 4,194,304 pairs in float32, and the mean of the values. The workers are "
        "processes of one thread; beside them the same chunks one after the other, by the bare engine on two threads.",
        ("2 workers", "2 threads"),
    ),
    "startup": Section("Imports", "In new processes, without the start of the interpreter."),
    "first_call": Section(
        "First calls",
        "Of a process that compiles and writes its kernel, and of those after it that find it on disk.",
    ),
    "compiling": Section(
        "Compiling",
        "CPU time of `value_and_grad` where no kernel is on disk, in one process: the first call with the start of "
        "Python and all imports, and those after it, each of which needs another kernel but the last.",
    ),
    "descend": Section(
        "The experiment of the DIoU paper",
        "`lab.descend` of 1,715,000 boxes for 200 steps, errors and IoUs included. `NumPy` is the same loop over whole "
        "arrays, with value and gradient from the array engine: measured for 100,000 boxes and 5 steps, and scaled up.",
        ("NumPy", "fused"),
    ),
    "descend_memory": Section("Memory of the experiment", "What NumPy allocates beside the boxes and their targets."),
    "landscape": Section("Landscapes of 1000 x 1000", "Value, gradient and IoU, in float64."),
    "correlate": Section(
        "Correlation of 1,000,000 pairs",
        "`lab.correlate` computes every measure twice, over all pairs and over those that overlap. Its parts are timed "
        "over all pairs, once.",
    ),
    "evaluate": Section(
        "Mean average precision of a COCO-sized set",
        "CPU time of the evaluation of 500,000 detections in 5,000 images, once both are read, with 12 statistics. "
        "pycocotools and faster-coco-eval: measured on a tenth of the images, and scaled up.",
        ("hotcoco", "boxloss"),
    ),
    "evaluate_command": Section(
        "The same from files",
        "CPU time of a process that reads 50 MB of detections and 15 MB of ground truth and prints the statistics; "
        "hotcoco's is a script of four lines.",
        ("hotcoco", "boxloss evaluate"),
    ),
    "score_command": Section(
        "Scores of 1,000,000 detections",
        "`boxloss score` of files of 100 MB and 29 MB, wall time: reading, every loss and the average "
        "precision with its interval.",
    ),
    "evaluate_memory": Section("Memory of the same", "Peak of the process of `boxloss evaluate`."),
    "bootstrap": Section(
        "Resamples of a COCO-sized set",
        "CPU time of `Evaluation.interval` with 320 resamples of the images, 3 statistics.",
    ),
    "engines": Section(
        "Compiled engine against array engine",
        "`auto` takes the compiled engine for NumPy arrays and CPU tensors of every size.",
        ("array", "numba"),
    ),
    "threads": Section("One thread against two", "Half of the boxes on each thread.", ("2 threads", "1 thread")),
    "chunk_of_boxes": Section("Boxes that a thread takes at a time", "`CHUNK_OF_BOXES`, 2 threads."),
    "chunk_of_pairs": Section("Pairs that a thread takes at a time", "`CHUNK_OF_PAIRS`, 2 threads."),
    "block_of_targets": Section("Targets that rows go over at a time", "`BLOCK_OF_TARGETS`, 2 threads."),
}


def read(paths: Iterable[Path]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The machine, and the rows of all files."""
    machine: dict[str, Any] = {}
    rows: dict[str, dict[str, Any]] = {}
    for path in paths:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            found = content["machine_info"]
            rows |= {b["fullname"]: b["extra_info"] for b in content["benchmarks"] if "table" in b["extra_info"]}
            found["cpu"], found["cores"], found["packages"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SystemExit(f"{path} is not a result of these benchmarks: {error!r}") from None
        if machine and machine != found:
            raise SystemExit(f"{path} comes from another machine, other packages or another mode than the files before")
        machine = found
    return machine, list(rows.values())


def page(machine: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """The whole page."""
    packages = ", ".join(f"{package} {version}" for package, version in machine["packages"].items())
    lines = ["# Benchmarks", ""]
    if machine.get("smoke"):
        lines += ["**From a smoke run: a few turns of small sizes. Not for publication.**", ""]
    lines += [
        f"boxloss {machine['boxloss']} on {machine['cpu']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}, {packages}.",
        "",
        "The contestants of a row take turns in one process; a time is the median of a contestant's turns. Compare "
        "within a row: on a shared machine the speed changes between rows. This page is written by `bench/tables.py` "
        "from the results of `pytest bench`.",
        "",
        "## Goals",
        "",
        *goal_table(rows),
        "",
    ]
    for key, section in SECTIONS.items():
        of_section = [row for row in rows if row["table"] == key]
        if of_section:
            lines += [f"## {section.title}", "", section.text, "", *table(section, of_section), ""]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", type=Path, help="what pytest --benchmark-json wrote")
    parser.add_argument("--out", type=Path, help="the page; standard output without it")
    arguments = parser.parse_args()
    text = with_part(page(*read(arguments.results)), kept())
    if arguments.out is None:
        sys.stdout.write(text)
    else:
        write(arguments.out, text)


if __name__ == "__main__":
    main()
