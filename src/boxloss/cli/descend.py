"""``boxloss descend``: boxes that roll down a loss."""

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

import boxloss as bl
from boxloss.check import check_positive
from boxloss.cli import console
from boxloss.cli.export import Columns
from boxloss.cli.expressions import loss_of
from boxloss.cli.lab import (
    WRITERS,
    LabCommand,
    Result,
    checked,
    losses_option,
    out_option,
    outputs,
    quick_option,
    seed_option,
)
from boxloss.cli.landscape import CELLS, QUICK_CELLS
from boxloss.cli.options import ANGLE, BOX, NUMBER, SIZE, Choice, WholeNumber, check_losses
from boxloss.cli.tables import Table, cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARRIVED = 0.9  # the IoU that counts as arrived
FRAMES, QUICK_FRAMES = 60, 12
MAX_STEPS = 1_000_000  # every one of them is kept for the picture


@click.command(cls=LabCommand)
@losses_option
@click.option("--target", **BOX, default=(0.0, 0.0, 1.0, 1.0), show_default=True, help="Its centre and size.")
@click.option("--start", "starts", **BOX, multiple=True, help="Where a box starts; repeat it for more.")
@click.option(
    "--boxes",
    type=WholeNumber(min=1),
    default=12,
    show_default=True,
    help="Without --start: boxes at random places on the plane.",
)
@click.option("--pred-size", **SIZE, help="Without --start: size of these boxes.  [default: that of the target]")
@click.option("--target-angle", **ANGLE, help="Its angle, from +x towards +y: boxes are rotated then.")
@click.option("--pred-angle", **ANGLE, help="Angle of each box at its start.  [default: that of the target]")
@click.option("--extent", **NUMBER, default=3.0, show_default=True, help="Reach of the plane around the target.")
@click.option(
    "--optimizer",
    type=Choice(["sgd", "momentum", "adam"]),
    default="sgd",
    show_default=True,
    help="How boxes move: gradient descent, with momentum, or Adam.",
)
@click.option("--lr", **NUMBER, help="Learning rate.  [default: 0.1; from 80 % of the steps 0.01, from 90 % 0.001]")
@click.option("--steps", type=WholeNumber(min=1, max=MAX_STEPS), default=200, show_default=True, help="How many.")
@click.option(
    "--parametrisation",
    type=Choice(["xy", "cxcywh", "xyxy", "log-size", "cxcywha"]),
    help="What is descended on: the centre alone, centre and size, corners, centre and logarithms of the sizes, or "
    "centre, size and angle.  [default: xy, with an angle cxcywha]",
)
@click.option(
    "--plot",
    "kind",
    type=Choice(["paths", "error", "iou"]),
    default="paths",
    show_default=True,
    help="Picture: the paths over the landscape, or a curve.",
)
@seed_option
@quick_option
@out_option
def descend(
    losses: list[str],
    target: tuple[float, ...],
    starts: tuple[tuple[float, ...], ...],
    boxes: int,
    pred_size: tuple[float, float] | None,
    target_angle: float | None,
    pred_angle: float | None,
    extent: float,
    optimizer: Any,
    lr: float | None,
    steps: int,
    parametrisation: Any,
    kind: str,
    seed: int,
    quick: bool,
    paths: tuple[Path, ...],
) -> None:
    """Let boxes roll down a loss to the target.

    --out takes .gif, and .mp4 where ffmpeg is installed, for an animation of the boxes. The table has the mean error
    |dx| + |dy| + |dw| + |dh|, with angles + |da| up to half turns, and the mean IoU after the last step, and how many
    boxes arrived at an IoU of 0.9.
    """
    from boxloss import lab, plot
    from boxloss.lab.check import check_numbers, check_sides

    if any(path.suffix == ".mp4" for path in paths) and shutil.which("ffmpeg") is None:
        raise click.ClickException("an animation as .mp4 needs ffmpeg; take .gif, or install ffmpeg")
    with checked():
        check_positive("extent", extent)
        for name, box in (("target", target), *(("start", start) for start in starts)):
            check_numbers(name, box, "(x, y, w, h)")
            check_sides(name, *box[2:])
        size = target[2:] if pred_size is None else pred_size
        check_sides("pred_size", *size)
        place = np.asarray(starts) if starts else random_starts(np.asarray(target), boxes, extent, seed, size)
    angles = {"--target-angle": target_angle, "--pred-angle": pred_angle}
    given = [name for name, angle in angles.items() if angle is not None]
    if given and parametrisation not in (None, "cxcywha"):
        raise click.UsageError(
            f"{given[0]} does not go with --parametrisation {parametrisation}: boxes with an angle descend on cxcywha.",
            click.get_current_context(),
        )
    if has_angle := parametrisation == "cxcywha" or bool(given):
        check_losses(losses, "cxcywha")
        goal_angle = target_angle or 0.0
        place = with_angle(place, goal_angle if pred_angle is None else pred_angle)
        target = *target, goal_angle
    form: Any = parametrisation or ("cxcywha" if has_angle else "xy")
    rate = protocol_rate(steps) if lr is None else lr
    animations = {".gif": write_animation, ".mp4": write_animation}
    with outputs(paths, WRITERS | animations) as write:
        with console.progress(len(losses) + 1) as begin:
            balls = []
            for name in losses:
                begin(name)
                with checked():
                    balls.append(lab.descend(loss_of(name), place, target, optimizer, rate, steps, form))
            begin("writing")
            draw = partial(picture, balls, kind, extent, QUICK_CELLS if quick else CELLS)
            animate = partial(plot.animate, balls, frames=QUICK_FRAMES if quick else FRAMES)
            used = {"parametrisation": form}
            write(Result(draw, lambda: columns(balls, losses), statistics(balls, losses), animate, used))
        console.show(table(balls, losses))


