"""The records of a file as checked columns; whatever is wrong becomes one line that names the file and the record."""

import json
import reprlib
import sys
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxloss.coco.boxes import COCO, NUMBERS, ROTATED, WORDS, complaint, evaluated, unreadable, usual_of
from boxloss.coco.sources import TAKEN, CocoError, Source, kind_of

NAMED = 3  # how many of the records that are wrong an error names
TYPES = {"i": "integers", "U": "strings"}  # of ids, by the kind of their NumPy type
SIDES = {"width": "w", "height": "h"}  # what a box with names may call its sides
ANGLES = ("angle", "rotation")  # under which a record may have an angle beside a box of four numbers


def load_json(source: Source, content: bytes) -> Any:
    """Load a JSON file.

    Parameters
    ----------
    source
        The file.
    content
        Its bytes.

    Returns
    -------
    Any
        What the file holds. NaN and infinities get through: the checks of a record name the record that has them.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        taken = "" if kind_of(source) == "json" else f"; boxloss reads {TAKEN}"
        raise CocoError(f"{source}: not valid JSON: {error}{taken}") from error


class Records:
    """Records, read one column at a time.

    A record that is wrong is noted and gets values that are right, so that in the end `good` knows all that are wrong.

    Parameters
    ----------
    source
        The file.
    kind, kinds
        What error messages call one of the records, whose position, counted from 0, follows, and all of them.
    size
        The number of records.
    lenient
        Whether records that are wrong are left out; else they are an error.
    format
        The format of boxes; by default it is what most of them look like.
    """

    names: Mapping[str, str] = MappingProxyType({})  # what errors call the numbers of a box if not as formats do

    def __init__(
        self, source: Source, kind: str, kinds: str, size: int, lenient: bool, format: str | None = None
    ) -> None:
        self.source, self.kind, self.kinds, self.size, self.lenient = source, kind, kinds, size, lenient
        self.format = format
        self.wrong: dict[int, str] = {}

    def good(self) -> NDArray[np.bool_]:
        """Say which records are right in every column that was read; an error if not all are and all must be."""
        if self.wrong and (len(self.wrong) == self.size or not self.lenient):
            raise CocoError(self._complaint())
        mask = np.ones(self.size, np.bool_)
        mask[list(self.wrong)] = False
        return mask

    def labels(self, key: str, like: str | None = None, home: str = "") -> NDArray[Any]:
        """Return what names an image, a category or an annotation: integers or strings, all of one kind.

        Parameters
        ----------
        key
            The column.
        like
            ``"i"`` for integers, ``"U"`` for strings; by default the kind that more of them have.
        home
            Whose kind that is, for errors.
        """
        values = self._labels(key, like)
        types = Counter(map(type, values))
        kind = like or ("U" if 2 * types[str] > len(values) else "i")
        if like and values and types[str if like == "i" else int] == len(values):
            raise CocoError(f"{self.source}: {key} has {TYPES['U' if like == 'i' else 'i']}, {home} {TYPES[like]}")
        if kind == "U":
            values = self._checked(key, values, lambda value: isinstance(value, str), "is not a string", "")
            return np.array(values, np.str_)
        values = self._checked(key, values, lambda value: type(value) is int, "is not an integer", 0)
        return np.array(self._checked(key, values, _is_int64, "is not an integer from -2^63 to 2^63 - 1", 0), np.int64)

    def ids(self, key: str) -> NDArray[Any]:
        """Return the labels under `key`, which must differ from one another."""
        column = self.labels(key)
        seen: dict[Any, int] = {}
        for index, value in enumerate(column.tolist()):
            if index not in self.wrong and seen.setdefault(value, index) != index:
                file, place = self._place(seen[value])
                elsewhere = "" if file == self._place(index)[0] else f" of {file}"
                self._note(index, f"{key} {value} is already that of {place}{elsewhere}")
        return column

    def references(self, key: str, known: Container[Any], like: str, home: str) -> NDArray[Any]:
        """Return the labels under `key`, each of which must be one of `known`, the ids in `home`."""
        column = self.labels(key, like, f"those of the {home}")
        self._checked(key, column.tolist(), known.__contains__, f"is not among the {home}", None)
        return column

    def numbers(self, key: str) -> NDArray[np.float64]:
        """Return the finite numbers under `key`."""
        return np.array(self._checked(key, self._numbers(key), _is_finite, "is not a finite number", 0.0), np.float64)

    def areas(self, key: str, box: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the finite numbers under `key`; where there is none the area of the box."""
        values = self._numbers(key, optional=True)
        is_given = np.array([value is not None for value in values], np.bool_)
        numbers = self._checked(
            key, [0.0 if value is None else value for value in values], _is_finite, "is not a finite number", 0.0
        )
        with np.errstate(over="ignore"):
            return np.where(is_given, np.array(numbers, np.float64), box[:, 2] * box[:, 3])

    def flags(self, key: str) -> NDArray[np.bool_]:
        """Return the zeros and ones under `key`; 0 where there is none."""
        values = [0 if value is None else value for value in self._flags(key)]
        return np.array(self._checked(key, values, lambda v: v in (0, 1), "is neither 0 nor 1", 0), np.bool_)

    def strings(self, key: str) -> list[str]:
        """Return the strings under `key`."""
        return self._checked(key, self._column(key), lambda value: isinstance(value, str), "is not a string", "")

    def boxes(self, key: str) -> NDArray[np.float64]:
        """Return the boxes under `key`, lists or objects with the names of their numbers, as they are evaluated.

        From here on `format` says how they were read.
        """
        given = self._boxes(key)
        self.format = format = self.format or usual_of(given)
        names = NUMBERS[format]
        size, none = len(names), [0.0] * len(names)
        has_corners = format in ("xyxy", "yxyx")

        def is_box(value: Any) -> bool:
            return isinstance(value, list) and len(value) == size and all(map(_is_finite, value))

        def is_upright(box: list[float]) -> bool:
            low = box[:2] if has_corners else (0.0, 0.0)
            return size == 8 or (box[2] >= low[0] and box[3] >= low[1])

        wanted = f"{WORDS[size]} finite numbers [{', '.join(self.names.get(name, name) for name in names)}]"
        boxes = self._checked(key, [_as_list(box, names) for box in given], is_box, f"is not {wanted}", none)
        boxes = self._checked(key, boxes, is_upright, "has a negative width or height", none)
        array = np.array(boxes, np.float64).reshape(-1, size)
        wrong = unreadable(array, format)
        array[wrong] = 0.0
        for index in np.flatnonzero(wrong).tolist():
            self._note(index, f"{key} {reprlib.repr(boxes[index])} {complaint(format)}")
        return evaluated(array, format)

    def _column(self, key: str, optional: bool = False) -> list[Any]:
        """Return the values under `key`; None where there is none."""
        raise NotImplementedError

    def _labels(self, key: str, like: str | None) -> list[Any]:
        """Return the ids under `key`; one that is written as 1.0 is 1."""
        values = self._column(key)
        if float not in set(map(type, values)):
            return values
        return [int(v) if type(v) is float and v.is_integer() else v for v in values]

    def _numbers(self, key: str, optional: bool = False) -> list[Any]:
        return self._column(key, optional)

    def _flags(self, key: str) -> list[Any]:
        return self._column(key, optional=True)

    def _boxes(self, key: str) -> list[Any]:
        return self._column(key)

    def _checked(
        self, key: str, values: list[Any], valid: Callable[[Any], bool], complaint: str, instead: Any
    ) -> list[Any]:
        """Return the values; where one is not valid its record is noted and `instead` stands in its place."""
        if all(map(valid, values)):
            return values
        checked = []
        for index, value in enumerate(values):
            good = valid(value)
            checked.append(value if good else instead)
            if not good:
                self._note(index, f"{key} {reprlib.repr(value)} {complaint}".lstrip())
        return checked

    def _note(self, index: int, complaint: str) -> None:
        """Note what is wrong with a record, but for what follows from an earlier complaint."""
        self.wrong.setdefault(index, complaint)

    def _place(self, index: int) -> tuple[str, str]:
        """Return the file of a record, and its kind and position there."""
        return str(self.source), f"{self.kind} {index}"

    def _complaint(self) -> str:
        first = min(self.wrong)
        text = f"{': '.join(self._place(first))}: {self.wrong[first]}"
        if len(self.wrong) == 1:
            return text
        named = []
        for file, place in map(self._place, sorted(self.wrong)[:NAMED]):
            elsewhere = "" if file == self._place(first)[0] else f" of {file}"
            named.append(place.removeprefix(f"{self.kind} ") + elsewhere)
        rest = ", ..." if len(self.wrong) > NAMED else ""
        return f"{text}; {len(self.wrong)} of {self.size} {self.kinds} are wrong: {', '.join(named)}{rest}"


