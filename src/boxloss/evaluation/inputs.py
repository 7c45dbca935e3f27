"""What is evaluated: files, what was read of them, or plain arrays, as checked columns."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxloss.check import check_choice, did_you_mean, told_formats
from boxloss.coco import Detections, GroundTruth, LoadedJson, Source, read_detections, read_ground_truth
from boxloss.coco.boxes import AXIS_ALIGNED, NUMBERS, complaint, evaluated, unreadable
from boxloss.coco.read import is_loaded
from boxloss.coco.sources import is_source
from boxloss.libraries.arrays import is_cupy, is_tensor, to_host
from boxloss.shapes.formats import ALL_FORMATS

Columns = Mapping[str, Any]  # or another table with names and columns by name
TRUTH = {"image": True, "category": True, "box": True, "crowd": False, "area": False}  # whether each is needed
FOUND = {"image": True, "category": True, "box": True, "score": True}
KINDS = {"i": "integers", "U": "strings"}


def load(
    truth: Source | LoadedJson | GroundTruth | Columns,
    detections: Source | LoadedJson | Detections | Columns,
    format: str | None,
) -> tuple[GroundTruth, Detections]:
    """Read, or take as they are, ground truth and detections, and check that they go together."""
    if format is not None:
        check_choice("format", format, NUMBERS)
    known, found = _loaded(truth, detections, format)
    if format is None or format in (known.format, found.format):
        return known, found
    if known is truth and found is detections:
        raise ValueError(f"format says how to read boxes, and these were read as {known.format!r}; got {format!r}")
    if format in AXIS_ALIGNED:
        text = "is for columns, and for Parquet and CSV files: boxes of COCO's JSON files are 'xywh', or rotated"
        raise ValueError(f"format={format!r} {text}")
    return known, found


def _loaded(truth: Any, detections: Any, format: str | None) -> tuple[GroundTruth, Detections]:
    if not isinstance(truth, GroundTruth):
        is_read = is_source(truth) or is_loaded(truth)
        truth = read_ground_truth(truth, format) if is_read else _truth(truth, format or "xyxy")
    if is_source(detections) or is_loaded(detections):
        return truth, read_detections(detections, truth, format)
    found = detections if isinstance(detections, Detections) else _found(detections, format or "xyxy")
    if truth.box.shape[1] != found.box.shape[1]:
        kinds = " and ".join(f"{side.name} {'rotated' if side.box.shape[1] == 5 else 'not'}" for side in (truth, found))
        raise ValueError(f"boxes must be rotated in both or in neither; got those of {kinds}")
    for name, known in (("image", truth.images), ("category", _keys(truth.categories))):
        ids, others = getattr(found, f"{name}_id"), getattr(truth, f"{name}_id") if known is None else known
        if len(ids) and len(others) and ids.dtype.kind != others.dtype.kind:
            wanted, came = KINDS[others.dtype.kind], KINDS[ids.dtype.kind]
            raise ValueError(f"{found.name}: {name} must hold {wanted} as {truth.name} does; got {came}")
        if known is not None and not (is_known := np.isin(ids, known)).all():
            row = int(np.argmin(is_known))
            raise ValueError(f"{found.name}: {name} {ids[row]} of row {row} is not among those of {truth.name}")
    return truth, found


def _keys(names: dict[Any, str] | None) -> NDArray[Any] | None:
    return None if names is None else np.array(list(names))


def _truth(columns: Any, format: str) -> GroundTruth:
    name, given = "truth", _columns("truth", columns, TRUTH)
    box = _boxes(name, given["box"], format)
    image, category = (_ids(name, key, given[key], len(box)) for key in ("image", "category"))
    crowd = np.zeros(len(box), np.bool_)
    if "crowd" in given:
        flags = _numbers(name, "crowd", given["crowd"], len(box))
        _check(name, "crowd", flags, (flags == 0.0) | (flags == 1.0), "is neither 0 nor 1")
        crowd = flags == 1.0
    with np.errstate(over="ignore"):
        area = _numbers(name, "area", given["area"], len(box)) if "area" in given else box[:, 2] * box[:, 3]
    return GroundTruth(name, None, None, image, category, np.arange(len(box)), box, crowd, area, format)


def _found(columns: Any, format: str) -> Detections:
    name, given = "detections", _columns("detections", columns, FOUND)
    box = _boxes(name, given["box"], format)
    image, category = (_ids(name, key, given[key], len(box)) for key in ("image", "category"))
    score = _numbers(name, "score", given["score"], len(box))
    return Detections(name, image, category, box, score, np.arange(len(box)), format)


def _columns(name: str, columns: Any, known: Mapping[str, bool]) -> dict[str, NDArray[Any]]:
    """Take a table apart into NumPy arrays."""
    names = _names(columns)
    if names is None:
        wanted = f"a file, what json.load makes of one, or columns: a dict or a table with {', '.join(known)}"
        raise TypeError(f"{name} must be {wanted}; got {type(columns).__name__}")
    if more := [key for key in names if key not in known]:
        meant = f".{near}" if (near := did_you_mean(str(more[0]), known)) else ""
        raise ValueError(f"{name} has no use for {more[0]!r}: its columns are {', '.join(known)}{meant}")
    if missing := [key for key, needed in known.items() if needed and key not in names]:
        raise ValueError(f"{name} must have {missing[0]!r}; got {', '.join(map(repr, names)) or 'nothing'}")
    return {key: _numpy(name, key, columns[key]) for key in names}


def _names(table: Any) -> list[str] | None:
    """Find the names of the columns: of a dict or a DataFrame of pandas its keys; None of what is no table."""
    if not hasattr(table, "__getitem__"):
        return None
    if hasattr(table, "keys"):
        return list(table.keys())
    names = getattr(table, "column_names", getattr(table, "columns", None))  # of pyarrow and of polars
    return list(names) if isinstance(names, Sequence) else None


def _numpy(name: str, key: str, values: Any) -> NDArray[Any]:
    """Copy an array of any library and device to NumPy's."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        raise TypeError(f"{name}: {key} must not be masked, since masks are not read; leave these rows out")
    try:
        array = to_host(values) if is_tensor(values) or is_cupy(values) else np.asarray(values)
        if array.dtype == object and array.ndim == 1:  # a column of lists, or of texts
            array = np.array(array.tolist())
    except ValueError:
        how = "If there is one array an image, join them by np.concatenate"
        raise ValueError(f"{name}: {key} must be one array of all rows; got rows of several lengths. {how}") from None
    return array


