"""A list of JSON objects as checked columns; whatever is wrong becomes one line that names the file and the record."""

import json
import reprlib
import sys
from collections.abc import Callable, Collection
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Source = str | Path | Traversable


class CocoError(ValueError):
    """A COCO file cannot be read; the message is one line that names the file and, where there is one, the record."""


def load_json(source: Source) -> Any:
    """Load a JSON file.

    Parameters
    ----------
    source
        Where the file is.

    Returns
    -------
    Any
        What the file holds. NaN and infinities get through: the checks of a record name the record that has them.
    """
    try:
        text = (Path(source) if isinstance(source, str) else source).read_bytes()
    except OSError as error:
        raise CocoError(f"{source}: {error.strerror or error}") from error
    if not text.strip():
        raise CocoError(f"{source}: the file is empty")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CocoError(f"{source}: not valid JSON: {error}") from error


class Records:
    """A list of JSON objects, read one column at a time.

    Parameters
    ----------
    source
        The file, as error messages name it.
    kind, kinds
        What error messages call one of the objects, whose position, counted from 0, follows, and all of them.
    items
        What should be a list of objects and is checked to be one.
    """

    def __init__(self, source: Source, kind: str, kinds: str, items: Any) -> None:
        if not isinstance(items, list):
            raise CocoError(f"{source}: {kinds}: {reprlib.repr(items)} is not a list")
        if not items:
            raise CocoError(f"{source}: there are no {kinds}")
        self.source, self.kind, self.items = source, kind, items
        self._check("", items, lambda item: isinstance(item, dict), "is not an object")

    def integers(self, key: str) -> NDArray[np.int64]:
        """Return the integers under `key`."""
        column = self._column(key)
        self._check(key, column, _is_int64, "is not an integer")
        return np.array(column, np.int64)

    def ids(self, key: str) -> NDArray[np.int64]:
        """Return the integers under `key`, which must differ from one another."""
        column = self.integers(key)
        seen: dict[int, int] = {}
        for index, value in enumerate(column.tolist()):
            if seen.setdefault(value, index) != index:
                raise self._error(index, f"{key} {value} is already that of {self.kind} {seen[value]}")
        return column

    def labels(self, key: str) -> NDArray[Any]:
        """Return what names an image or a category: the integers under `key`, in tables the strings too."""
        return self.integers(key)

    def references(self, key: str, known: Collection[Any], home: str) -> NDArray[Any]:
        """Return the labels under `key`, each of which must be one of `known`, the ids in `home`."""
        column = self.labels(key)
        self._check(key, column.tolist(), known.__contains__, f"is not among the {home}")
        return column

    def numbers(self, key: str) -> NDArray[np.float64]:
        """Return the finite numbers under `key`."""
        column = self._column(key)
        self._check(key, column, _is_finite, "is not a finite number")
        return np.array(column, np.float64)

    def flags(self, key: str) -> NDArray[np.bool_]:
        """Return the zeros and ones under `key`; 0 where there is none."""
        column = self._column(key, default=0)
        self._check(key, column, lambda value: value in (0, 1), "is neither 0 nor 1")
        return np.array(column, np.bool_)

    def strings(self, key: str) -> list[str]:
        """Return the strings under `key`."""
        column = self._column(key)
        self._check(key, column, lambda value: isinstance(value, str), "is not a string")
        return column

    def boxes(self, key: str) -> NDArray[np.float64]:
        """Return the boxes under `key` as [x, y, width, height], with shape (N, 4)."""
        return self.lists(key, "[x, y, width, height]", lambda box: box[2] >= 0 and box[3] >= 0)

    def lists(self, key: str, wanted: str, upright: Callable[[Any], bool]) -> NDArray[np.float64]:
        """Return lists of four finite numbers under `key`, which have no negative side."""
        column = self._column(key)
        self._check(key, column, _is_four_numbers, f"is not four finite numbers {wanted}")
        self._check(key, column, upright, "has a negative width or height")
        return np.array(column, np.float64)

    def _column(self, key: str, default: Any = None) -> list[Any]:
        if default is None:
            for index, item in enumerate(self.items):
                if key not in item:
                    raise self._error(index, f"{key!r} is missing")
        return [item.get(key, default) for item in self.items]

    def _check(self, key: str, values: list[Any], valid: Callable[[Any], bool], complaint: str) -> None:
        for index, value in enumerate(values):
            if not valid(value):
                raise self._error(index, f"{key} {reprlib.repr(value)} {complaint}".lstrip())

    def _error(self, index: int, complaint: str) -> CocoError:
        return CocoError(f"{self.source}: {self.kind} {index}: {complaint}")


def _is_int64(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _is_finite(value: Any) -> bool:
    # Not math.isfinite, which raises on an integer beyond the floats; the comparison is false for NaN.
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _is_four_numbers(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_finite, value))
