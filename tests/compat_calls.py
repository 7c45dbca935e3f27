"""A call of each function and class of `boxloss.compat` that another library has: what `tests/parity` compares."""

from collections.abc import Callable
from typing import Any, NamedTuple

from boxloss.check_arrays import array_namespace
from boxloss.compat import darknet, fvcore, keras, keras_cv, mmdet, mmyolo, paddle, ultralytics, yolov5, yolov6


class Call(NamedTuple):
    """A function of pred and target, shape (N, 4), that gives (N,) or (N, k), and the format of these."""

    function: Callable[[Any, Any], Any]
    format: str = "xyxy"


def parts(boxes: Any) -> list[Any]:
    """Boxes as four arrays."""
    return [boxes[..., k] for k in range(4)]


MMDET_CLASSES = (
    "IoULoss", "GIoULoss", "DIoULoss", "CIoULoss", "SIoULoss", "EIoULoss", "BoundedIoULoss", "BalancedL1Loss",
)  # fmt: skip
FLAGS = {"iou": {}, "giou": {"GIoU": True}, "diou": {"DIoU": True}, "ciou": {"CIoU": True}}


def yolo_calls(name: str, module: Any) -> dict[str, Call]:
    """Those of ultralytics, and of YOLOv5."""
    calls = {}
    for kind, flags in FLAGS.items():
        calls[f"{name}.bbox_iou {kind}"] = Call(lambda p, t, f=flags: module.bbox_iou(p, t, xywh=False, **f))
        calls[f"{name}.bbox_iou {kind} xywh"] = Call(lambda p, t, f=flags: module.bbox_iou(p, t, **f), "cxcywh")
    calls[f"{name}.box_iou"] = Call(module.box_iou)
    return calls


def mmdet_calls(module: Any) -> dict[str, Call]:
    """Those of mmdet."""
    calls = {}
    for mode in ("iou", "iof", "giou"):
        calls[f"mmdet.bbox_overlaps {mode}"] = Call(lambda p, t, m=mode: module.bbox_overlaps(p, t, m, is_aligned=True))
    calls["mmdet.bbox_overlaps matrix"] = Call(lambda p, t: module.bbox_overlaps(p, t))
    for mode in ("linear", "square", "log"):
        calls[f"mmdet.iou_loss {mode}"] = Call(lambda p, t, m=mode: module.iou_loss(p, t, reduction="none", mode=m))
    for name in ("giou", "diou", "ciou", "siou", "eiou", "bounded_iou", "balanced_l1"):
        function = getattr(module, f"{name}_loss")
        calls[f"mmdet.{name}_loss"] = Call(lambda p, t, f=function: f(p, t, reduction="none"))
    calls["mmdet.siou_loss neg_gamma"] = Call(lambda p, t: module.siou_loss(p, t, reduction="none", neg_gamma=True))
    return calls


def mmyolo_calls(module: Any) -> dict[str, Call]:
    """Those of mmyolo."""
    calls = {}
    for mode in ("iou", "ciou", "giou", "siou"):
        calls[f"mmyolo.bbox_overlaps {mode}"] = Call(lambda p, t, m=mode: module.bbox_overlaps(p, t, m), "cxcywh")
    return calls


def yolov6_calls(module: Any) -> dict[str, Call]:
    """Those of YOLOv6."""
    kinds = ("giou", "diou", "ciou", "siou", "iou")
    return {f"yolov6.IOUloss {kind}": Call(module.IOUloss(box_format="xyxy", iou_type=kind)) for kind in kinds}


def fvcore_calls(module: Any) -> dict[str, Call]:
    """Those of fvcore."""
    return {
        "fvcore.giou_loss": Call(module.giou_loss),
        "fvcore.smooth_l1_loss": Call(lambda p, t: module.smooth_l1_loss(p, t, 0.5)),
    }


def keras_calls(name: str, module: Any) -> dict[str, Call]:
    """Those of keras, and of keras_cv."""
    return {
        f"{name}.compute_iou": Call(lambda p, t: module.compute_iou(p, t, "yxyx")),
        f"{name}.compute_ciou": Call(lambda p, t: module.compute_ciou(p, t, "xyxy")),
    }


