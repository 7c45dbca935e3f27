"""``boxloss score``: losses of the boxes of a detector."""

from pathlib import Path
from typing import Any

import click
import numpy as np
from click.core import ParameterSource

import boxloss as bl
from boxloss.cli import console, export, inputs, pairs
from boxloss.cli.expressions import loss_of, refusals
from boxloss.cli.options import PATH, Choice, LossCommand, check_losses, loss_option, refuse
from boxloss.cli.precision import line
from boxloss.cli.summary import by_category, headline, overall, summarise
from boxloss.coco import Matches
from boxloss.coco.boxes import columns_of
from boxloss.coco.sources import is_parquet
from boxloss.shapes.formats import FORMATS
from boxloss.typing import Engine, Options

PAIRS = "a Parquet file of pairs, "  # what it takes too
RESAMPLES = 200  # of the images, for intervals: a second for a million detections
STEPS = 5  # beside a step a loss
FEW = 100_000  # pairs: the array engine takes less time for them than one kernel takes to compile


def fraction(context: click.Context, option: click.Parameter, value: float) -> float:
    """Check for a number between 0 and 1; `click.FloatRange` lets NaN through."""
    if not 0.0 <= value <= 1.0:
        raise click.BadParameter(f"{value} is not between 0 and 1.")
    return value


@click.command(cls=LossCommand)
@click.argument("ground_truth", required=False, type=PATH)
@click.argument("detections", required=False, type=PATH)
@click.option("--sample", is_flag=True, help="Score the boxes that ship with the package instead of files.")
@loss_option(bl.losses(), "all")
@click.option(
    "--iou-threshold", type=float, default=0.5, callback=fraction, show_default=True, help="Lowest IoU of a match."
)
@click.option("--per-category", is_flag=True, help="A row for each category and loss.")
@click.option(
    "--engine",
    type=Choice(["auto", "array", "numba"]),
    default="auto",
    show_default=True,
    help="What computes the losses.",
)
@inputs.format_option("; of pairs xyxy")
@inputs.max_detections_option
@inputs.lenient_option
@click.option("--out", type=PATH, metavar="FILE", help="Write all pairs to a .csv or .parquet file.")
def score(
    ground_truth: Path | None,
    detections: Path | None,
    sample: bool,
    losses: list[str],
    iou_threshold: float,
    per_category: bool,
    engine: Engine,
    format: str | None,
    max_detections: int,
    lenient: bool,
    out: Path | None,
) -> None:
    """Score DETECTIONS against GROUND_TRUTH with every loss.

    GROUND_TRUTH is a COCO annotation file, DETECTIONS a COCO results list, bare or as the "annotations", "results" or
    "predictions" of an object. Each may be a Parquet or CSV file instead: columns image_id, category_id and bbox, or
    four numbers as x, y, w, h; of detections score too. They are matched per image and category in the order of
    scores, as COCO's evaluation does.

    Boxes with five numbers are rotated: centre, width, height and an angle, in degrees and counter-clockwise unless
    --format says otherwise; as columns of a table they are cx, cy, w, h, angle. Boxes with eight numbers are the
    corners of rectangles; as columns x1 to y4.

    Alone, GROUND_TRUTH may be a Parquet file or a folder of them with a pair of boxes a row, of any size: list columns
    pred and target, or columns pred_x1 to target_y2.

    The table has, for each loss, the mean, the 5th, 50th and 95th percentile, and Spearman's rank correlation with the
    IoU: -1 if the loss orders pairs as the IoU does. The file of --out has a row for each pair: ids, boxes, IoU, and
    each loss with the norm of its gradient with respect to the predicted box. Rotated boxes have their angles in
    radians there, clockwise on an image.
    """
    if ground_truth is not None and detections is None and is_parquet(ground_truth):
        score_pairs(ground_truth, losses, format or "xyxy", engine, out)
        return
    files, reading = (
        inputs.files_of(ground_truth, detections, sample, PAIRS),
        inputs.Reading(format, max_detections, lenient),
    )
    inputs.check(files, reading)
    from boxloss.evaluation import evaluate  # here, since commands without it need not load it

    with export.pending(out) as write:
        with console.progress(len(losses) + STEPS) as begin:
            matched = inputs.matched(files, reading, iou_threshold, begin)
            matches = matched.matches
            boxes = matches.pred, matches.target
            options: Options = {"format": matches.format, "engine": engine}
            if engine == "auto" and len(matches) <= FEW:
                options["engine"] = "array"
            losses, left_out = suitable(losses, matches.format)
            begin.total = len(losses) + STEPS
            # Not COCO's own IoU, which may miss 1 by rounding for equal boxes: ranks would see the difference.
            iou, values, norms = bl.iou_score(*boxes, **options), {}, {}
            for name in losses:
                begin(name)
                loss = loss_of(name)
                if out is None:
                    values[name] = loss(*boxes, **options)
                else:
                    values[name], grad = loss.value_and_grad(*boxes, **options)
                    with np.errstate(over="ignore", invalid="ignore"):
                        norms[f"{name}_grad_norm"] = np.linalg.norm(grad, axis=-1)
            begin("writing")
            write([pair_columns(matches) | {"iou_score": iou} | values | norms])
            begin("average precision")
            found = evaluate(matched.truth, matched.detections, max_detections=[max_detections])
            precision = line(found, RESAMPLES)
            begin("ranking")
            table = (
                by_category(values, iou, matches.category_id, matched.truth.category_names)
                if per_category
                else overall({name: summarise(column, iou) for name, column in values.items()})
            )
        console.show("\n".join([headline(matched), *matched.assumed(), *left_out, precision]), table)
        inputs.say(matched.hint())


def suitable(losses: list[str], format: str) -> tuple[list[str], list[str]]:
    """Choose the losses that are defined for boxes of a format; say which of the default ones are left out."""
    context = click.get_current_context()
    if context.get_parameter_source("losses") is not ParameterSource.DEFAULT:
        check_losses(losses, format)
    refused = refusals(losses, format)
    text = f"not defined for {FORMATS[format].shape.name} boxes: {', '.join(refused)}"
    return [name for name in losses if name not in refused], [text] if refused else []


def score_pairs(path: Path, losses: list[str], format: str, engine: Engine, out: Path | None) -> None:
    """Score the pairs of boxes in Parquet files."""
    of_files = ("sample", "iou_threshold", "per_category", "max_detections", "lenient")
    refuse(of_files, "does not go with a Parquet file of pairs.")
    losses, left_out = suitable(losses, pairs.computed_as(format))
    with export.pending(out) as write:
        lazy = pairs.lazy_losses(path, losses, format, engine)
        found = pairs.summaries(lazy)
        write(pairs.rows(lazy, format, engine))
        text = console.count(len(lazy.iou), "pair")
        if len(lazy.iou) > pairs.SAMPLE:
            text += f"; percentiles and ranks are those of {pairs.SAMPLE} of them"
        console.show("\n".join([text, *left_out]), overall(found))
        inputs.say(pairs.hint(lazy, format))


def pair_columns(matches: Matches) -> dict[str, Any]:
    """Return ids, scores and boxes of matched pairs as columns."""
    ids = ("image_id", "category_id", "annotation_id", "detection", "score")
    return {name: getattr(matches, name) for name in ids} | columns_of(matches)
