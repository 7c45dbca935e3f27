"""Files of rotated boxes, and the arrays that they are made of."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

import boxloss as bl
from boxloss.coco.boxes import NUMBERS

NAMES = {"image": "image_id", "category": "category_id", "box": "bbox", "crowd": "iscrowd", "score": "score"}


def scene(format="cxcywhr", seed=0):
    """Annotations and detections near them, as columns."""
    rng = np.random.default_rng(seed)
    n = 60
    truth = np.concatenate([rng.uniform(0, 60, (n, 2)), rng.uniform(5, 25, (n, 2)), rng.uniform(-2, 2, (n, 1))], axis=1)
    found = truth + rng.normal(0, 1, (n, 5)) * [1, 1, 1, 1, 0.1]
    ids = {"image": rng.integers(1, 5, n), "category": rng.integers(1, 3, n)}
    box, other = (bl.convert(boxes, "cxcywha", format) for boxes in (truth, found))
    crowd = (rng.random(n) < 0.1).astype(int)
    return ids | {"box": box, "crowd": crowd}, ids | {"box": other, "score": rng.permutation(n) / n}


def rows(columns):
    return [
        dict(zip(map(NAMES.get, columns), values, strict=True))
        for values in zip(*(column.tolist() for column in columns.values()), strict=True)
    ]


def write_json(folder, truth, found):
    files = folder / "truth.json", folder / "found.json"
    annotations = [{"id": number, **row} for number, row in enumerate(rows(truth), start=1)]
    for file, content in zip(files, ({"annotations": annotations}, rows(found)), strict=True):
        file.write_text(json.dumps(content))
    return files


def write_lists(folder, truth, found):
    files = folder / "truth.parquet", folder / "found.parquet"
    for file, columns in zip(files, (truth, found), strict=True):
        pq.write_table(pa.Table.from_pylist(rows(columns)), file)
    return files


def write_numbers(folder, truth, found, format):
    files = folder / "truth.csv", folder / "found.csv"
    for file, columns in zip(files, (truth, found), strict=True):
        table = [
            {name: value for name, value in row.items() if name != "bbox"}
            | dict(zip(NUMBERS[format], row["bbox"], strict=True))
            for row in rows(columns)
        ]
        pyarrow.csv.write_csv(pa.Table.from_pylist(table), file)
    return files


def assert_same(result, expected):
    np.testing.assert_array_equal(list(result.statistics.values()), list(expected.statistics.values()))
    np.testing.assert_array_equal(result.precision, expected.precision)
