"""``boxloss landscape``: a loss over a plane of predictions."""

from collections.abc import Sequence
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
)
from boxloss.cli.options import ANGLE, BOX, NUMBER, PLACE, SIZE, Choice, WholeNumber, check_losses
from boxloss.cli.tables import Table, cell, percent

if TYPE_CHECKING:
    from boxloss.lab import Landscape


CELLS, QUICK_CELLS = 300, 60  # along each side


@click.command(cls=LabCommand)
@losses_option
@click.option("--target", **BOX, default=(0.0, 0.0, 1.0, 1.0), show_default=True, help="Its centre and size.")
@click.option("--pred-size", **SIZE, default=(1.0, 1.0), show_default=True, help="Size of the prediction, where fixed.")
@click.option("--pred-center", **PLACE, help="Its centre, where fixed.  [default: that of the target]")
@click.option("--target-angle", **ANGLE, help="Its angle, from +x towards +y: boxes are rotated then.")
@click.option("--pred-angle", **ANGLE, help="Angle of the prediction, where fixed.  [default: that of the target]")
@click.option("--extent", **NUMBER, default=3.0, show_default=True, help="Reach of the plane around the target.")
@click.option(
    "--vary", default="xy", show_default=True, metavar="PAIR", help="The plane: two of x, y, w, h, a (angle)."
)
@click.option("--resolution", type=WholeNumber(min=2), help="Cells along each side.  [default: 300, --quick: 60]")
@click.option(
    "--plot", "kind", type=Choice(["contours", "surface"]), default="contours", show_default=True, help="Picture."
)
@quick_option
@out_option
def landscape(
    losses: list[str],
    target: tuple[float, ...],
    pred_size: tuple[float, float],
    pred_center: tuple[float, float] | None,
    target_angle: float | None,
    pred_angle: float | None,
    extent: float,
    vary: str,
    resolution: int | None,
    kind: str,
    quick: bool,
    paths: tuple[Path, ...],
) -> None:
    """Move the prediction over a plane: loss, gradient, IoU.

    The table says for which share of the plane the gradient is zero, for which share descent leads away from the
    target, the mean cosine of the angle between descent and the way to the target, and the 5th, 50th and 95th
    percentile of the norm of the gradient.
    """
    from boxloss import lab, plot

    cells = resolution or (QUICK_CELLS if quick else CELLS)
    box = target if target_angle is None else (*target, target_angle)
    fixed: dict[str, Any] = {"pred_center": pred_center, "pred_angle": pred_angle}
    if target_angle is not None or pred_angle is not None or "a" in vary:
        check_losses(losses, "cxcywha")
    with outputs(paths) as write:
        with console.progress(len(losses) + 1) as begin:
            planes = []
            for name in losses:
                begin(name)
                with checked():
                    planes.append(lab.landscape(loss_of(name), box, pred_size, extent, cells, vary, **fixed))
            begin("writing")
            draw = plot.landscape if kind == "contours" else plot.surface
            write(
                Result(
                    lambda: draw(planes),
                    lambda: columns(planes, losses),
                    statistics(planes, losses),
                    used={"resolution": cells},
                )
            )
        console.show(table(planes, losses))


def table(planes: Sequence["Landscape"], losses: Sequence[str]) -> Table:
    """Make a row for each loss."""
    numbers = ("zero gradient", "leads away", "mean cosine", "slope p5", "slope p50", "slope p95")
    order = ("mean_cosine", "slope_p5", "slope_median", "slope_p95")
    rows = [
        [row["loss"], percent(row["zero_share"]), percent(row["away_share"]), *(cell(row[name]) for name in order)]
        for row in statistics(planes, losses)
    ]
    return Table(("loss",), numbers, rows)


def statistics(planes: Sequence["Landscape"], losses: Sequence[str]) -> list[dict[str, Any]]:
    """List the statistics of each loss."""
    return [{"loss": name} | plane.statistics._asdict() for name, plane in zip(losses, planes, strict=True)]


def columns(planes: Sequence["Landscape"], losses: Sequence[str]) -> Columns:
    """Make a row for each sample of each loss: the two parameters, loss, IoU and gradient."""
    x, y = np.meshgrid(planes[0].x, planes[0].y)
    first, second = planes[0].vary
    count = len(planes)
    return {
        "loss": np.repeat(np.asarray(losses), x.size),
        first: np.tile(x.ravel(), count),
        second: np.tile(y.ravel(), count),
        "value": np.concatenate([plane.value.ravel() for plane in planes]),
        "iou": np.concatenate([plane.iou.ravel() for plane in planes]),
        f"d_{first}": np.concatenate([plane.grad[..., 0].ravel() for plane in planes]),
        f"d_{second}": np.concatenate([plane.grad[..., 1].ravel() for plane in planes]),
    }