def paddle_calls(module: Any) -> dict[str, Call]:
    """Those of PaddleDetection."""
    calls = {}
    for kind in FLAGS:
        flags = {} if kind == "iou" else {kind: True}
        calls[f"paddle.bbox_iou {kind}"] = Call(lambda p, t, f=flags: module.bbox_iou(parts(p), parts(t), **f))
    return calls | {
        "paddle.IouLoss": Call(lambda p, t: module.IouLoss()(parts(p), parts(t))),
        "paddle.GIoULoss": Call(module.GIoULoss()),
        "paddle.DIouLoss": Call(module.DIouLoss()),
        "paddle.DIouLoss diou": Call(module.DIouLoss(use_complete_iou_loss=False)),
        "paddle.SIoULoss": Call(module.SIoULoss()),
    }


def darknet_calls(module: Any) -> dict[str, Call]:
    """Those of darknet."""
    calls = {}
    for kind in FLAGS:
        calls[f"darknet.box_{kind}"] = Call(getattr(module, f"box_{kind}"), "cxcywh")
        calls[f"darknet.dx_box_iou {kind}"] = Call(lambda p, t, k=kind: module.dx_box_iou(p, t, k), "cxcywh")
    return calls


def detectron2_calls(module: Any) -> dict[str, Call]:
    """Those of detectron2."""
    return {f"fvcore.{name}": Call(getattr(module, name)) for name in ("diou_loss", "ciou_loss")}


def mmdet_class_calls(module: Any) -> dict[str, Call]:
    """The loss classes of mmdet: one value of all pairs, with a weight for each number and a divisor."""

    def weighted(loss: Any, pred: Any, target: Any) -> Any:
        xp = array_namespace(pred=pred, target=target)
        weight = xp.reshape(xp.linspace(0.5, 1.5, 4 * pred.shape[0], dtype=pred.dtype), (-1, 4))
        return loss(pred, target, weight, avg_factor=3.0)

    losses = {f"mmdet.{name} weighted": getattr(module, name)(loss_weight=2.0) for name in MMDET_CLASSES}
    return {name: Call(lambda p, t, loss=loss: weighted(loss, p, t)) for name, loss in losses.items()}


def keras_cv_class_calls(module: Any) -> dict[str, Call]:
    """The loss classes of keras_cv; of the mean IoU of all pairs -ln, and one pair that overlaps is among them."""

    def of_all(pred: Any, target: Any) -> Any:
        xp = array_namespace(pred=pred, target=target)
        more = (xp.asarray([[0.0, 0.0, 2.0, width]], dtype=pred.dtype) for width in (3.0, 4.0))
        true, found = (xp.concat([boxes, one]) for boxes, one in zip((target, pred), more, strict=True))
        return module.IoULoss("xyxy")(true, found)

    each: dict[str, Any] = {"axis": "no_reduction", "reduction": None}
    losses = {
        "IoULoss linear": module.IoULoss("xyxy", "linear", **each),
        "IoULoss quadratic": module.IoULoss("xyxy", "quadratic", **each),
        "GIoULoss": module.GIoULoss("xyxy", **each),
        "CIoULoss": module.CIoULoss("xyxy", reduction="none"),
        # In float32 the difference of large numbers would keep few digits.
        "SmoothL1Loss": module.SmoothL1Loss(reduction="none", dtype="float64"),
    }
    calls = {f"keras_cv.{name}": Call(lambda p, t, loss=loss: loss(t, p)) for name, loss in losses.items()}
    return {"keras_cv.IoULoss log": Call(of_all), **calls}


CALLS: dict[str, Call] = (
    yolo_calls("ultralytics", ultralytics)
    | mmdet_calls(mmdet)
    | mmyolo_calls(mmyolo)
    | fvcore_calls(fvcore)
    | yolo_calls("yolov5", yolov5)
    | yolov6_calls(yolov6)
    | keras_calls("keras", keras)
    | keras_calls("keras_cv", keras_cv)
    | paddle_calls(paddle)
    | darknet_calls(darknet)
    | detectron2_calls(fvcore)
    | mmdet_class_calls(mmdet)
    | keras_cv_class_calls(keras_cv)
)
