"""Ground truth and detections: the options of reading them, and what commands say about them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import numpy as np

from boxloss.check import LARGEST_COUNT
from boxloss.cli import console
from boxloss.cli.options import Choice, WholeNumber
from boxloss.coco import (
    CocoError,
    Detections,
    GroundTruth,
    Matches,
    Source,
    hint,
    match,
    read_detections,
    read_ground_truth,
)
from boxloss.coco.boxes import AXIS_ALIGNED, COCO, NUMBERS, ROTATED, described
from boxloss.coco.matching import MAX_DETECTIONS
from boxloss.coco.sources import is_table
from boxloss.data import sample as sample_files
from boxloss.printable import printable

if TYPE_CHECKING:
    from boxloss.lab import Pairs

LOWEST = 0.1  # IoU of the matches that `correlate` and `report` measure

Files = tuple[Source, Source]


class Reading(NamedTuple):
    """The options of reading."""

    format: str | None = None
    max_detections: int = MAX_DETECTIONS
    lenient: bool = False

    def words(self) -> list[str]:
        """Write the options that are not the default."""
        words = [] if self.format is None else ["--format", self.format]
        if self.max_detections != MAX_DETECTIONS:
            words += ["--max-detections", str(self.max_detections)]
        return words + ["--lenient"] * self.lenient


class Matched(NamedTuple):
    """Ground truth, detections and their matches."""

    truth: GroundTruth
    detections: Detections
    matches: Matches
    iou_threshold: float
    reading: Reading

    def hint(self) -> str | None:
        """Say how the files may be meant, if angles may be radians or most detections match nothing."""
        return hint(self.truth, self.detections, self.reading.max_detections, self.reading.format)

    def remarks(self) -> list[str]:
        """Say what is not among the matches though it is in the files."""
        texts = []
        if self.matches.unseen:
            most = self.reading.max_detections
            unseen = console.count(self.matches.unseen, "detection")
            texts.append(f"{unseen} past the first {most} of an image and category not looked at (--max-detections)")
        if left_out := self.truth.left_out + self.detections.left_out:
            texts.append(f"{console.count(left_out, 'record')} left out")
        return texts

    def assumed(self) -> list[str]:
        """Say how the numbers of rotated boxes were taken, if nobody said how they are meant."""
        return assumed(self.reading.format, self.truth, self.detections)


def assumed(format: str | None, *read: GroundTruth | Detections) -> list[str]:
    """Say how the numbers of rotated boxes were taken, with the angles of each file, if nobody said what they are."""
    files = [file for file in read if file.format in ROTATED] if format is None else []
    if not files:
        return []
    angles = [f"from {low:.1f} to {high:.1f} in {file.name}" for file in files for low, high in _angles(file)]
    numbers = f"{described(files[0].format)} as detectron2 writes them"
    return [f"boxes are taken as {numbers}, with angles {' and '.join(angles)}; --format says otherwise"]


def _angles(read: GroundTruth | Detections) -> list[tuple[float, float]]:
    """Find the smallest and the largest angle, as the file has them: the other way round; nothing of no boxes."""
    angles = -np.rad2deg(read.box[:, 4])
    return [(float(np.min(angles)), float(np.max(angles)))] if len(angles) else []


def format_option(more: str = "") -> Callable[[Any], Any]:
    """Make the option of the format of boxes; `more` is what else is a default."""
    default = f"xywh as COCO's, of five numbers cxcywhr as detectron2's, of eight xyxyxyxy as DOTA's{more}"
    text = f"The format of boxes in Parquet and CSV files, and of rotated boxes in any file.  [default: {default}]"
    return click.option("--format", type=Choice(list(NUMBERS)), help=text)


max_detections_option = click.option(
    "--max-detections",
    type=WholeNumber(min=1, max=LARGEST_COUNT),
    default=MAX_DETECTIONS,
    show_default=True,
    help="Of an image and category, those with the highest scores.",
)
lenient_option = click.option("--lenient", is_flag=True, help="Leave out records that are wrong, and say how many.")


def files_of(ground_truth: Source | None, detections: Source | None, sample: bool, more: str = "") -> Files:
    """Choose the files to read: those given or the embedded ones; `more` is what else a command takes."""
    if sample and ground_truth is None:
        return sample_files()
    if sample or ground_truth is None or detections is None:
        text = f"Give GROUND_TRUTH and DETECTIONS, {more}or --sample alone."
        raise click.UsageError(text, click.get_current_context())
    return ground_truth, detections


def both(ground_truth: Source | None, detections: Source | None) -> Files | None:
    """Check that there are two files or none."""
    if ground_truth is not None and detections is not None:
        return ground_truth, detections
    if ground_truth is not None:
        raise click.UsageError("Give both GROUND_TRUTH and DETECTIONS, or neither.", click.get_current_context())
    return None


def check(files: Sequence[Source] | None, reading: Reading) -> None:
    """Check that the options of reading go with the files."""
    if reading.format in AXIS_ALIGNED and reading.format != COCO and not (files and any(map(is_table, files))):
        raise click.UsageError(
            f"--format {reading.format} is for Parquet and CSV files: boxes in COCO's are xywh, or rotated.",
            click.get_current_context(),
        )
    if files is None and (words := reading.words()):
        raise click.UsageError(f"{words[0]} is for GROUND_TRUTH and DETECTIONS.", click.get_current_context())


def matched(
    files: Files, reading: Reading, iou_threshold: float, begin: Callable[[str], None] = lambda step: None
) -> Matched:
    """Read files and match them."""
    begin("reading")
    truth = read_ground_truth(files[0], reading.format, lenient=reading.lenient)
    detections = read_detections(files[1], truth, reading.format, lenient=reading.lenient)
    begin("matching")
    matches = match(truth, detections, iou_threshold, reading.max_detections)
    return Matched(truth, detections, matches, iou_threshold, reading)


def some_pairs(matched: Matched) -> "Pairs":
    """Return the pairs of matches; an error if there are none."""
    from boxloss.lab.generators import matched_pairs

    if not len(matched.matches):
        truth, detections, why = matched.truth.name, matched.detections.name, matched.hint()
        text = f"no detection matches an annotation of {truth} at an IoU of {matched.iou_threshold:g} or more"
        raise CocoError(f"{detections}: {why or text}")
    return matched_pairs(matched.truth, matched.matches, matched.iou_threshold)


def say(text: str | None) -> None:
    """Print a warning, if there is one."""
    if text:
        click.echo(f"boxloss: warning: {printable(text)}", err=True)
