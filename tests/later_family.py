"""The later family and the modifiers once more, independently, in torch; and what they are differentiated as."""

from typing import Any

import numpy as np

import boxloss as bl


def parts(pred: Any, target: Any) -> dict[str, Any]:
    """Everything that the formulas read, of tensors or arrays."""
    found: dict[str, Any] = {}
    low, high = (np.minimum, np.maximum) if isinstance(pred, np.ndarray) else _torch_extremes()
    (l, t, r, b), (L, T, R, B) = ([boxes[..., k] for k in range(4)] for boxes in (pred, target))  # noqa: E741
    r, b, R, B = high(l, r), high(t, b), high(L, R), high(T, B)
    found["w"], found["h"], found["W"], found["H"] = r - l, b - t, R - L, B - T
    found["dx"], found["dy"] = (l + r - L - R) / 2, (t + b - T - B) / 2
    found["cw"], found["ch"] = high(r, R) - low(l, L), high(b, B) - low(t, T)
    found["iw"], found["ih"] = low(r, R) - high(l, L), low(b, B) - high(t, T)
    found["edges"] = [abs(l - L), abs(t - T), abs(r - R), abs(b - B)]
    if not isinstance(pred, np.ndarray):
        intersection = found["iw"].clamp(min=0) * found["ih"].clamp(min=0)
        found["iou"] = intersection / (found["w"] * found["h"] + found["W"] * found["H"] - intersection)
    found["rho2"], found["c2"] = found["dx"] ** 2 + found["dy"] ** 2, found["cw"] ** 2 + found["ch"] ** 2
    return found


def _torch_extremes() -> tuple[Any, Any]:
    import torch

    return torch.minimum, torch.maximum


def larger(a: Any, b: Any) -> Any:
    """The larger of two tensors."""
    return _torch_extremes()[1](a, b)


def siou_loss(pred: Any, target: Any, theta: float = 4.0) -> Any:
    """Gevorgyan 2022; the angle by an arc tangent, since an arc sine loses half of the digits near an axis."""
    import torch

    q = parts(pred, target)
    angle = 1 - 2 * torch.sin(torch.atan2(q["dy"].abs(), q["dx"].abs()) - torch.pi / 4) ** 2
    distance = sum(1 - torch.exp((angle - 2) * r**2) for r in (q["dx"] / q["cw"], q["dy"] / q["ch"]))
    shape = sum(
        (1 - torch.exp(-(a - b).abs() / larger(a, b))) ** theta for a, b in ((q["w"], q["W"]), (q["h"], q["H"]))
    )
    return 1 - q["iou"] + (distance + shape) / 2


def wiou_loss(pred: Any, target: Any) -> Any:
    """Tong et al. 2023, version 1."""
    q = parts(pred, target)
    return (q["rho2"] / q["c2"].detach()).exp() * (1 - q["iou"])


def mpdiou_loss(pred: Any, target: Any, height: float, width: float) -> Any:
    """Ma and Xu 2023."""
    return 1 - parts(pred, target)["iou"] + (pred - target).square().sum(-1) / (height**2 + width**2)


def shape_iou_loss(pred: Any, target: Any, scale: float = 0.0, theta: float = 4.0) -> Any:
    """Zhang and Zhang 2023."""
    q = parts(pred, target)
    total = q["W"] ** scale + q["H"] ** scale
    ww, hh = 2 * q["W"] ** scale / total, 2 * q["H"] ** scale / total
    distance = (hh * q["dx"] ** 2 + ww * q["dy"] ** 2) / q["c2"]
    share_w, share_h = ((q[a] - q[b]).abs() / larger(q[a], q[b]) for a, b in ("wW", "hH"))
    shape = (1 - (-hh * share_w).exp()) ** theta + (1 - (-ww * share_h).exp()) ** theta
    return 1 - q["iou"] + distance + shape / 2


def edge_distance(pred: Any, target: Any) -> Any:
    """P of Powerful-IoU."""
    q = parts(pred, target)
    left, top, right, bottom = q["edges"]
    if isinstance(pred, np.ndarray):
        return 0.25 * sum(
            np.divide(length, side, out=np.zeros_like(length), where=side > 0.0)
            for length, side in ((left + right, q["W"]), (top + bottom, q["H"]))
        )
    return ((left + right) / q["W"] + (top + bottom) / q["H"]) / 4


def piou_loss(pred: Any, target: Any) -> Any:
    """Liu et al. 2024, version 1."""
    return 2 - parts(pred, target)["iou"] - (-(edge_distance(pred, target) ** 2)).exp()


