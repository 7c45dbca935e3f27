"""Pairs of boxes with a name and a seed, and pairs from COCO files.

A name, a count and a seed give the same bits on every machine and with every version of NumPy: random numbers are the
raw output of a bit generator, whose stream NumPy keeps (NEP 19), and what is done to them is arithmetic that IEEE 754
rounds in one way only.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np

from boxloss.check import check_choice, check_count, check_seed
from boxloss.check_arrays import broadcast_shape, check_pair
from boxloss.coco import GroundTruth, Matches, Source, match, read_detections, read_ground_truth
from boxloss.coco.matching import MAX_DETECTIONS
from boxloss.printable import printable

FIXED_SIDE = 24.0  # pixels
SMALLEST_SIDE, OCTAVES = 8.0, 6  # mixed sizes: from 8 to 512 pixels
FURTHEST = 1.5  # offset of the centres over the side of the target; a side is at most 1 + this times longer or shorter


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of boxes, and where they come from.

    Attributes
    ----------
    name : str
        What they are, for titles.
    pred, target : ndarray, shape (N, 4)
        Boxes [x1, y1, x2, y2], or of the format.
    format : str
        That of the boxes.
    """

    name: str
    pred: np.ndarray
    target: np.ndarray
    format: str = "xyxy"

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.target)


class Uniforms:
    """Uniform numbers in [0, 1), multiples of 2^-53, from PCG64."""

    def __init__(self, seed: int) -> None:
        self.bits = np.random.PCG64(seed)

    def __call__(self, *shape: int) -> np.ndarray:
        """Draw an array."""
        raw = self.bits.random_raw(math.prod(shape)) >> np.uint64(11)
        return np.asarray(raw * 2.0**-53).reshape(shape)


def fixed_sizes(draw: Uniforms, count: int) -> np.ndarray:
    """Make the same square for all."""
    return np.full((count, 2), FIXED_SIDE)


def mixed_sizes(draw: Uniforms, count: int) -> np.ndarray:
    """Draw as many in each octave, width and height apart: 1 to 2 times a power of two."""
    octave, within = np.floor(OCTAVES * draw(count, 2)), draw(count, 2)
    return np.asarray(np.ldexp(SMALLEST_SIDE * (1.0 + within), octave.astype(np.int64)))


GENERATORS: dict[str, Callable[[Uniforms, int], np.ndarray]] = {
    "fixed": fixed_sizes,
    "mixed": mixed_sizes,
    "rotated": mixed_sizes,
}


def generate(name: str, count: int = 1_000_000, seed: int = 0) -> Pairs:
    """Make random pairs of boxes, from matches to boxes apart.

    The centre of pred is offset by up to 1.5 r sides of the target along each axis, and each side is longer or shorter
    than that of the target by a factor of up to 1 + 1.5 r, with an r in [0, 1) drawn for each pair: small errors are as
    common as large ones.

    Parameters
    ----------
    name : {"fixed", "mixed", "rotated"}
        Targets of one size, 24 x 24 pixels, or of sides from 8 to 512 pixels, width and height apart, with as many in
        each octave. ``"rotated"``: the same at any angle, and preds turned by up to r quarter turns either way; these
        are boxes of format ``"cxcywha"``.
    count : int
        How many.
    seed : int
        Another seed, other pairs; the same seed, the same bits.

    Returns
    -------
    Pairs

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.

    Examples
    --------
    >>> from boxloss import lab
    >>> lab.generate("fixed", count=2).pred.round(1)
    array([[806.8, -39.7, 822. ,   1. ],
           [874.2,  33.7, 893.9,  51.1]])
    """
    check_choice("name", name, GENERATORS)
    count, draw = check_count("count", count), Uniforms(check_seed(seed))
    sides = GENERATORS[name](draw, count)
    reach = FURTHEST * draw(count, 1)
    offset = reach * (2.0 * draw(count, 2) - 1.0)
    factor = 1.0 + reach * draw(count, 2)
    center, other = 1024.0 * draw(count, 2), np.where(draw(count, 2) < 0.5, sides * factor, sides / factor)
    title = f"{count:,} pairs, {name} target size{'s' * (name == 'mixed')}, seed {seed}"
    if name == "rotated":
        angle = math.pi * (draw(count, 1) - 0.5)
        turn = (0.5 * math.pi / FURTHEST) * reach * (2.0 * draw(count, 1) - 1.0)
        pred = np.concatenate([center + offset * sides, other, angle + turn], axis=1)
        title = f"{count:,} pairs with angles, mixed target sizes, seed {seed}"
        return Pairs(title, pred, np.concatenate([center, sides, angle], axis=1), "cxcywha")
    return Pairs(title, _corners(center + offset * sides, other), _corners(center, sides))


