"""The one function: ground truth and detections in, an `Evaluation` out."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxloss.check import check_choice
from boxloss.coco import Detections, GroundTruth, LoadedJson, Source, hint
from boxloss.coco.order import distinct
from boxloss.coco.overlaps import FEW, engine_for
from boxloss.evaluation.arrange import arrange
from boxloss.evaluation.evaluation import Evaluation
from boxloss.evaluation.inputs import Columns, load
from boxloss.evaluation.marks import accumulate, match
from boxloss.evaluation.parts import Parts
from boxloss.evaluation.statistics import Settings
from boxloss.evaluation.steps import MAX_THRESHOLDS

# COCO's.
IOU_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())
ALL_AREAS = (0.0, 1e10)
AREAS = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
MAX_DETECTIONS = (1, 10, 100)

# A process waits longer for kernels, tenths of a second from disk and seconds on a new machine, than for plain steps on
# FEW detections, where a call takes as long as LEAST of them. After that, kernels are 8 to 70 times as fast.
LEAST = 100
ENGINES = ("auto", "numba", "array")
# An AP below which other readings of boxes and ids are worth a try, and how many detections tell them apart.
SUSPICIOUS, LEAST_FOR_A_HINT = 0.1, 10
MOST_DETECTIONS = 2**63 - 1


def evaluate(
    truth: Source | LoadedJson | GroundTruth | Columns,
    detections: Source | LoadedJson | Detections | Columns,
    *,
    iou_thresholds: Sequence[float] = IOU_THRESHOLDS,
    areas: Mapping[str, tuple[float, float]] = AREAS,
    max_detections: Sequence[int] = MAX_DETECTIONS,
    format: str | None = None,
    engine: str = "auto",
) -> Evaluation:
    """Compute mean average precision and recall, as COCO's evaluation defines them.

    The numbers are those of pycocotools to the last bit, but for two faults of its: there the AP is -1 where
    `max_detections` has no 100, and a match with an annotation whose id is 0 counts as none.

    Parameters
    ----------
    truth
        The ground truth: a COCO annotation file, or the dict that ``json.load`` makes of one; a Parquet or CSV file
        with the columns `image_id`, `category_id` and `bbox`; what ``boxloss.coco.read_ground_truth`` returned; or
        columns, a dict of arrays of any library or a table of pandas, polars or pyarrow: ``image`` and ``category``,
        integers or strings, shape (N,), and ``box``, shape (N, 4). There may be ``crowd``, 0 or 1, for regions in which
        detections do not count, and ``area``, by which small and large are told apart; by default that is the area of
        the box. It is taken as it stands, as by pycocotools: a negative one is in no range of areas, not even in
        ``"all"``.
    detections
        Detections, in the same forms: a list of dicts with `image_id`, `category_id`, `bbox` and `score`, as COCO's
        results files are; or columns, with ``score`` and without ``crowd`` and ``area``. Scores are compared in
        float64: integers beyond 2**53 may tie.
    iou_thresholds
        The lowest IoUs of a match, up to 62 of them, each from 0 to 1.
    areas
        Ranges of areas by name. All areas from 0 to 1e10 count as ``"all"``, unless that is among these.
    max_detections
        Numbers of detections of an image and category that count, those with the highest scores. Precision is that of
        the largest.
    format
        The format of boxes: ``"xyxy"``, the default for columns, ``"xywh"``, the default for files, ``"cxcywh"`` or
        ``"yxyx"``. Boxes of four numbers in JSON files, and in what was loaded of one, are always ``"xywh"``: another
        format is for the other side, and an error if that has such boxes too. Rotated boxes, shape (N, 5), are
        ``"cxcywha"``, ``"cxcywhd"``, ``"cxcywhr"``, the default for files whose boxes have five numbers, or
        ``"xywhr"``; their corners, shape (N, 8), ``"xyxyxyxy"``, the default for files whose boxes have eight. Then
        IoUs and areas are those of the rotated boxes.
    engine
        ``"numba"``; ``"array"``, which runs the same steps without compiling them; or ``"auto"``, which is ``"array"``
        for the first 2000 detections in a process, or 20 calls, and then ``"numba"``. The numbers are the same to
        the last bit. Of rotated boxes it is ``"numba"`` for more than 2000 detections.

    Returns
    -------
    Evaluation
        Statistics, curves and tables.

    Raises
    ------
    boxloss.coco.CocoError
        If a file cannot be read or anything in it is not as the format wants it.
    TypeError, ValueError
        If columns or options are not as described.

    Warns
    -----
    UserWarning
        If the AP is below 0.1, and most of 10 or more detections would match if they were read in another format or had
        ids that are one higher or lower, or one side seems to hold fractions of the image and the other pixels. Not of
        what ``boxloss.coco`` has read, where ``boxloss.coco.hint`` says the same.

    References
    ----------
    Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014 (arXiv:1405.0312).

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> truth = {"image": [1, 1], "category": [1, 1], "box": [[0, 0, 10, 10], [20, 0, 40, 10]]}
    >>> found = {"image": [1, 1], "category": [1, 1], "box": [[0, 0, 10, 9], [50, 0, 60, 10]], "score": [0.9, 0.5]}
    >>> result = bl.evaluate(truth, found)
    >>> round(result.ap50, 4), result.ar_100, result.ap_large
    (0.505, 0.45, nan)
    """
    check_choice("engine", engine, ENGINES)
    settings = _settings(iou_thresholds, areas, max_detections)
    known, found = load(truth, detections, format)
    arranged = arrange(known, found)
    size = max(len(found.score), len(known.box))
    # Engines may differ in the last bit of IoUs of rotated boxes and of resamples: the size alone decides there.
    by_size = engine if engine != "auto" else engine_for(size)
    is_same = arranged.truth.box.shape[1] == 4
    engine = _spending.engine(engine, size) if is_same else by_size
    ranges = np.array(list(settings.areas.values()), np.float64)
    marks = match(arranged, settings.iou_thresholds, ranges, settings.max_detections[-1], engine)
    counts = np.array(settings.max_detections, np.int64)
    curves = accumulate(marks, counts, len(settings.iou_thresholds), engine)
    names = known.category_names if known.categories is not None else {}
    categories = {key: names.get(key, str(key)) for key in arranged.categories.tolist()}
    result = Evaluation(Parts(settings, categories, arranged, marks, curves, by_size))
    # The command line reads files before, and gives hints itself.
    was_read = known is truth and found is detections
    # Boxes whose angles in radians were read as degrees hardly turn, and match as if they did not.
    is_suspicious = result.ap < SUSPICIOUS or (not is_same and format is None)
    is_told = is_suspicious and len(found.score) >= LEAST_FOR_A_HINT and not was_read
    if is_told and (text := hint(known, found, settings.max_detections[-1], format)):
        warnings.warn(text, stacklevel=2)
    return result


@dataclass
class Spending:
    """What the plain steps have taken of a process's time, in detections."""

    spent: int = 0

    def engine(self, engine: str, size: int) -> str:
        """Choose the engine of an evaluation of this size; kernels that are there are used."""
        if engine == "array":
            return engine
        cost = max(size, LEAST)
        if engine == "numba" or self.spent + cost > FEW:
            self.spent = FEW
            return "numba"
        self.spent += cost
        return "array"


