"""Make the embedded sample: ``python -m boxloss.data.make_sample [FOLDER]``.

Twenty images with boxes of five categories, and detections as a detector of middling quality would give them: most
objects found, the better the higher the score; some missed, some found twice, some taken for another category or
imagined; crowds with detections inside. All of it is random and nothing is real, but the same on every run.
"""

import json
import random
import sys
from pathlib import Path
from typing import Any

SEED = 20
IMAGES = 20
WIDTH, HEIGHT = 640, 480
# name -> median side in pixels, height over width
CATEGORIES = {"person": (90, 2.4), "car": (110, 0.6), "dog": (80, 0.8), "bottle": (40, 2.8), "chair": (75, 1.2)}
NAMES = list(CATEGORIES)

Record = dict[str, Any]


def make(seed: int = SEED) -> tuple[dict[str, list[Record]], list[Record]]:
    """Make ground truth and detections.

    Parameters
    ----------
    seed
        Another seed gives another sample.

    Returns
    -------
    tuple
        The content of a COCO annotation file and of a COCO results file.
    """
    rng = random.Random(seed)
    annotations: list[Record] = []
    detections: list[Record] = []
    for image_id in range(1, IMAGES + 1):
        objects = [draw_object(rng, image_id) for _ in range(rng.randint(3, 9))]
        if image_id % 7 == 0:
            objects.append(draw_crowd(rng, image_id))
        annotations += objects
        detections += [found for item in objects for found in detect(rng, item)]
        detections += [imagine(rng, image_id) for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    for annotation_id, annotation in enumerate(annotations, start=1):
        annotation["id"] = annotation_id
    rng.shuffle(detections)
    truth: dict[str, list[Record]] = {
        "images": [{"id": i + 1, "width": WIDTH, "height": HEIGHT} for i in range(IMAGES)],
        "categories": [{"id": i + 1, "name": name} for i, name in enumerate(CATEGORIES)],
        "annotations": annotations,
    }
    return truth, detections


def draw_object(rng: random.Random, image_id: int) -> Record:
    """Draw an annotated object somewhere in an image."""
    category = rng.randrange(len(CATEGORIES))
    side, aspect = CATEGORIES[NAMES[category]]
    width = side * rng.lognormvariate(0.0, 0.5)
    height = width * aspect * rng.lognormvariate(0.0, 0.15)
    corner = rng.uniform(-0.1, 0.9) * WIDTH, rng.uniform(-0.1, 0.8) * HEIGHT
    return annotate(image_id, category + 1, clip(*corner, corner[0] + width, corner[1] + height), iscrowd=0)


def draw_crowd(rng: random.Random, image_id: int) -> Record:
    """Draw a region full of people."""
    x, y = rng.uniform(0.0, 0.4) * WIDTH, rng.uniform(0.0, 0.4) * HEIGHT
    return annotate(image_id, 1, clip(x, y, x + 0.5 * WIDTH, y + 0.4 * HEIGHT), iscrowd=1)


def annotate(image_id: int, category_id: int, bbox: list[float], iscrowd: int) -> Record:
    """Make an annotation; its id comes later."""
    area = round(bbox[2] * bbox[3], 2)
    return {"id": 0, "image_id": image_id, "category_id": category_id, "bbox": bbox, "area": area, "iscrowd": iscrowd}


def detect(rng: random.Random, item: Record) -> list[Record]:
    """Detect an object: not at all, once or twice; in a crowd, a few people."""
    if item["iscrowd"]:
        return [detect_inside(rng, item) for _ in range(3)]
    times = rng.choices((0, 1, 2), (0.12, 0.75, 0.13))[0]
    return [detect_once(rng, item) for _ in range(times)]


def detect_once(rng: random.Random, item: Record) -> Record:
    """Detect an object, with noise on every corner and a score that falls with the noise."""
    x, y, width, height = item["bbox"]
    noise = rng.expovariate(1 / 0.1)
    corners = [x, y, x + width, y + height]
    shifted = [c + rng.gauss(0.0, noise) * side for c, side in zip(corners, (width, height) * 2, strict=True)]
    score = min(max(0.95 - 2.0 * noise + rng.gauss(0.0, 0.1), 0.05), 0.99)
    confused = rng.random() < 0.04
    category_id = rng.randint(1, len(CATEGORIES)) if confused else item["category_id"]
    return {"image_id": item["image_id"], "category_id": category_id, "bbox": clip(*shifted), "score": round(score, 2)}


def detect_inside(rng: random.Random, crowd: Record) -> Record:
    """Detect somebody in a crowd."""
    x, y, width, height = crowd["bbox"]
    left, top = x + rng.uniform(0.0, 0.8) * width, y + rng.uniform(0.0, 0.5) * height
    bbox = clip(left, top, left + 0.2 * width, top + 0.5 * height)
    score = round(rng.uniform(0.2, 0.7), 2)
    return {"image_id": crowd["image_id"], "category_id": crowd["category_id"], "bbox": bbox, "score": score}


def imagine(rng: random.Random, image_id: int) -> Record:
    """Detect what is not there."""
    item = draw_object(rng, image_id)
    score = round(rng.uniform(0.05, 0.6), 2)
    return {"image_id": image_id, "category_id": item["category_id"], "bbox": item["bbox"], "score": score}


def clip(x1: float, y1: float, x2: float, y2: float) -> list[float]:
    """Cut a box to the image, as [x, y, width, height]: at least two pixels of it remain."""
    left, right = min(max(min(x1, x2), 0.0), WIDTH - 2.0), max(min(max(x1, x2), WIDTH), 2.0)
    top, bottom = min(max(min(y1, y2), 0.0), HEIGHT - 2.0), max(min(max(y1, y2), HEIGHT), 2.0)
    return [round(left, 1), round(top, 1), round(max(right - left, 2.0), 1), round(max(bottom - top, 2.0), 1)]


def to_json(content: dict[str, list[Record]] | list[Record]) -> str:
    """Write JSON text with one record a line, so that a change shows as the lines that it touches."""
    if isinstance(content, list):
        return "[\n" + ",\n".join(map(json.dumps, content)) + "\n]"
    return "{" + ",\n".join(f"{json.dumps(name)}: {to_json(records)}" for name, records in content.items()) + "}"


def main() -> None:
    """Write the sample into a folder, by default the package's own."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "sample"
    truth, detections = make()
    for name, text in (("ground_truth", to_json(truth)), ("detections", to_json(detections))):
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