def random_starts(
    target: np.ndarray, count: int, extent: float, seed: int, size: Sequence[float] | np.ndarray
) -> np.ndarray:
    """Place boxes of a size on the plane at random."""
    centres = target[:2] + extent * (2.0 * np.random.default_rng(seed).random((count, 2)) - 1.0)
    return np.concatenate([centres, np.broadcast_to(np.asarray(size), (count, 2))], axis=1)


def with_angle(boxes: np.ndarray, angle: float) -> np.ndarray:
    """Turn boxes (x, y, w, h) by one angle."""
    return np.concatenate([boxes, np.full((len(boxes), 1), angle)], axis=1)


def protocol_rate(steps: int) -> list[float]:
    """Make the learning rate that falls to a tenth at 80 % and at 90 % of the steps, as in the DIoU paper."""
    return [0.1 if step < 0.8 * steps else 0.01 if step < 0.9 * steps else 0.001 for step in range(steps)]


def picture(balls: Sequence[Any], kind: Any, extent: float, resolution: int) -> "Figure":
    """Draw paths over landscapes, or curves."""
    from boxloss import lab, plot

    if kind != "paths":
        return plot.curves(balls, kind)
    target, start = (rows(boxes)[0] for boxes in (balls[0].target, balls[0].start))
    size, angle = (float(start[2]), float(start[3])), start[4] if len(start) == 5 else None
    planes = [lab.landscape(ball.loss, target, size, extent, resolution, pred_angle=angle) for ball in balls]
    return plot.descent(balls, planes)


def rows(boxes: np.ndarray) -> np.ndarray:
    """Make a row for each box."""
    return boxes.reshape(-1, boxes.shape[-1])


def write_animation(path: Path, result: Result) -> None:
    """Write an animation in the format of its suffix."""
    from boxloss import plot

    assert result.animate is not None
    plot.save(result.animate(), path)


def table(balls: Sequence[Any], losses: Sequence[str]) -> Table:
    """Make a row for each loss."""
    order = ("start_error", "final_error", "final_iou")
    rows = [
        [row["loss"], *(cell(row[name]) for name in order), f"{row['arrived']} of {row['boxes']}"]
        for row in statistics(balls, losses)
    ]
    return Table(("loss",), ("error at start", "final error", "final IoU", "arrived"), rows)


def statistics(balls: Sequence[Any], losses: Sequence[str]) -> list[dict[str, Any]]:
    """List what became of the boxes on each loss."""
    found = []
    for name, ball in zip(losses, balls, strict=True):
        final, target = rows(ball.final), rows(np.broadcast_to(ball.target, ball.final.shape))
        iou = bl.iou_score(final, target, format="cxcywha" if final.shape[1] == 5 else "cxcywh")
        ends = {"start_error": ball.error[0], "final_error": ball.error[-1], "final_iou": ball.iou[-1]}
        found.append({"loss": name, "boxes": len(final), "arrived": int(np.sum(iou >= ARRIVED)), **ends})
    return found


def columns(balls: Sequence[Any], losses: Sequence[str]) -> Columns:
    """Make a row for each step of each box on each loss."""
    from boxloss.lab.landscapes import PARAMETERS

    records, size = len(balls[0].path), balls[0].path.shape[-1]
    flat = np.concatenate([rows(ball.path) for ball in balls])
    boxes = len(flat) // (records * len(balls))
    return {
        "loss": np.repeat(np.asarray(losses), records * boxes),
        "step": np.tile(np.repeat(balls[0].recorded, boxes), len(balls)),
        "box": np.tile(np.arange(boxes), len(balls) * records),
        **{name: flat[:, i] for i, name in enumerate(PARAMETERS[:size])},
    }
