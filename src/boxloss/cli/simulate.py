"""``boxloss simulate``: the regression experiment of the DIoU and CIoU papers."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from boxloss.cli import console
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
from boxloss.cli.options import Choice, WholeNumber, check_losses
from boxloss.cli.tables import Table, cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from boxloss.lab import Simulation

POINTS, QUICK_POINTS = 5000, 200
STEPS = (0, 10, 50, 100, 160, 200)  # of the table


@click.command(cls=LabCommand)
@losses_option
@click.option(
    "--protocol",
    type=Choice(["diou2020", "rotated", "inner2023", "inner2023-far", "wiou2023", "piou2024"]),
    default="diou2020",
    show_default=True,
    help="The experiment of the DIoU paper, the same with targets at any angle, or that of a later paper.",
)
@click.option(
    "--gradient",
    type=Choice(["true", "released"]),
    default="true",
    show_default=True,
    help="That of the loss, or that of the code released with the papers (iou, giou, diou and ciou).",
)
@click.option(
    "--sizes",
    type=Choice(["unit", "mixed"]),
    default="unit",
    show_default=True,
    help="Targets of one area, as in the papers, or everything at a point 1/8 to 8 times as large.",
)
@click.option(
    "--coordinates",
    type=Choice(["absolute", "relative"]),
    default="absolute",
    show_default=True,
    help="What is descended on: coordinates, or coordinates over the side of the target.",
)
@click.option("--points", type=WholeNumber(min=1), help="Anchor centres.  [default: 5000, --quick: 200]")
@click.option(
    "--plot",
    "kind",
    type=Choice(["error", "iou", "error-map", "iou-map"]),
    default="error",
    show_default=True,
    help="Picture: curves, or what it came to by where anchors started.",
)
@seed_option
@quick_option
@out_option
def simulate(
    losses: list[str],
    protocol: Any,
    gradient: Any,
    sizes: Any,
    coordinates: Any,
    points: int | None,
    kind: str,
    seed: int,
    quick: bool,
    paths: tuple[Path, ...],
) -> None:
    """Repeat the regression experiment of the DIoU paper.

    49 anchors at each of 5000 centres, with 7 targets each, take 200 steps to these: 1,715,000 cases. --protocol has
    the experiments of later papers. The tables have the mean error |dx| + |dy| + |dw| + |dh|, with angles + |da| up to
    half turns, and the mean IoU after some steps. With released gradients the picture of the first experiment shows the
    published values too.
    """
    from boxloss import lab

    if protocol == "rotated":
        check_losses(losses, "cxcywha")
    count = points or (QUICK_POINTS if quick else POINTS)
    options = {"sizes": sizes, "coordinates": coordinates, "points": count, "seed": seed}
    with outputs(paths) as write:
        with console.progress(len(losses) + 1) as begin:
            found: list[Simulation] = []
            for name in losses:
                begin(name)
                with checked():
                    found += lab.simulate(loss_of(name), protocol, gradient, **options)
            begin("writing")
            data = partial(map_columns if kind.endswith("map") else curve_columns, found, losses)
            write(Result(partial(picture, found, kind), data, statistics(found, losses), used={"points": count}))
        for quantity in ("error", "iou"):
            console.show(table(found, losses, quantity), "")


def picture(found: Sequence["Simulation"], kind: str) -> "Figure":
    """Draw curves or maps."""
    from boxloss import plot

    quantity: Any = kind.removesuffix("-map")
    if kind.endswith("map"):
        return plot.final_map(found, quantity)
    points = published(found) if quantity == "error" else None
    unit = "sides of a square target" if np.all(found[0].scale == 1.0) else "units of the boxes"
    return plot.curves(found, quantity, unit=unit, published=points)


def published(found: Sequence["Simulation"]) -> Mapping[str, Mapping[int, float]] | None:
    """Give the published means of the error where they can be compared."""
    from boxloss.lab.published import CASES, PUBLISHED_ERROR

    if any((one.protocol, one.gradient, one.sizes) != ("diou2020", "released", "unit") for one in found):
        return None
    return {
        name: {step: 1e6 * total / CASES for step, total in totals.items()} for name, totals in PUBLISHED_ERROR.items()
    }


def table(found: Sequence["Simulation"], losses: Sequence[str], quantity: str) -> Table:
    """Make a row for each loss: the mean error or IoU after some steps."""
    title = "mean IoU" if quantity == "iou" else "mean error"
    last = len(found[0].error) - 1
    steps = [*(step for step in STEPS if step < last), last]
    rows = [[row["loss"], *map(cell, row[quantity][steps].tolist())] for row in statistics(found, losses)]
    return Table(("loss",), (f"{title} after step {steps[0]}", *map(str, steps[1:])), rows)


def statistics(found: Sequence["Simulation"], losses: Sequence[str]) -> list[dict[str, Any]]:
    """List cases and curves of each loss."""
    return [
        {"loss": name, "cases": result.cases, "error": result.error, "iou": result.iou}
        for name, result in zip(losses, found, strict=True)
    ]


def curve_columns(found: Sequence["Simulation"], losses: Sequence[str]) -> Columns:
    """Make a row for each step of each loss."""
    steps = len(found[0].error)
    return {
        "loss": np.repeat(np.asarray(losses), steps),
        "step": np.tile(np.arange(steps), len(found)),
        "error": np.concatenate([result.error for result in found]),
        "iou": np.concatenate([result.iou for result in found]),
    }


def map_columns(found: Sequence["Simulation"], losses: Sequence[str]) -> Columns:
    """Make a row for each anchor centre of each loss."""
    return {
        "loss": np.repeat(np.asarray(losses), len(found[0].points)),
        **{name: np.concatenate([result.points[:, i] for result in found]) for i, name in enumerate("xy")},
        "scale": np.concatenate([result.scale for result in found]),
        "final_error": np.concatenate([result.final_error for result in found]),
        "final_iou": np.concatenate([result.final_iou for result in found]),
    }