def coco_pairs(
    ground_truth: Source,
    detections: Source,
    iou_threshold: float = 0.1,
    *,
    format: str | None = None,
    max_detections: int = MAX_DETECTIONS,
    lenient: bool = False,
) -> Pairs:
    """Find detections and the annotations that they match, as COCO's evaluation matches them.

    Parameters
    ----------
    ground_truth, detections : str or Path
        A COCO annotation file and a COCO results file; or Parquet or CSV files with their columns, see
        ``boxloss.coco.read_ground_truth``.
    iou_threshold : float
        The lowest IoU of a match. COCO's 0.5 would leave out the half of the range where losses differ most.
    format : {"xywh", "xyxy", "cxcywh", "yxyx", "cxcywha", "cxcywhd", "cxcywhr", "xywhr", "xyxyxyxy"}, optional
        The format of boxes in Parquet and CSV files, or of rotated boxes in files of any kind; see there. By default
        ``"xywh"``, ``"cxcywhr"`` of boxes with five numbers, and ``"xyxyxyxy"`` of eight.
    max_detections : int
        How many detections of an image and category count: those with the highest scores.
    lenient : bool
        Whether to leave out records that are wrong instead of raising an error.

    Returns
    -------
    Pairs

    Raises
    ------
    CocoError, ValueError
        If a file cannot be read, or the threshold is not between 0 and 1.

    Examples
    --------
    >>> from boxloss import data, lab
    >>> len(lab.coco_pairs(*data.sample()))
    101
    """
    truth = read_ground_truth(ground_truth, format, lenient=lenient)
    found = read_detections(detections, truth, format, lenient=lenient)
    return matched_pairs(truth, match(truth, found, iou_threshold, max_detections), iou_threshold)


def matched_pairs(truth: GroundTruth, matches: Matches, iou_threshold: float) -> Pairs:
    """Return the boxes of matches, with a name that says where they come from."""
    count = f"{len(matches):,} match{'es' * (len(matches) != 1)}"
    name = f"{count} of {printable(PurePath(truth.name).name)}, IoU of {iou_threshold:g} or more"
    return Pairs(name, matches.pred, matches.target, matches.format)


def as_pairs(pairs: Any, count: int, seed: int) -> Pairs:
    """Read what `correlate` takes as pairs: the name of a generator, `Pairs`, or two arrays of boxes."""
    if isinstance(pairs, Pairs):
        return pairs
    if isinstance(pairs, str):
        return generate(pairs, count, seed)
    try:
        pred, target = pairs
    except (TypeError, ValueError):
        raise TypeError(
            f"pairs must be the name of a generator, Pairs, or two arrays (pred, target); got {type(pairs).__name__}"
        ) from None
    sides = np.asarray(pred, np.float64), np.asarray(target, np.float64)
    form = "cxcywha" if all(side.ndim and side.shape[-1] == 5 for side in sides) else "xyxy"
    check_pair(*sides, (form, form))
    size = sides[0].shape[-1]
    shape = (*broadcast_shape(sides[0].shape[:-1], sides[1].shape[:-1]), size)
    boxes = [np.broadcast_to(side, shape).reshape(-1, size) for side in sides]
    return Pairs(f"{len(boxes[0]):,} pairs", boxes[0], boxes[1], form)


def _corners(center: np.ndarray, sides: np.ndarray) -> np.ndarray:
    return np.concatenate([center - 0.5 * sides, center + 0.5 * sides], axis=1)