def _ids(name: str, key: str, ids: NDArray[Any], size: int) -> NDArray[Any]:
    _check_shape(name, key, ids, size)
    if size == 0:
        return np.zeros(0, np.int64)
    if ids.dtype.kind in "iu":
        if ids.dtype == np.uint64 and not (fits := ids <= np.uint64(2**63 - 1)).all():
            row = int(np.argmin(fits))
            raise ValueError(f"{name}: {key} {ids[row]} of row {row} is not an integer from -2^63 to 2^63 - 1")
        return ids.astype(np.int64)
    if ids.dtype.kind == "U":
        return ids
    raise TypeError(f"{name}: {key} must hold integers or strings; got {ids.dtype}")


def _numbers(name: str, key: str, values: NDArray[Any], size: int) -> NDArray[np.float64]:
    _check_shape(name, key, values, size)
    return _finite(name, key, values)


def _finite(name: str, key: str, values: NDArray[Any]) -> NDArray[np.float64]:
    if values.size and values.dtype.kind not in "biuf":
        raise TypeError(f"{name}: {key} must hold numbers; got {values.dtype}")
    numbers = values.astype(np.float64)
    _check(
        name,
        key,
        numbers,
        np.isfinite(numbers).reshape(len(numbers), math.prod(numbers.shape[1:])).all(axis=1),
        "is not finite",
    )
    return numbers


def _boxes(name: str, values: NDArray[Any], format: str) -> NDArray[np.float64]:
    """Check boxes, and write them as [x, y, width, height], or with an angle as (cx, cy, width, height, angle)."""
    size = ALL_FORMATS[format].size
    if values.size == 0:
        return np.zeros((0, min(size, 5)))
    if values.ndim != 2 or values.shape[1] != size:
        told = told_formats(values.shape[-1:]) if values.ndim == 2 else ""
        raise ValueError(f"{name}: box must have shape (N, {size}); got {values.shape}{told}")
    given = _finite(name, "box", values)
    _check(name, "box", given, ~unreadable(given, format), complaint(format))
    box = evaluated(given, format)
    _check(name, "box", given, (box[:, 2:4] >= 0.0).all(axis=1), f"as {format!r} has a negative width or height")
    return box


def _check_shape(name: str, key: str, values: NDArray[Any], size: int) -> None:
    if values.shape != (size,):
        raise ValueError(f"{name}: {key} must have one entry a box, shape ({size},); got {values.shape}")


def _check(name: str, key: str, values: NDArray[Any], right: Any, complaint: str) -> None:
    if not right.all():
        row = int(np.argmin(right))
        raise ValueError(f"{name}: {key} {values[row].tolist()} of row {row} {complaint}")
