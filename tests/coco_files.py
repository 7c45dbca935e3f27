"""Ground truth and detections of two images as files, and their matches."""

import json

from boxloss import coco

TRUTH = {
    "images": [{"id": 1}, {"id": 2}],
    "categories": [{"id": 5, "name": "cat"}, {"id": 6, "name": "dog"}],
    "annotations": [
        {"id": 11, "image_id": 1, "category_id": 5, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 0},
        {"id": 12, "image_id": 1, "category_id": 5, "bbox": [2, 0, 10, 10], "area": 100, "iscrowd": 0},
        {"id": 13, "image_id": 2, "category_id": 6, "bbox": [0, 0, 50, 50], "area": 2500, "iscrowd": 1},
    ],
}
DETECTIONS = [
    {"image_id": 1, "category_id": 5, "bbox": [0, 0, 10, 10], "score": 0.5},
    {"image_id": 1, "category_id": 5, "bbox": [1, 0, 10, 10], "score": 0.9},
    {"image_id": 2, "category_id": 6, "bbox": [5, 5, 10, 10], "score": 0.8},
    {"image_id": 2, "category_id": 6, "bbox": [60, 5, 10, 10], "score": 0.8},
]


def write(folder, truth=TRUTH, detections=DETECTIONS):
    """The paths of both files; content that is text is written as it is."""
    paths = folder / "truth.json", folder / "found.json"
    for path, content in zip(paths, (truth, detections), strict=True):
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return paths


def read_and_match(paths, iou_threshold=0.5):
    truth = coco.read_ground_truth(paths[0])
    return coco.match(truth, coco.read_detections(paths[1], truth), iou_threshold)
