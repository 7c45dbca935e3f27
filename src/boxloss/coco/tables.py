"""Parquet and CSV files with a box a row, as checked columns."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxloss.check import did_you_mean
from boxloss.coco.boxes import COCO, DETECTRON, DOTA, NUMBERS, ROTATED
from boxloss.coco.delimited import as_flags, as_labels, as_numbers, read_csv
from boxloss.coco.parquet import ParquetFiles, number_type
from boxloss.coco.records import Records
from boxloss.coco.sources import CocoError, Source, explained, is_parquet

AREA = "area"  # of ground truth alone: checked where it is read
LABELS, VALUES = ("id", "image_id", "category_id"), ("iscrowd", "score")


class Table(Records):
    """The columns of a Parquet file, a folder of them, or a CSV file.

    Parameters
    ----------
    source
        The file.
    format
        The format of its boxes, a key of `NUMBERS`; by default COCO's, of five numbers detectron2's, of eight DOTA's.
    lenient
        As of `Records`.
    """

    def __init__(self, source: Source, format: str | None, lenient: bool = False) -> None:
        numbers = NUMBERS[format] if format else dict.fromkeys(NUMBERS[COCO] + NUMBERS[DETECTRON] + NUMBERS[DOTA])
        columns = (*LABELS, *VALUES, "bbox", *numbers)
        self.parts: list[tuple[str, int]] = []  # files and numbers of rows, of a folder
        wrong: dict[int, str] = {}
        if is_parquet(source):
            files = ParquetFiles(source)
            names = [name for name in (*columns, AREA) if name in files.names]
            schema = files.schema(names, optional=("iscrowd", AREA))
            for field in schema:
                if field.name not in files.partitioned:
                    _check_type(source, field)
            if not files.size and not schema.names:
                raise CocoError(f"{source}: there are no rows")
            self.header = list(files.names)
            self.table, self.texts, size = files.read(schema), files.partitioned, files.size
            self.parts = [(part.file, part.size) for part in files.parts]
        else:
            self.table, self.header, wrong = read_csv(source, columns, (AREA,))
            self.texts = set(self.table.column_names)
            size = self.table.num_rows + len(wrong)
        super().__init__(source, "row", "rows", size, lenient, format)
        self.wrong |= wrong
        self.read = np.setdiff1d(np.arange(size), list(wrong))  # the rows that are in the table

    def ids(self, key: str) -> NDArray[Any]:
        """Return the labels under `key`, which must differ; without such a column the numbers of the rows."""
        return super().ids(key) if key in self.table.column_names else np.arange(self.size)

    def _column(self, key: str, optional: bool = False) -> list[Any]:
        if not self._has(key, optional):
            return [None] * self.size
        with explained(self.source):
            return self._spread(self.table[key].to_pylist())

    def _labels(self, key: str, like: str | None) -> list[Any]:
        return as_labels(self._column(key), like) if key in self.texts else super()._labels(key, like)

    def _numbers(self, key: str, optional: bool = False) -> list[Any]:
        texts = key in self.texts and self._has(key)
        return self._spread(as_numbers(self.table[key])) if texts else super()._numbers(key, optional)

    def _flags(self, key: str) -> list[Any]:
        texts = key in self.texts and self._has(key, optional=True)
        return self._spread(as_flags(self.table[key])) if texts else super()._flags(key)

    def _boxes(self, key: str) -> list[Any]:
        if key in self.table.column_names:
            return self._column(key)
        names = NUMBERS[self.format or COCO]
        if self.format is None and set(NUMBERS[DETECTRON]) <= set(self.table.column_names):
            names = NUMBERS[DETECTRON]
        elif self.format is None and "angle" in self.table.column_names:
            raise CocoError(
                f"{self.source}: column 'angle' is of rotated boxes, whose format has to be given: "
                f"{', '.join(ROTATED)}; or {COCO} to leave it out"
            )
        elif self.format is None and set(NUMBERS[DOTA]) <= set(self.table.column_names) and not self._has("x", True):
            names = NUMBERS[DOTA]
        if missing := [name for name in names if name not in self.table.column_names]:
            wanted = f"a box is a list column 'bbox' or the columns {', '.join(names)}"
            raise CocoError(f"{self.source}: no column {missing[0]!r}: {wanted}{self._other_formats()}")
        return [list(box) for box in zip(*map(self._numbers, names), strict=True)]

    def _other_formats(self) -> str:
        """Say of which formats the columns are that there are: those with the most numbers, one for the same names."""
        known = [(frozenset(names), format) for format, names in NUMBERS.items()]
        there = {names: format for names, format in known[::-1] if names <= set(self.header)}
        most = max(map(len, there), default=0)
        found = [format for names, format in there.items() if len(names) == most]
        how = "leave the format out" if COCO in found else "give it"
        return f". The columns are those of the format {' or '.join(map(repr, found))}: {how}" if found else ""

    def _has(self, key: str, optional: bool = False) -> bool:
        found = key in self.table.column_names
        if not found and not optional:
            raise CocoError(f"{self.source}: no column {key!r}.{did_you_mean(key, self.header)}".removesuffix("."))
        return found

    def _spread(self, values: list[Any]) -> list[Any]:
        """Put values where their rows are among all, those that are not in the table included."""
        if len(values) == self.size:
            return values
        spread = [None] * self.size
        for row, value in zip(self.read.tolist(), values, strict=True):
            spread[row] = value
        return spread

    def _place(self, index: int) -> tuple[str, str]:
        if len(self.parts) < 2:
            return super()._place(index)
        for file, size in self.parts:
            if index < size:
                return file, f"row {index}"
            index -= size
        raise IndexError(index)


def _check_type(source: Source, field: Any) -> None:
    """Check the type of a column of a Parquet file."""
    import pyarrow as pa

    name, kind = field.name, field.type
    if pa.types.is_null(kind) or (name == "iscrowd" and pa.types.is_boolean(kind)) or name == AREA:
        return
    if name in LABELS:
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_string(kind)):
            raise CocoError(f"{source}: column {name!r} is of {kind}, not of integers or strings")
    elif name == "bbox" and pa.types.is_struct(kind):
        for child in kind:
            number_type(source, f"{name}.{child.name}", child.type)
    else:
        number_type(source, name, kind, lists=name == "bbox")
