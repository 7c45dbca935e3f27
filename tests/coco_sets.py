"""Small ground truth and detections, as the content of files, as files and as arrays."""

import json

import numpy as np

TRUTH = {
    "images": [{"id": 1}, {"id": 2}],
    "categories": [{"id": 5, "name": "cat"}, {"id": 6, "name": "dog"}],
    "annotations": [
        {"id": 11, "image_id": 1, "category_id": 5, "bbox": [0, 0, 10, 10], "area": 50, "iscrowd": 0},
        {"id": 12, "image_id": 2, "category_id": 5, "bbox": [2, 0, 40, 40], "area": 1600, "iscrowd": 0},
        {"id": 13, "image_id": 2, "category_id": 5, "bbox": [0, 0, 50, 50], "area": 2500, "iscrowd": 1},
    ],
}
DETECTIONS = [
    {"image_id": 1, "category_id": 5, "bbox": [0, 0, 10, 10], "score": 0.5},
    {"image_id": 2, "category_id": 5, "bbox": [2, 0, 40, 30], "score": 0.9},
    {"image_id": 2, "category_id": 6, "bbox": [60, 5, 10, 10], "score": 0.8},
]


def write(folder, truth, detections):
    paths = folder / "truth.json", folder / "found.json"
    for path, content in zip(paths, (truth, detections), strict=True):
        path.write_text(json.dumps(content))
    return paths


def columns(truth, detections):
    """Both as plain arrays."""

    def column(records, key):
        return np.asarray([record[key] for record in records])

    names = {"image": "image_id", "category": "category_id", "box": "bbox"}
    annotated = {new: column(truth["annotations"], old) for new, old in {**names, "crowd": "iscrowd"}.items()}
    annotated["area"] = column(truth["annotations"], "area")
    return annotated, {new: column(detections, old) for new, old in {**names, "score": "score"}.items()}


COLUMNS = columns(TRUTH, DETECTIONS)
