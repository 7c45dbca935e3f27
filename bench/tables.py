"""Turn the JSON of the benchmarks into the published page.

    python bench/tables.py RESULTS.json... --out docs/benchmarks.md

Of several files, a later one replaces the rows that it measured again; all must come from one machine.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from goals import GOALS, show


class Section(NamedTuple):
    """The text around a table, and two contestants whose ratio every row shows."""

    title: str
    text: str
    ratio: tuple[str, str] | None = None


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
    "pairwise": Section(
        "Matrices of 5000 x 5000",
        "New output arrays in every call. A fill writes one constant to a new array, a half on each thread. powerboxes "
        "returns float64, its only type for this.",
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


def goal_table(rows: list[dict[str, Any]]) -> list[str]:
    """Every goal, the worst that was measured for it, and whether that reaches it."""
    lines = [["goal", "wanted", "measured", "reached"]]
    for key, goal in GOALS.items():
        measured = [(g["value"], row["row"], g["what"]) for row in rows for g in row["goals"] if g["goal"] == key]
        if not measured:
            lines.append([goal.text, goal.wanted, "not measured", "unknown"])
            continue
        worst = (min if goal.at_least else max)(measured, key=lambda m: m[0])
        missed = [m for m in measured if not goal.reached(m[0])]
        where = f" ({name(*worst[1:])})" if len(measured) > 1 else ""
        answer = f"**no**: {len(missed)} of {len(measured)}" if missed else "yes"
        worst_word = "worst " if len(measured) > 1 else ""
        lines.append([goal.text, goal.wanted, f"{worst_word}{show(worst[0], goal.unit)}{where}", answer])
    return markdown(lines)


def name(row: dict[str, Any], what: str) -> str:
    """What a measured value is of."""
    told = [f"{key} {value}" if isinstance(value, int) else str(value) for key, value in row.items()]
    return ", ".join([*told, what])


def table(section: Section, rows: list[dict[str, Any]]) -> list[str]:
    """The rows of one kind of benchmark."""
    keys = list(dict.fromkeys(key for row in rows for key in row["row"]))
    names = list(dict.fromkeys(column for row in rows for column in cells(row)))
    ratio = section.ratio
    titles = [f"{ratio[0]} / {ratio[1]}"] if ratio else []
    in_rows = bool(ratio) and any(row["goals"] for row in rows)
    lines = [[*keys, *names, *titles, *(["goal"] if in_rows else [])]]
    rows = sorted(rows, key=lambda row: (str(row["row"].get("dtype")), -row["row"].get("threads", 0)))
    told = []
    for row in rows:
        shown = cells(row)
        line = [str(row["row"].get(key, "")) for key in keys] + [shown.get(column, "") for column in names]
        if ratio:
            line.append(f"{row['seconds'][ratio[0]] / row['seconds'][ratio[1]]:.2f}")
        if in_rows:
            line.append("; ".join(map(verdict, row["goals"])))
        else:
            told += [f"- {name(row['row'], g['what'])}: {shown_value(g)}, {verdict(g)}" for g in row["goals"]]
        lines.append(line)
    blocks = [markdown(lines), told, noise(rows)]
    return [line for block in blocks if block for line in ("", *block)][1:]


def cells(row: dict[str, Any]) -> dict[str, str]:
    """What a row measured, by column."""
    unit = row.get("per", "call")
    times = {
        column: duration(seconds) if unit == "call" else nanoseconds(seconds / row["count"])
        for column, seconds in row.get("seconds", {}).items()
    }
    shares = {column: f"{max(share, 0.0):.2%}" for column, share in row.get("shares", {}).items()}
    sizes = {column: f"{size / 1e3:.0f} kB" for column, size in row.get("bytes", {}).items()}
    return times | shares | sizes


def shown_value(measured: dict[str, Any]) -> str:
    """What was measured for a goal."""
    return show(measured["value"], GOALS[measured["goal"]].unit)


def verdict(measured: dict[str, Any]) -> str:
    """Whether it reaches the goal."""
    goal = GOALS[measured["goal"]]
    return f"{goal.wanted}: {'reached' if goal.reached(measured['value']) else '**missed**'}"


def nanoseconds(seconds: float) -> str:
    """A time a box."""
    n = seconds * 1e9
    return f"{n:.2f} ns" if n < 10 else f"{n:.1f} ns" if n < 100 else f"{n:.0f} ns"


def duration(seconds: float) -> str:
    """A time a call."""
    for limit, factor, unit in ((1e-6, 1e9, "ns"), (1e-3, 1e6, "µs"), (1.0, 1e3, "ms")):
        if seconds < limit:
            return f"{seconds * factor:.0f} {unit}" if seconds * factor >= 100 else f"{seconds * factor:.1f} {unit}"
    return f"{seconds:.2f} s"


def noise(rows: list[dict[str, Any]]) -> list[str]:
    """How much turns differed."""
    timed = [row for row in rows if "quartiles" in row]
    if not timed:
        return []
    spread = sorted(
        (high - low) / row["seconds"][column] for row in timed for column, (low, high) in row["quartiles"].items()
    )
    turns = sorted({row["rounds"] for row in timed})
    counts = f"{turns[0]}" if len(turns) == 1 else f"{turns[0]} to {turns[-1]}"
    return [
        f"*{counts} turns; interquartile range: half of the columns within {spread[len(spread) // 2]:.0%} of their "
        f"median, all within {spread[-1]:.0%}.*"
    ]


def markdown(lines: list[list[str]]) -> list[str]:
    """A Markdown table, its first line the header."""
    head, *body = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *body)]


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
        "The contestants of a row take turns in one process; a time is the median of a contestant's turns. This page "
        "is written by `bench/tables.py` from the results of `pytest bench`.",
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


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", type=Path, help="what pytest --benchmark-json wrote")
    parser.add_argument("--out", type=Path, help="the page; standard output without it")
    arguments = parser.parse_args()
    text = page(*read(arguments.results))
    if arguments.out is None:
        sys.stdout.write(text)
    else:
        write(arguments.out, text)


if __name__ == "__main__":
    main()
