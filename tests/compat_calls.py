"""A call of each function of `boxloss.compat` that another library has: what `tests/parity` compares and records."""

from collections.abc import Callable
from typing import Any, NamedTuple

from boxloss.compat import darknet, fvcore, keras, keras_cv, mmdet, mmyolo, paddle, ultralytics, yolov5, yolov6


class Call(NamedTuple):
    """A function of pred and target, shape (N, 4), that gives (N,) or (N, k), and the format of these."""

    function: Callable[[Any, Any], Any]
    format: str = "xyxy"


def parts(boxes: Any) -> list[Any]:
    """Boxes as four arrays."""
    return [boxes[..., k] for k in range(4)]


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
    kinds = ("giou", "diou", "ciou", "siou")
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
)