_spending = Spending()


def _settings(iou_thresholds: Any, areas: Any, max_detections: Any) -> Settings:
    thresholds = np.atleast_1d(_numbers("iou_thresholds", iou_thresholds, np.float64))
    if thresholds.ndim != 1 or not 0 < thresholds.size <= MAX_THRESHOLDS:
        raise ValueError(f"iou_thresholds must be 1 to {MAX_THRESHOLDS} numbers; got shape {thresholds.shape}")
    if not ((thresholds >= 0.0) & (thresholds <= 1.0)).all():
        raise ValueError(f"iou_thresholds must be between 0 and 1; got {thresholds.tolist()}")
    ranges = {}
    if not isinstance(areas, Mapping):
        raise TypeError(f"areas must be a dict of ranges (low, high) by name; got {type(areas).__name__}")
    for name, ends in {"all": ALL_AREAS, **areas}.items():
        try:
            low, high = map(float, ends)
            is_range = low <= high
        except (TypeError, ValueError, OverflowError):
            is_range = False
        if not is_range:
            raise ValueError(f"areas must be ranges (low, high); got {ends!r} for {name!r}")
        if not isinstance(name, str) or name.isdecimal():
            raise ValueError(f"names of areas must be words; got {name!r}")
        ranges[name] = (low, high)
    counts = distinct(_numbers("max_detections", max_detections).reshape(-1))
    if counts.dtype.kind not in "iu" or counts.size == 0 or counts[0] < 1 or counts[-1] > MOST_DETECTIONS:
        raise ValueError(f"max_detections must be whole numbers above 0; got {max_detections!r}")
    return Settings(thresholds, ranges, tuple(counts.tolist()))


def _numbers(name: str, values: Any, dtype: Any = None) -> NDArray[Any]:
    try:
        return np.asarray(values, dtype)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name} must be numbers; got {values!r}") from None
