"""Rows of measurements as tables in Markdown, and files that are written whole or not at all."""

import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from goals import GOALS


class Section(NamedTuple):
    """The text around a table, and two contestants whose ratio every row shows."""

    title: str
    text: str
    ratio: tuple[str, str] | None = None


def goal_table(rows: list[dict[str, Any]], *, on_gpu: bool = False) -> list[str]:
    """Every goal of a kind of machine, the worst that was measured for it, and whether that reaches it."""
    lines = [["goal", "wanted", "measured", "reached"]]
    absent = ["not measured yet"] * 2 if on_gpu else ["not measured", "unknown"]
    for key, goal in GOALS.items():
        if goal.on_gpu != on_gpu:
            continue
        measured = [(g["value"], row["row"], g["what"]) for row in rows for g in row["goals"] if g["goal"] == key]
        if not measured:
            lines.append([goal.text, goal.wanted, *absent])
            continue
        worst = (min if goal.at_least else max)(measured, key=lambda m: m[0])
        missed = [m for m in measured if not goal.reached(m[0])]
        where = f" ({name(*worst[1:])})" if len(measured) > 1 else ""
        answer = f"**no**: {len(missed)} of {len(measured)}" if missed else "yes"
        worst_word = "worst " if len(measured) > 1 else ""
        lines.append([goal.text, goal.wanted, f"{worst_word}{goal.shown(worst[0])}{where}", answer])
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
    rates = {column: f"{rate / 1e12:.2f} TB/s" for column, rate in row.get("rates", {}).items()}
    return times | shares | sizes | rates


def shown_value(measured: dict[str, Any]) -> str:
    """What was measured for a goal."""
    return GOALS[measured["goal"]].shown(measured["value"])


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
