"""``boxloss evaluate``: COCO's mean average precision and recall."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from boxloss.cli import console, export, inputs
from boxloss.cli.evaluated import WRITERS, Written
from boxloss.cli.options import PATH, Choice, Numbers, WholeNumber, finite
from boxloss.cli.precision import INTERVALS, by_category, categories_that_differ, differences, overall, size
from boxloss.cli.tables import Table
from boxloss.coco import Detections, GroundTruth, hint, read_detections, read_ground_truth

if TYPE_CHECKING:
    from boxloss.evaluation import Evaluation

USUAL = (1, 10)  # numbers of detections beside the largest


def not_too_many(context: click.Context, option: click.Parameter, values: list[float] | None) -> list[float] | None:
    """Check for as many finite thresholds as can be evaluated at once."""
    from boxloss.evaluation.steps import MAX_THRESHOLDS

    if values is not None and len(values) > MAX_THRESHOLDS:
        raise click.BadParameter(f"there may be up to {MAX_THRESHOLDS}; got {len(values)}.")
    found: list[float] | None = finite(context, option, values)
    return found


@click.command()
@click.argument("ground_truth", required=False, type=PATH)
@click.argument("detections", required=False, type=PATH)
@click.option("--sample", is_flag=True, help="Evaluate the boxes that ship with the package instead of files.")
@click.option("--per-category", is_flag=True, help="A row for each category.")
@click.option("--against", type=PATH, metavar="FILE", help="Detections of another detector to compare with.")
@click.option("--intervals", is_flag=True, help="Say where the numbers would lie for all such images.")
@click.option(
    "--iou-thresholds",
    type=Numbers(min=0.0, max=1.0),
    callback=not_too_many,
    metavar="NUMBERS",
    help="Lowest IoUs of a match, as 0.5,0.75.  [default: 0.5, 0.55, ..., 0.95]",
)
@click.option(
    "--resamples",
    type=WholeNumber(min=1),
    default=1000,
    show_default=True,
    help="How often images are drawn for intervals.",
)
@click.option(
    "--engine",
    type=Choice(["auto", "array", "numba"]),
    default="auto",
    show_default=True,
    help="What computes the numbers.",
)
@inputs.format_option()
@inputs.max_detections_option
@inputs.lenient_option
@click.option(
    "--out",
    "paths",
    multiple=True,
    type=PATH,
    metavar="FILE",
    help="Write the numbers (.json) or the precision-recall curves (.csv, .parquet); repeat it for more.",
)
def evaluate(
    ground_truth: Path | None,
    detections: Path | None,
    sample: bool,
    per_category: bool,
    against: Path | None,
    intervals: bool,
    iou_thresholds: list[float] | None,
    resamples: int,
    engine: str,
    format: str | None,
    max_detections: int,
    lenient: bool,
    paths: tuple[Path, ...],
) -> None:
    """Compute mean average precision and recall of DETECTIONS.

    GROUND_TRUTH and DETECTIONS are files as "boxloss score" takes them. The numbers are those of COCO's
    evaluation, as pycocotools computes them; "-" stands where there is no ground truth.

    With --against a second detector is compared on the same images: its numbers, the differences, and where these
    would lie for all images of the same kind. Of differences that are none, one in twenty has an interval that is all
    above or all below 0: among many categories some do.
    """
    if intervals and per_category and not against:
        raise click.UsageError(
            "--intervals is for the numbers of all categories, not for --per-category.", click.get_current_context()
        )
    files = inputs.files_of(ground_truth, detections, sample)
    reading = inputs.Reading(format, max_detections, lenient)
    inputs.check((*files, against) if against else files, reading)
    counts = sorted({count for count in USUAL if count < max_detections} | {max_detections})
    with export.outputs(paths, WRITERS) as write:
        with console.progress(5) as begin:
            begin("reading")
            truth = read_ground_truth(files[0], format, lenient=lenient)
            found = [
                read_detections(file, truth, format, lenient=lenient)
                for file in (files[1], against)
                if file is not None
            ]
            begin("matching")
            results = [of(truth, one, counts, iou_thresholds, engine) for one in found]
            begin("resampling")
            text = [size(results[0], truth, found[0], max_detections), *inputs.assumed(format, truth, *found)]
            parts: list[str | Table] = []
            bounds = compared = None
            if against is not None:
                text.append(f"{found[0].name} against {found[1].name}: {INTERVALS.format(resamples)}")
                compared = results[0].compare(results[1], resamples=resamples)
                parts += [
                    differences(results[0], results[1], compared),
                    "",
                    categories_that_differ(compared, per_category),
                ]
            elif intervals:
                text.append(INTERVALS.format(resamples))
                bounds = results[0].interval(names=results[0].settings.names, resamples=resamples)
                parts.append(overall(results[0], bounds))
            else:
                parts.append(by_category(results[0]) if per_category else overall(results[0]))
            begin("writing")
            write(Written(results, bounds, compared, per_category))
            begin("checking")
            warnings = [hint(truth, one, max_detections, format) for one in found]
        console.show("\n".join(text), *parts)
        for warning in warnings:
            inputs.say(warning)


def of(
    truth: GroundTruth, found: Detections, counts: list[int], thresholds: list[float] | None, engine: str
) -> "Evaluation":
    """Evaluate what was read."""
    from boxloss.evaluation import evaluate

    options: dict[str, Any] = {} if thresholds is None else {"iou_thresholds": thresholds}
    return evaluate(truth, found, max_detections=counts, engine=engine, **options)
