"""Distances of Gaussians in the general form of matrices, in NumPy; and those of axis-aligned boxes in torch."""

from typing import Any

import numpy as np


def gaussian(box: np.ndarray, k: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the covariance of a box (x, y, w, h, angle)."""
    cos, sin = np.cos(box[4]), np.sin(box[4])
    turn = np.asarray([[cos, -sin], [sin, cos]])
    return box[:2], turn @ np.diag([box[2] ** 2 / k, box[3] ** 2 / k]) @ turn.T


def wasserstein(box: np.ndarray, other: np.ndarray) -> float:
    """The squared Wasserstein distance."""
    from scipy.linalg import sqrtm  # here, since cases.py imports this module where SciPy may be missing

    (m, s), (n, t) = gaussian(box), gaussian(other)
    root = np.real(sqrtm(s))
    return float((m - n) @ (m - n) + np.trace(s + t - 2.0 * np.real(sqrtm(root @ t @ root))))


def divergence(box: np.ndarray, other: np.ndarray) -> float:
    """The Kullback-Leibler divergence of the first from the second."""
    (m, s), (n, t) = gaussian(box), gaussian(other)
    inverse = np.linalg.inv(t)
    logarithm = np.log(np.linalg.det(t) / np.linalg.det(s))
    return float(0.5 * ((m - n) @ inverse @ (m - n) + np.trace(inverse @ s) + logarithm) - 1.0)


def bhattacharyya(box: np.ndarray, other: np.ndarray, k: float) -> float:
    """The Bhattacharyya distance."""
    (m, s), (n, t) = gaussian(box, k), gaussian(other, k)
    mean = 0.5 * (s + t)
    determinants = np.sqrt(np.linalg.det(s) * np.linalg.det(t))
    distance = (m - n) @ np.linalg.inv(mean) @ (m - n)
    return float(distance / 8.0 + 0.5 * np.log(np.linalg.det(mean) / determinants))


def kfiou(box: np.ndarray, other: np.ndarray) -> float:
    """The KFIoU, at most 1/3."""
    (_, s), (_, t) = gaussian(box), gaussian(other)
    overlap = 4.0 * np.sqrt(np.linalg.det(s - s @ np.linalg.inv(s + t) @ s))
    return float(overlap / (box[2] * box[3] + other[2] * other[3] - overlap))


def projected_loss(box: np.ndarray, other: np.ndarray) -> float:
    """MGIoU: half of 1 less the mean of the GIoUs of the projections on the four normals."""
    corners = []
    for x, y, w, h, angle in (box, other):
        cos, sin = np.cos(angle), np.sin(angle)
        ends = np.asarray([[i * w / 2, j * h / 2] for i in (-1, 1) for j in (-1, 1)])
        corners.append(ends @ np.asarray([[cos, sin], [-sin, cos]]) + [x, y])
    found = []
    for angle in (box[4], box[4] + np.pi / 2, other[4], other[4] + np.pi / 2):
        one, two = (c @ [np.cos(angle), np.sin(angle)] for c in corners)
        shared = min(one.max(), two.max()) - max(one.min(), two.min())
        found.append(shared / (max(one.max(), two.max()) - min(one.min(), two.min())))
    return float(0.5 * (1.0 - np.mean(found)))


# --- Of axis-aligned boxes in torch: covariances are diagonal -------------------------------------------------------


def numbers(pred: Any, target: Any) -> tuple[Any, ...]:
    """Offsets of the centres, and the sides of both."""
    dx, dy = (0.5 * (pred[..., k] + pred[..., k + 2] - target[..., k] - target[..., k + 2]) for k in (0, 1))
    sides = [boxes[..., k + 2] - boxes[..., k] for boxes in (pred, target) for k in (0, 1)]
    return (dx, dy, *sides)


def mapped(distance: Any) -> Any:
    """1 - 1 / (1 + ln(1 + distance))."""
    return 1 - 1 / (1 + distance.log1p())


def gwd_loss(pred: Any, target: Any) -> Any:
    """Yang et al. 2021."""
    dx, dy, w, h, other_w, other_h = numbers(pred, target)
    squared = dx**2 + dy**2 + ((w - other_w) ** 2 + (h - other_h) ** 2) / 4
    return mapped(squared.sqrt() / (w * h * other_w * other_h) ** 0.25)


def kld_loss(pred: Any, target: Any) -> Any:
    """Yang et al. 2021."""
    dx, dy, w, h, other_w, other_h = numbers(pred, target)
    offset = 4 * (dx**2 / other_w**2 + dy**2 / other_h**2)
    trace = w**2 / other_w**2 + h**2 / other_h**2
    return mapped((0.5 * (offset + trace) + (other_w * other_h / (w * h)).log() - 1).sqrt())


def bhattacharyya_in_torch(pred: Any, target: Any, k: float) -> Any:
    """Of covariances over k."""
    dx, dy, w, h, other_w, other_h = numbers(pred, target)
    mean_w, mean_h = (w**2 + other_w**2) / (2 * k), (h**2 + other_h**2) / (2 * k)
    return (dx**2 / mean_w + dy**2 / mean_h) / 8 + 0.5 * (mean_w * mean_h * k**2 / (w * h * other_w * other_h)).log()


def bcd_loss(pred: Any, target: Any) -> Any:
    """Yang et al. 2022."""
    return mapped(bhattacharyya_in_torch(pred, target, 4.0))


def probiou_loss(pred: Any, target: Any) -> Any:
    """Murrugarra-Llerena et al. 2021."""
    return (1 - (-bhattacharyya_in_torch(pred, target, 12.0)).exp()).sqrt()


def kfiou_loss(pred: Any, target: Any) -> Any:
    """Yang et al. 2023."""
    _, _, w, h, other_w, other_h = numbers(pred, target)
    overlap = w * h * other_w * other_h / ((w**2 + other_w**2) * (h**2 + other_h**2)).sqrt()
    return 1 - 3 * overlap / (w * h + other_w * other_h - overlap)
