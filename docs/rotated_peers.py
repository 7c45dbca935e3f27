"""Count where other libraries return NaN or a wrong IoU of boxes with an angle, for docs/rotated.md.

python docs/rotated_peers.py        # with powerboxes, shapely and opencv-python-headless installed

The reference is tests/polygons.py: clipping in rational numbers. An IoU that is off by more than 0.001 is wrong, in
float32 too.
"""

import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

import boxloss as bl

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from polygons import corners, ious
from rotated_boxes import boxes, crossing, near, random, shared_edge, touching, turned_a_little

COUNT, WRONG = 1000, 1e-3
SHOWN = ("random", "the same twice", "nearly the same", "turned a little", "shared edge", "touching", "crossing strips")


def same(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The same box twice."""
    target = boxes(rng, n)
    return target.copy(), target


KINDS = dict(zip(SHOWN, (random, same, near, turned_a_little, shared_edge, touching, crossing), strict=True))


def of_powerboxes(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Of its matrices, whose angles are in degrees, the diagonal."""
    import powerboxes

    degrees = [side * [1, 1, 1, 1, 180 / np.pi] for side in (pred, target)]
    pairs = zip(*degrees, strict=True)
    return np.asarray([1.0 - powerboxes.rotated_iou_distance(p[None], t[None])[0, 0] for p, t in pairs])


def of_opencv(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The area of `rotatedRectangleIntersection`, float32."""
    import cv2

    def one(p: np.ndarray, t: np.ndarray) -> float:
        sides = [(tuple(b[:2].tolist()), tuple(b[2:4].tolist()), float(np.degrees(b[4]))) for b in (p, t)]
        _, polygon = cv2.rotatedRectangleIntersection(*sides)
        shared = 0.0 if polygon is None else cv2.contourArea(cv2.convexHull(polygon))
        return shared / (p[2] * p[3] + t[2] * t[3] - shared)

    return np.asarray([one(p, t) for p, t in zip(pred, target, strict=True)])


def of_shapely(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    """GEOS on polygons of rounded corners."""
    import shapely

    def polygon(box: np.ndarray) -> object:
        return shapely.Polygon([(float(x), float(y)) for x, y in corners(box)])

    found = []
    for p, t in zip(pred, target, strict=True):
        one, other = polygon(p), polygon(t)
        shared = shapely.area(shapely.intersection(one, other))
        found.append(shared / (shapely.area(one) + shapely.area(other) - shared))
    return np.asarray(found)


def of_boxloss(pred: np.ndarray, target: np.ndarray, dtype: str = "float64") -> np.ndarray:
    """Of `boxloss.iou_score`."""
    return bl.iou_score(pred.astype(dtype), target.astype(dtype), format="cxcywha").astype(np.float64)


def cell(found: np.ndarray, expected: np.ndarray) -> str:
    """The largest error, and how many are NaN and wrong."""
    lost = np.isnan(found)
    error = np.abs(found - expected)[~lost]
    wrong = np.sum(error > WRONG)
    told = [f"{np.max(error, initial=0.0):.0e}"] if not wrong else [f"{wrong} wrong by up to {error.max():.2f}"]
    return ", ".join([*([f"{lost.sum()} NaN"] if lost.any() else []), *told])


def table() -> str:
    """Each kind of pair by each library."""
    peers: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
        f"powerboxes {version('powerboxes')}": of_powerboxes,
        f"OpenCV {version('opencv-python-headless')}": of_opencv,
        f"Shapely {version('shapely')}": of_shapely,
        "boxloss": of_boxloss,
        "boxloss, float32": lambda pred, target: of_boxloss(pred, target, "float32"),
    }
    lines = [["pairs", *peers], ["---"] * (len(peers) + 1)]
    for name, kind in KINDS.items():
        pred, target = kind(np.random.default_rng(7), COUNT)
        expected = ious(pred, target)
        short = ious(pred.astype("f4"), target.astype("f4"))
        cells = [
            cell(of(pred, target), short if "float32" in peer or "OpenCV" in peer else expected)
            for peer, of in peers.items()
        ]
        lines.append([name, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(table())
