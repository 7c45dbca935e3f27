"""Canvases of noise with handwritten digits on them.

The digits are the 1,797 test images of the Optical Recognition of Handwritten Digits data set (Alpaydin and Kaynak,
UCI Machine Learning Repository, 1998), which scikit-learn ships.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

CANVAS = 160  # pixels, the side of a canvas
DIGITS = (3, 8)  # fewest and most on a canvas, the second excluded
MOST_OVERLAP = 0.3  # IoU of two digits of a canvas
TRIES = 20  # at placing a digit before it is left out
CONTRAST = (0.6, 1.0)
NOISE = 0.15  # standard deviation, where ink is 1
# Which of the digits' images are pasted: no image is seen in training and again in a test.
SPLITS = {"train": slice(0, 1000), "validation": slice(1000, 1300), "test": slice(1300, 1797)}


@dataclass(frozen=True, eq=False)
class Scenes:
    """Canvases and the digits on them.

    Attributes
    ----------
    canvas : ndarray of float32, shape (scenes, 160, 160)
        What is seen.
    image : ndarray of int, shape (digits,)
        On which canvas a digit is.
    box : ndarray, shape (digits, 4)
        The box (x, y, w, h) of its ink: centre and size.
    """

    canvas: np.ndarray
    image: np.ndarray
    box: np.ndarray


@cache
def load() -> list[np.ndarray]:
    """Load the ink of each digit, from 0 to 1, cut to where there is some."""
    from sklearn.datasets import load_digits

    pictures = load_digits().images
    cut = [picture[np.ix_(_span(picture.any(axis=1)), _span(picture.any(axis=0)))] for picture in pictures]
    return [(ink / ink.max()).astype(np.float32) for ink in cut]


def _span(any_ink: np.ndarray) -> np.ndarray:
    places = np.flatnonzero(any_ink)
    return np.arange(places[0], places[-1] + 1)


def draw(split: str, count: int, sides: tuple[float, float], rng: np.random.Generator) -> Scenes:
    """Paste digits of one of `SPLITS` on canvases of noise.

    The longer side of a digit is log-uniform in `sides`, in pixels; its shape is that of its ink, stretched by up to a
    quarter. Digits overlap by an IoU of 0.3 at most, and the brighter ink is seen.
    """
    inks = load()
    chosen = np.arange(len(inks))[SPLITS[split]]
    canvas = rng.normal(0.0, NOISE, (count, CANVAS, CANVAS)).astype(np.float32)
    found: list[tuple[int, tuple[float, ...]]] = []
    for scene in range(count):
        ink = np.zeros((CANVAS, CANVAS), np.float32)
        placed: list[tuple[float, ...]] = []
        for index in rng.choice(chosen, int(rng.integers(*DIGITS)), replace=False):
            width, height = _size(inks[index].shape, sides, rng)
            if (corner := _free_place(width, height, placed, rng)) is None:
                continue
            placed.append((*corner, width, height))
            left, top = corner
            patch = ink[top : top + height, left : left + width]
            np.maximum(patch, rng.uniform(*CONTRAST) * resize(inks[index], height, width), out=patch)
            found.append((scene, (left + width / 2, top + height / 2, float(width), float(height))))
        canvas[scene] += ink
    image, box = zip(*found, strict=True)
    return Scenes(canvas, np.asarray(image), np.asarray(box))


def _size(shape: tuple[int, ...], sides: tuple[float, float], rng: np.random.Generator) -> tuple[int, int]:
    """Draw width and height of a digit on the canvas."""
    low, high = np.log(sides)
    height, width = np.asarray(shape) * np.asarray([1.0, rng.uniform(0.8, 1.25)])
    scale = np.exp(rng.uniform(low, high)) / max(height, width)
    return max(3, round(width * scale)), max(3, round(height * scale))


def _free_place(
    width: int, height: int, placed: list[tuple[float, ...]], rng: np.random.Generator
) -> tuple[int, int] | None:
    """Find a corner for a digit where it hides none of the others."""
    for _ in range(TRIES):
        left, top = int(rng.integers(0, CANVAS - width + 1)), int(rng.integers(0, CANVAS - height + 1))
        if all(_iou((left, top, width, height), other) <= MOST_OVERLAP for other in placed):
            return left, top
    return None


def _iou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Compute the IoU of boxes (left, top, width, height), of plain numbers: a thousand times a call of the package."""
    w = max(0.0, min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]))
    h = max(0.0, min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]))
    return w * h / (a[2] * a[3] + b[2] * b[3] - w * h)


def resize(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Stretch a picture to another size, by bilinear interpolation; edges go on beyond themselves."""
    rows, down = _between(picture.shape[0], height)
    columns, right = _between(picture.shape[1], width)
    upper, lower = picture[rows], picture[np.minimum(rows + 1, len(picture) - 1)]
    between = upper + (lower - upper) * down[:, None]
    after = between[:, np.minimum(columns + 1, picture.shape[1] - 1)]
    return np.asarray(between[:, columns] + (after - between[:, columns]) * right)


def _between(old: int, new: int) -> tuple[np.ndarray, np.ndarray]:
    """Find for each new pixel the old one before its centre, and the share of the one after."""
    place = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0.0, old - 1.0)
    before = place.astype(np.intp)
    return before, (place - before).astype(np.float32)