class Objects(Records):
    """A list of JSON objects.

    Parameters
    ----------
    source, kind, kinds, lenient, format
        As of `Records`.
    items
        What should be a list of objects and is checked to be one.
    """

    names = MappingProxyType({"w": "width", "h": "height"})

    def __init__(
        self, source: Source, kind: str, kinds: str, items: Any, lenient: bool = False, format: str | None = None
    ) -> None:
        if not isinstance(items, list):
            raise CocoError(f"{source}: {kinds}: {reprlib.repr(items)} is not a list")
        super().__init__(source, kind, kinds, len(items), lenient, format)
        self.items = self._checked("", items, lambda item: isinstance(item, dict), "is not an object", {})

    def _boxes(self, key: str) -> list[Any]:
        boxes = super()._boxes(key)
        if self.format is None and usual_of(boxes) == COCO:
            for index, item in enumerate(self.items):
                if angle := _angle_of(item):
                    raise CocoError(
                        f"{': '.join(self._place(index))}: {angle} beside the four numbers of {key} is of a rotated "
                        "box, which has five there, [cx, cy, width, height, angle] in a format of "
                        f"{', '.join(ROTATED)}; format {COCO} leaves such angles out"
                    )
        return boxes

    def _column(self, key: str, optional: bool = False) -> list[Any]:
        if not optional:
            for index, item in enumerate(self.items):
                if key not in item:
                    self._note(index, f"{key!r} is missing")
        return [item.get(key) for item in self.items]


def _angle_of(item: Mapping[str, Any]) -> str:
    """Find the angle that a record has beside its box, as one writes it; nothing if there is none but 0."""
    attributes = item.get("attributes")  # where CVAT has it
    for where in (item, attributes) if isinstance(attributes, dict) else (item,):
        for name in ANGLES:
            if _is_finite(value := where.get(name)) and value:
                return f"{name} {value}"
    return ""


def _as_list(box: Any, names: Sequence[str]) -> Any:
    """Return a box with names as a list; anything else as it is."""
    if type(box) is list or not isinstance(box, dict):
        return box
    named = {SIDES.get(key, key): value for key, value in box.items()}
    return [named[name] for name in names] if len(named) == len(box) and set(named) == set(names) else box


def _is_int64(value: Any) -> bool:
    return -(2**63) <= int(value) < 2**63


def _is_finite(value: Any) -> bool:
    # Not math.isfinite, which raises on an integer beyond the floats; the comparison is false for NaN.
    return type(value) in (int, float) and abs(value) <= sys.float_info.max
