"""A set of the size of COCO's validation images: many images with few objects and 100 detections each."""

import json
from pathlib import Path
from typing import Any

import numpy as np

CATEGORIES = 80

Columns = dict[str, np.ndarray]


def make(images: int, per_image: int = 100, seed: int = 0) -> tuple[Columns, Columns]:
    """Ground truth and detections as `boxloss.evaluate` takes them, in the format xywh.

    Somewhat less than half of the detections are near an object of their image, the better the higher their scores.
    """
    rng = np.random.default_rng(seed)
    objects = np.minimum(rng.geometric(1 / 7.4, images), 60)
    image, count = np.repeat(np.arange(images), objects), int(objects.sum())
    share = 1 / np.arange(1, CATEGORIES + 1) ** 0.9
    common = rng.choice(CATEGORIES, (images, 3), p=share / share.sum())  # the categories of an image
    side = np.exp(rng.normal(4.0, 1.0, (count, 2))).clip(4, 500)
    box = np.concatenate([rng.uniform(0, 1, (count, 2)) * (np.array([640, 480]) - side).clip(1), side], 1).round(2)
    truth = {"image": image + 1, "category": common[image, rng.integers(0, 3, count)] + 1, "box": box}
    truth |= {"crowd": rng.random(count) < 0.012, "area": box[:, 2] * box[:, 3] * rng.uniform(0.4, 1, count).round(4)}

    size = images * per_image
    where = np.repeat(np.arange(images), per_image)
    near = (np.cumsum(objects) - objects)[where] + rng.integers(0, 1 << 30, size) % objects[where]
    noise, is_near = rng.exponential(0.12, (size, 1)), rng.random(size) < 0.45
    moved = box[near] + rng.normal(0, 1, (size, 4)) * noise * box[near][:, [2, 3, 2, 3]]
    moved[:, 2:] = np.abs(moved[:, 2:]).clip(2)
    anywhere = np.exp(rng.normal(4.0, 1.0, (size, 2))).clip(4, 500)
    other = np.concatenate([rng.uniform(0, 400, (size, 2)), anywhere], axis=1)
    score = (0.95 - 2 * noise[:, 0] + rng.normal(0, 0.1, size)).clip(0.01, 0.999)
    category = np.where(is_near, truth["category"][near], common[where, rng.integers(0, 3, size)] + 1)
    category = np.where(rng.random(size) < 0.2, rng.integers(1, CATEGORIES + 1, size), category)
    found = {"image": where + 1, "category": category, "box": np.where(is_near[:, None], moved, other).round(3)}
    return truth, found | {"score": np.where(is_near, score, rng.beta(1, 6, size)).round(6)}


def records(truth: Columns, found: Columns) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The content of COCO's files, with outlines of 15 points."""
    rng = np.random.default_rng(1)
    outlines = rng.uniform(0, 640, (len(truth["image"]), 30)).round(2).tolist()
    names = {"image_id": "image", "category_id": "category", "bbox": "box"}
    columns = [truth[name].tolist() for name in (*names.values(), "area", "crowd")]
    annotations = [
        {
            "segmentation": [outline],
            **dict(zip((*names, "area"), values, strict=True)),
            "iscrowd": int(crowd),
            "id": number,
        }
        for number, (outline, *values, crowd) in enumerate(zip(outlines, *columns, strict=True), start=1)
    ]
    columns = [found[name].tolist() for name in (*names.values(), "score")]
    detections = [dict(zip((*names, "score"), values, strict=True)) for values in zip(*columns, strict=True)]
    images = [
        {"id": number, "width": 640, "height": 480, "file_name": f"{number:012d}.jpg"}
        for number in range(1, int(found["image"].max()) + 1)
    ]
    categories = [{"id": number + 1, "name": f"category {number + 1}"} for number in range(CATEGORIES)]
    return {"images": images, "annotations": annotations, "categories": categories}, detections


def write(folder: Path, truth: Columns, found: Columns) -> tuple[Path, Path]:
    """Write both as COCO's files."""
    paths = folder / "truth.json", folder / "detections.json"
    for path, content in zip(paths, records(truth, found), strict=True):
        path.write_text(json.dumps(content))
    return paths
