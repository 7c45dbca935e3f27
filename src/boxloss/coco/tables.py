"""Parquet and CSV files with a box a row, as checked columns."""

from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxloss.coco.records import CocoError, Records, Source
from boxloss.functions import convert

COLUMNS = ("id", "image_id", "category_id", "bbox", "iscrowd", "score")
NUMBERS = {  # the columns of a box that is not a list, for each format
    "xyxy": ("x1", "y1", "x2", "y2"),
    "xywh": ("x", "y", "w", "h"),
    "cxcywh": ("cx", "cy", "w", "h"),
    "yxyx": ("y1", "x1", "y2", "x2"),
}


def is_table(source: Source) -> bool:
    """Whether a path is of Parquet files or a CSV file: by its ending, or a folder of Parquet files."""
    path = Path(str(source))
    return path.suffix in (".parquet", ".csv") or path.is_dir()


class Table(Records):
    """The columns of a Parquet file, a folder of them, or a CSV file.

    Parameters
    ----------
    source
        The file.
    format
        The format of its boxes, a key of `NUMBERS`.
    """

    def __init__(self, source: Source, format: str) -> None:
        self.source, self.kind, self.format = source, "row", format
        self.table = _load(source, {*COLUMNS, *NUMBERS[format]})
        if not self.table.num_rows:
            raise CocoError(f"{source}: there are no rows")

    def labels(self, key: str) -> NDArray[Any]:
        """Return the integers or the strings under `key`."""
        strings = isinstance(self._column(key)[0], str)
        return np.array(self.strings(key)) if strings else self.integers(key)

    def ids(self, key: str) -> NDArray[np.int64]:
        """Return the integers under `key`, which must differ; without such a column the numbers of the rows."""
        return super().ids(key) if key in self.table.column_names else np.arange(self.table.num_rows)

    def boxes(self, key: str) -> NDArray[np.float64]:
        """Return the boxes, a list column `key` or four columns, as [x, y, width, height], with shape (N, 4)."""
        has_corners = self.format in ("xyxy", "yxyx")

        def upright(box: list[float]) -> bool:
            low = box[:2] if has_corners else (0.0, 0.0)
            return box[2] >= low[0] and box[3] >= low[1]

        return convert(self.lists(key, f"[{', '.join(NUMBERS[self.format])}]", upright), self.format, "xywh")

    def _column(self, key: str, default: Any = None) -> list[Any]:
        if key in self.table.column_names:
            column: list[Any] = self.table[key].to_pylist()
            return column
        if default is not None:
            return [default] * self.table.num_rows
        if key != "bbox":
            raise CocoError(f"{self.source}: no column {key!r}")
        names = NUMBERS[self.format]
        if missing := [name for name in names if name not in self.table.column_names]:
            wanted = f"a box is a list column 'bbox' or the columns {names}"
            raise CocoError(f"{self.source}: no column {missing[0]!r}: {wanted}")
        return [list(box) for box in zip(*map(self._column, names), strict=True)]


def _load(source: Source, columns: Collection[str]) -> Any:
    """Read a file; of Parquet files, which may hold segmentations too, these columns alone."""
    if find_spec("pyarrow") is None:
        raise CocoError(f'{source}: Parquet and CSV files need pyarrow: pip install "boxloss[cli]"')
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.dataset

    path = Path(str(source))
    try:
        path.stat()  # whose errors say more than pyarrow's
        if path.suffix == ".csv":
            return pyarrow.csv.read_csv(path)
        dataset = pyarrow.dataset.dataset(path, format="parquet")
        return dataset.to_table(columns=[name for name in dataset.schema.names if name in columns])
    except (OSError, pa.ArrowException) as error:
        raise CocoError(f"{source}: {getattr(error, 'strerror', None) or error}") from error