def attention(pred: Any, target: Any, lambda_: float = 1.3) -> Any:
    """The weight of Powerful-IoU 2."""
    exp = np.exp if isinstance(pred, np.ndarray) else lambda a: a.exp()
    x = lambda_ * exp(-edge_distance(pred, target))
    return 3 * x * exp(-(x**2))


def nwd_loss(pred: Any, target: Any, constant: float = 12.8) -> Any:
    """Wang et al. 2021."""
    q = parts(pred, target)
    distance = q["rho2"] + ((q["w"] - q["W"]) ** 2 + (q["h"] - q["H"]) ** 2) / 4
    return 1 - (-distance.sqrt() / constant).exp()


def gcd_loss(pred: Any, target: Any) -> Any:
    """Guan et al. 2025."""
    q = parts(pred, target)
    axes = ((q["dx"], q["w"], q["W"]), (q["dy"], q["h"], q["H"]))
    distance = sum((d**2 + (a - b) ** 2 / 4) * (1 / a**2 + 1 / b**2) / 2 for d, a, b in axes)
    return 1 - (-distance.sqrt()).exp()


def mgiou_loss(pred: Any, target: Any) -> Any:
    """Le et al. 2025, for boxes along the axes."""
    q = parts(pred, target)
    return (1 - (q["iw"] / q["cw"] + q["ih"] / q["ch"]) / 2) / 2


# --- Modifiers --------------------------------------------------------------------------------------------------------


def scaled_boxes(boxes: Any, ratio: float) -> Any:
    """Boxes scaled about their centres."""
    first, second = boxes[..., :2], boxes[..., 2:]
    center, half = (first + second) / 2, ratio * (second - first) / 2
    return _joined(center - half, center + half)


def _joined(first: Any, second: Any) -> Any:
    import torch

    return torch.cat([first, second], dim=-1)


def inner(loss: Any, ratio: float) -> Any:
    """Zhang et al. 2023: L + IoU - IoU of the scaled boxes."""

    def modified(pred: Any, target: Any) -> Any:
        iou_of_scaled = parts(scaled_boxes(pred, ratio), scaled_boxes(target, ratio))["iou"]
        return loss(pred, target) + parts(pred, target)["iou"] - iou_of_scaled

    return modified


def focaler(loss: Any, low: float, high: float, iou_of: Any = lambda p, t: parts(p, t)["iou"]) -> Any:
    """Zhang and Zhang 2024: L + IoU - ramp(IoU)."""

    def modified(pred: Any, target: Any) -> Any:
        iou = iou_of(pred, target)
        return loss(pred, target) + iou - ((iou - low) / (high - low)).clamp(0, 1)

    return modified


def alpha_ciou_loss(pred: Any, target: Any, alpha: float) -> Any:
    """He et al. 2021, of CIoU: its own factor is of the IoU itself, and constant."""
    import torch

    q = parts(pred, target)
    v = 4 / torch.pi**2 * (torch.atan(q["W"] / q["H"]) - torch.atan(q["w"] / q["h"])) ** 2
    factor = (v / (1 - q["iou"] + v)).detach()
    return 1 - q["iou"] ** alpha + (q["rho2"] / q["c2"]) ** alpha + (factor * v) ** alpha


def interpolated(loss: Any, alpha: float) -> Any:
    """A loss of a box between pred and target."""
    return lambda pred, target: loss((1 - alpha) * pred + alpha * target, target)


def wise_gain(pred: Any, target: Any, mean: float, alpha: float = 1.9, delta: float = 3.0) -> Any:
    """The gain of Wise-IoU version 3."""
    return gain_of(1 - parts(pred, target)["iou"], mean, alpha, delta)


def gain_of(distance: Any, mean: float, alpha: float = 1.9, delta: float = 3.0) -> Any:
    """The gain, from the IoU loss."""
    beta = distance / mean
    return beta / (delta * alpha ** (beta - delta))


# --- What they are differentiated as, in NumPy ------------------------------------------------------------------------


def wiou_of_constant_diagonal(pred: Any, target: Any, at_pred: Any, at_target: Any) -> Any:
    """WIoU with the enclosing box of a point."""
    offset2, c2 = parts(pred, target)["rho2"], parts(at_pred, at_target)["c2"]
    return np.exp(offset2 / np.where(c2 > 0.0, c2, 1.0)) * bl.iou(pred, target, engine="array")


def iou_at(pred: Any, target: Any) -> Any:
    """The IoU, guarded."""
    return bl.iou_score(pred, target, engine="array")


def of_constant_gain(loss: Any, gain: Any) -> Any:
    """A loss times a gain of a point."""

    def surrogate(pred: Any, target: Any, at_pred: Any, at_target: Any) -> Any:
        return gain(at_pred, at_target) * loss(pred, target, engine="array")

    return surrogate
