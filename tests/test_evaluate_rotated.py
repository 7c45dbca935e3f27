"""Evaluation of rotated boxes: a scene that is turned has the statistics that it had."""

import json

import numpy as np
import pytest

import boxloss as bl
from boxloss.coco import read_ground_truth
from boxloss.evaluation import overlaps
from errors import check_error

ENGINES = ("array", "numba")
OPTIONS = {"areas": {"small": (0.0, 150.0), "large": (150.0, 1e10)}, "max_detections": (1, 5, 20)}


def scene(rng, n=150):
    """Annotations and detections, some of them near the annotations, others anywhere; crowds among these."""
    truth = np.concatenate([rng.uniform(0, 60, (n, 2)), rng.uniform(5, 25, (n, 2))], axis=-1)
    found = np.concatenate([truth + rng.normal(0, 1.5, truth.shape), truth[::3] + rng.normal(0, 4, (n // 3, 4))])
    found[:, 2:] = np.abs(found[:, 2:]) + 0.1
    image, category = rng.integers(0, 9, n), rng.integers(0, 3, n)
    of_found = np.concatenate([np.arange(n), np.arange(n)[::3]])
    columns = {"image": image, "category": category, "box": truth, "crowd": (rng.random(n) < 0.1).astype(int)}
    return columns, {
        "image": image[of_found],
        "category": category[of_found],
        "box": found,
        "score": rng.permutation(len(found)) / len(found),
    }


def turned(columns, angle):
    """A scene of (cx, cy, w, h) as one of boxes with an angle."""
    x, y, w, h = columns["box"].T
    cos, sin = np.cos(angle), np.sin(angle)
    return columns | {"box": np.stack([cos * x - sin * y, sin * x + cos * y, w, h, np.full_like(x, angle)], axis=-1)}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("angle", [0.0, 0.7, 11.0])
def test_a_scene_that_is_turned(angle, engine, rng, monkeypatch):
    monkeypatch.setattr(overlaps, "PAIRS_AT_A_TIME", 100)
    truth, found = scene(rng)
    expected = bl.evaluate(truth, found, format="cxcywh", **OPTIONS)
    result = bl.evaluate(turned(truth, angle), turned(found, angle), format="cxcywha", engine=engine, **OPTIONS)
    assert 0.05 < expected.ap < 0.95
    np.testing.assert_allclose(list(result.statistics.values()), list(expected.statistics.values()), rtol=1e-12)
    np.testing.assert_allclose(result.precision, expected.precision, rtol=1e-12)


@pytest.mark.parametrize("format", ["cxcywhd", "cxcywhr", "xywhr", "xyxyxyxy"])
def test_formats(format, rng):
    truth, found = (turned(columns, 0.4) for columns in scene(rng))
    expected = bl.evaluate(truth, found, format="cxcywha")
    truth, found = (c | {"box": bl.convert(c["box"], "cxcywha", format)} for c in (truth, found))
    assert bl.evaluate(truth, found, format=format).ap == pytest.approx(expected.ap, rel=1e-12)


def test_squares_that_lie_athwart():
    """Their IoU is 1 / sqrt(2): above 5 of 10 thresholds."""
    truth = {"image": [1], "category": [1], "box": [[0, 0, 2, 2, 0]]}
    found = {"image": [1], "category": [1], "box": [[0, 0, 2, 2, 45]], "score": [1.0]}
    assert bl.evaluate(truth, found, format="cxcywhd").ap == pytest.approx(0.5)
    assert bl.evaluate(truth, found, format="cxcywha", iou_thresholds=[0.5]).ap == pytest.approx(1.0)


def test_nothing_to_match():
    one = {"image": [1], "category": [1], "box": [[0, 0, 2, 2, 0]]}
    none = {"image": [], "category": [], "box": np.zeros((0, 5))}
    assert bl.evaluate(one, none | {"score": []}, format="cxcywha").ap == 0.0
    assert np.isnan(bl.evaluate(none, one | {"score": [1.0]}, format="cxcywha").ap)
    other = one | {"image": [2], "score": [1.0]}
    assert bl.evaluate(one, other, format="cxcywha").ap == 0.0


def test_errors(tmp_path):
    truth = {"image": [1], "category": [1], "box": [[0, 0, 2, 2, 0]]}
    found = truth | {"score": [1.0]}

    def wrong(text, box, format="cxcywha"):
        check_error(lambda: bl.evaluate(truth | {"box": [box]}, found, format=format), ValueError, text)

    formats = "Boxes of 4 numbers are of format 'xyxy', 'xywh', 'cxcywh' or 'yxyx'"
    wrong(f"truth: box must have shape (N, 5); got (1, 4). {formats}", [0, 0, 2, 2])
    wrong(
        "truth: box [0.0, 0.0, 2.0, -2.0, 0.0] of row 0 as 'cxcywha' has a negative width or height", [0, 0, 2, -2, 0]
    )
    wrong(
        "truth: box [0.0, 0.0, 2.0, 2.0, 10000000.0] of row 0 has an angle beyond 1000000 radians", [0, 0, 2, 2, 10**7]
    )
    wrong(
        "truth: box [0.0, 0.0, 2.0, 0.0, 2.0, 2.0, 1.0, 2.0] of row 0 is no rectangle; cv2.minAreaRect fits one",
        [0, 0, 2, 0, 2, 2, 1, 2],
        "xyxyxyxy",
    )
    file = tmp_path / "truth.json"
    file.write_text(json.dumps({"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2]}]}))
    text = f"boxes must be rotated in both or in neither; got those of {file} not and detections rotated"
    check_error(lambda: bl.evaluate(read_ground_truth(file), found, format="cxcywha"), ValueError, text)
