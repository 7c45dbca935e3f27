"""``boxloss correlate``: how closely a loss follows the IoU."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from boxloss.cli import console, inputs
from boxloss.cli.export import Columns
from boxloss.cli.expressions import loss_of
from boxloss.cli.lab import (
    LabCommand,
    Result,
    checked,
    losses_option,
    out_option,
    outputs,
    quick_option,
    seed_option,
)
from boxloss.cli.options import PATH, Choice, WholeNumber, check_losses, refuse
from boxloss.cli.tables import Table, cell
from boxloss.coco.boxes import columns_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from boxloss.lab import Correlation, Pairs


PAIRS, QUICK_PAIRS = 1_000_000, 20_000
RANDOM = ("generator", "count", "seed", "quick")  # what is of random pairs alone


@click.command(cls=LabCommand)
@click.argument("ground_truth", required=False, type=PATH)
@click.argument("detections", required=False, type=PATH)
@losses_option
@click.option(
    "--pairs",
    "generator",
    type=Choice(["fixed", "mixed", "rotated"]),
    default="mixed",
    show_default=True,
    help="Without files: random pairs, with targets of one size, of many, or at any angle.",
)
@inputs.format_option()
@inputs.max_detections_option
@inputs.lenient_option
@click.option("--count", type=WholeNumber(min=2), help="Random pairs.  [default: 1000000, --quick: 20000]")
@seed_option
@quick_option
@out_option
def correlate(
    ground_truth: Path | None,
    detections: Path | None,
    losses: list[str],
    generator: Any,
    format: str | None,
    max_detections: int,
    lenient: bool,
    count: int | None,
    seed: int,
    quick: bool,
    paths: tuple[Path, ...],
) -> None:
    """Measure how closely a loss follows the IoU.

    On random pairs of boxes, or on the matches of GROUND_TRUTH and DETECTIONS, files as "boxloss score" takes them. The
    table has, over all pairs and over those that overlap, Spearman's rank correlation and Kendall's tau-b with the IoU,
    which are -1 if the loss orders pairs as the IoU does; the conditional spread and the isotonic residual, which are 0
    if the IoU says what the loss is; and the 5th and 95th percentile of the loss at an IoU of 0.4.
    """
    from boxloss import lab

    files, reading = inputs.both(ground_truth, detections), inputs.Reading(format, max_detections, lenient)
    inputs.check(files, reading)
    if files is not None:
        refuse(RANDOM, "is for random pairs, without files.")
    remarks, assumed, warning, matched = [], [], None, None
    with outputs(paths) as write:
        with console.progress(len(losses) + 2) as begin:
            begin("pairs")
            if files is None:
                with checked():
                    pairs = lab.generate(generator, count or (QUICK_PAIRS if quick else PAIRS), seed)
            else:
                matched = inputs.matched(files, reading, inputs.LOWEST)
                pairs, remarks, warning = inputs.some_pairs(matched), matched.remarks(), matched.hint()
                assumed = matched.assumed()
            check_losses(losses, pairs.format)
            found = []
            for name in losses:
                begin(name)
                with checked():
                    found.append(lab.correlate(loss_of(name), pairs))
            begin("writing")
            write(
                Result(
                    lambda: _draw(found),
                    lambda: columns(pairs, found, losses),
                    statistics(found, losses),
                    used=used(pairs, matched),
                )
            )
        console.show("\n".join(["; ".join([pairs.name, *remarks]), *assumed]), table(found, losses))
        inputs.say(warning)


def _draw(found: Sequence["Correlation"]) -> "Figure":
    """Draw the picture: only then is Matplotlib imported, which takes longer than the work on a small file."""
    from boxloss import plot

    return plot.correlation(found)


def used(pairs: "Pairs", matched: inputs.Matched | None) -> dict[str, Any]:
    """List the settings that depend on others, as they were used: None for what has no meaning."""
    if matched is None:
        return dict.fromkeys(inputs.Reading._fields) | {"count": len(pairs)}
    formats = dict.fromkeys((matched.truth.format, matched.detections.format))
    return dict.fromkeys(RANDOM) | {"count": len(pairs), "format": ", ".join(formats)}


def table(found: Sequence["Correlation"], losses: Sequence[str]) -> Table:
    """Make two rows for each loss: all pairs, and those that overlap."""
    numbers = ("number", "Spearman", "Kendall", "spread", "p5 at 0.4", "p95 at 0.4", "residual")
    order = ("spearman", "kendall", "spread", "low", "high", "residual")
    rows = [
        [row["loss"], pairs, str(row[pairs]["size"]), *(cell(row[pairs][name]) for name in order)]
        for row in statistics(found, losses)
        for pairs in ("all", "overlapping")
    ]
    return Table(("loss", "pairs"), numbers, rows)


def statistics(found: Sequence["Correlation"], losses: Sequence[str]) -> list[dict[str, Any]]:
    """List the measures of each loss."""
    return [
        {"loss": name, "all": result.all._asdict(), "overlapping": result.overlapping._asdict()}
        for name, result in zip(losses, found, strict=True)
    ]


def columns(pairs: "Pairs", found: Sequence["Correlation"], losses: Sequence[str]) -> Columns:
    """Make a row for each pair: boxes, IoU and each loss."""
    values = {name: result.value for name, result in zip(losses, found, strict=True)}
    return columns_of(pairs) | {"iou_score": np.asarray(found[0].iou)} | values
