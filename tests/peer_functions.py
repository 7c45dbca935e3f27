"""The functions of other libraries, out of the files of their wheels: whole packages need not import."""

import ast
import ctypes
import functools
import math
import runpy
import subprocess
import warnings
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

import compat_calls

KERAS_CV = ("IoULoss", "GIoULoss", "CIoULoss", "SmoothL1Loss")


def path_of(package: str, file: str) -> Path:
    """A file that an installed distribution has."""
    return Path(str(distribution(package).locate_file(file)))


def out_of(package: str, file: str, *names: str, **known: Any) -> SimpleNamespace:
    """Functions and classes of a file, without its imports and the decorators that register them."""
    path = path_of(package, file)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kept = [node for node in tree.body if getattr(node, "name", None) in names]
    for node in kept:
        node.decorator_list = [d for d in node.decorator_list if getattr(d, "id", "") == "weighted_loss"]
        node.body = [part for part in node.body if not isinstance(part, ast.ImportFrom)]
    future = ast.parse("from __future__ import annotations").body
    tree.body = future + kept
    scope = {"math": math, "torch": torch, "np": np, "nn": nn, "warnings": warnings, **known}
    exec(compile(tree, str(path), "exec"), scope)
    return SimpleNamespace(**{name: scope[name] for name in names})


def mmdet() -> SimpleNamespace:
    """The overlaps and losses of mmdet."""
    utils = out_of(
        "mmdet", "mmdet/models/losses/utils.py", "reduce_loss", "weight_reduce_loss", "weighted_loss",
        functools=functools, F=nn.functional,
    )  # fmt: skip
    overlaps = out_of("mmdet", "mmdet/structures/bbox/bbox_overlaps.py", "bbox_overlaps", "fp16_clamp")
    names = [f"{name}_loss" for name in ("iou", "bounded_iou", "giou", "diou", "ciou", "eiou", "siou")]
    known = {"weighted_loss": utils.weighted_loss, "bbox_overlaps": overlaps.bbox_overlaps}
    losses = out_of("mmdet", "mmdet/models/losses/iou_loss.py", *names, **known)
    balanced = out_of("mmdet", "mmdet/models/losses/balanced_l1_loss.py", "balanced_l1_loss", **known)
    return SimpleNamespace(**vars(overlaps), **vars(losses), **vars(balanced))


class HorizontalBoxes:
    """The one function of mmdet's class that mmyolo's overlaps call."""

    @staticmethod
    def cxcywh_to_xyxy(boxes: Any) -> Any:
        """Corners of centres, widths and heights."""
        centre, size = boxes[..., :2], boxes[..., 2:]
        return torch.cat([centre - 0.5 * size, centre + 0.5 * size], dim=-1)


def mmyolo() -> SimpleNamespace:
    """The overlaps of mmyolo."""
    file = "mmyolo/models/losses/iou_loss.py"
    return out_of("mmyolo", file, "bbox_overlaps", HorizontalBoxes=HorizontalBoxes)


def keras() -> SimpleNamespace:
    """The functions of keras, on torch."""
    from keras.utils import bounding_boxes

    return bounding_boxes


def keras_cv() -> SimpleNamespace:
    """The functions of keras_cv, on the operations of keras; boxes are not converted."""
    import keras

    formats = SimpleNamespace(is_relative=lambda format: False, convert_format=lambda boxes, **options: boxes)
    names = ("_compute_area", "_compute_intersection", "compute_iou", "compute_ciou")
    return out_of(
        "keras-cv", "keras_cv/src/bounding_box/iou.py", *names, bounding_box=formats, ops=keras.ops, keras=keras
    )


def paddle() -> SimpleNamespace:
    """The losses of PaddleDetection, on torch: the dozen functions of Paddle that they call, by torch's names."""
    torch.Tensor.stop_gradient = property(lambda self: False, lambda self, value: self.detach_())
    stand_in = SimpleNamespace(
        maximum=torch.maximum,
        minimum=torch.minimum,
        atan=torch.atan,
        asin=torch.asin,
        cos=torch.cos,
        exp=torch.exp,
        abs=torch.abs,
        sqrt=torch.sqrt,
        mean=torch.mean,
        sum=torch.sum,
        greater_than=torch.gt,
        where=torch.where,
        pow=torch.pow,
        to_tensor=lambda number: torch.tensor(float(number), dtype=torch.float64),
        split=lambda boxes, num_or_sections, axis: torch.chunk(boxes, num_or_sections, axis),
    )
    boxes = out_of("paddledet", "ppdet/modeling/bbox_utils.py", "bbox_iou", paddle=stand_in)
    names = ("IouLoss", "GIoULoss", "DIouLoss", "SIoULoss")
    file = "ppdet/modeling/losses/iou_loss.py"
    return SimpleNamespace(**vars(boxes), **vars(out_of("paddledet", file, *names, paddle=stand_in, **vars(boxes))))


DARKNET = """
#include <math.h>
typedef struct { float x, y, w, h; } box;
typedef struct { float left, right, top, bot; } boxabs;
typedef struct { float dt, db, dl, dr; } dxrep;
typedef enum { IOU, GIOU, MSE, DIOU, CIOU } IOU_LOSS;
float box_iou(box a, box b);
float box_giou(box a, box b);
float box_diou(box a, box b);
float box_ciou(box a, box b);
%s
float score(float *a, float *b, int k) { return box_iou_kind(*(box *)a, *(box *)b, k); }
void step(float *a, float *b, int k, float *out) { *(dxrep *)out = dx_box_iou(*(box *)a, *(box *)b, k); }
"""


def darknet(checkout: str, folder: Path) -> SimpleNamespace:
    """The scores and steps of a checkout of darknet, whose functions a C compiler makes a library of."""
    source = Path(checkout, "src/box.c").read_text(encoding="utf-8")
    first = source.index("boxabs box_c(box a, box b)")
    last = source.index("}", source.index("return ddx;", first)) + 1
    (folder / "box.c").write_text(DARKNET % source[first:last], encoding="utf-8")
    subprocess.run(["cc", "-w", "-shared", "-fPIC", "-o", folder / "box.so", folder / "box.c", "-lm"], check=True)
    library = ctypes.CDLL(str(folder / "box.so"))
    library.score.restype = ctypes.c_float
    kinds = {"iou": 0, "giou": 1, "diou": 3, "ciou": 4}

    def pairs(pred: Any, target: Any) -> Any:
        for one, other in zip(pred.tolist(), target.tolist(), strict=True):
            yield (ctypes.c_float * 4)(*one), (ctypes.c_float * 4)(*other)

    def scores(kind: str) -> Any:
        return lambda pred, target: torch.tensor([library.score(*pair, kinds[kind]) for pair in pairs(pred, target)])

    def dx_box_iou(pred: Any, target: Any, kind: str) -> Any:
        rows = []
        for pair in pairs(pred, target):
            row = (ctypes.c_float * 4)()
            library.step(*pair, kinds[kind], row)
            rows.append(list(row))
        return torch.tensor(rows)

    return SimpleNamespace(dx_box_iou=dx_box_iou, **{f"box_{kind}": scores(kind) for kind in kinds})


def mmdet_losses() -> SimpleNamespace:
    """The loss classes of mmdet."""
    functions = vars(mmdet())
    names = [name for name in compat_calls.MMDET_CLASSES if name != "BalancedL1Loss"]
    losses = out_of("mmdet", "mmdet/models/losses/iou_loss.py", *names, **functions)
    balanced = out_of("mmdet", "mmdet/models/losses/balanced_l1_loss.py", "BalancedL1Loss", **functions)
    return SimpleNamespace(**vars(losses), **vars(balanced))


def keras_cv_losses() -> SimpleNamespace:
    """The loss classes of keras_cv, on those of keras; boxes are not converted."""
    import keras

    scores = keras_cv()
    boxes = SimpleNamespace(
        is_relative=lambda format: False,
        convert_format=lambda boxes, **options: boxes,
        compute_iou=scores.compute_iou,
        iou=scores,
    )
    known = {"keras": keras, "ops": keras.ops, "bounding_box": boxes, "compute_ciou": scores.compute_ciou}
    files = ("iou_loss", "giou_loss", "ciou_loss", "smooth_l1")
    found = {}
    for name, file in zip(KERAS_CV, files, strict=True):
        found |= vars(out_of("keras-cv", f"keras_cv/src/losses/{file}.py", name, **known))
    return SimpleNamespace(**found)


def detectron2(checkout: str) -> SimpleNamespace:
    """The losses of a checkout of detectron2, whose file imports nothing but torch."""
    return SimpleNamespace(**runpy.run_path(str(Path(checkout, "detectron2/layers/losses.py"))))


def calls() -> dict[str, compat_calls.Call]:
    """A call of each function, by the names of `compat_calls.CALLS`; darknet's and detectron2's need a checkout."""
    yolo = ("bbox_iou", "box_iou")
    fvcore = SimpleNamespace(
        **vars(out_of("fvcore", "fvcore/nn/giou_loss.py", "giou_loss")),
        **vars(out_of("fvcore", "fvcore/nn/smooth_l1_loss.py", "smooth_l1_loss")),
    )
    return (
        compat_calls.yolo_calls("ultralytics", out_of("ultralytics", "ultralytics/utils/metrics.py", *yolo))
        | compat_calls.mmdet_calls(mmdet())
        | compat_calls.mmyolo_calls(mmyolo())
        | compat_calls.fvcore_calls(fvcore)
        | compat_calls.yolo_calls("yolov5", out_of("yolov5", "yolov5/utils/metrics.py", *yolo))
        | compat_calls.yolov6_calls(out_of("yolov6detect", "yolov6/utils/figure_iou.py", "IOUloss"))
        | compat_calls.keras_calls("keras", keras())
        | compat_calls.keras_calls("keras_cv", keras_cv())
        | compat_calls.paddle_calls(paddle())
        | compat_calls.mmdet_class_calls(mmdet_losses())
        | compat_calls.keras_cv_class_calls(keras_cv_losses())
    )


def mmdet_classes() -> dict[str, Any]:
    """The loss classes of mmdet, and its overlaps."""
    names = ("IoULoss", "BoundedIoULoss", "GIoULoss", "DIoULoss", "CIoULoss", "EIoULoss", "SIoULoss")
    found = vars(out_of("mmdet", "mmdet/models/losses/iou_loss.py", *names))
    balanced = vars(out_of("mmdet", "mmdet/models/losses/balanced_l1_loss.py", "BalancedL1Loss"))
    return {**found, **balanced, "bbox_overlaps": mmdet().bbox_overlaps}


SIGNATURES: dict[str, Callable[[], dict[str, Any]]] = {
    "ultralytics": lambda: vars(out_of("ultralytics", "ultralytics/utils/metrics.py", "bbox_iou", "box_iou")),
    "yolov5": lambda: vars(out_of("yolov5", "yolov5/utils/metrics.py", "bbox_iou", "box_iou")),
    "yolov6": lambda: vars(out_of("yolov6detect", "yolov6/utils/figure_iou.py", "IOUloss")),
    "mmdet": mmdet_classes,
    "mmyolo": lambda: vars(out_of("mmyolo", "mmyolo/models/losses/iou_loss.py", "bbox_overlaps", "IoULoss")),
    "fvcore": lambda: {
        **vars(out_of("fvcore", "fvcore/nn/giou_loss.py", "giou_loss")),
        **vars(out_of("fvcore", "fvcore/nn/smooth_l1_loss.py", "smooth_l1_loss")),
    },
    "keras": lambda: {name: getattr(keras(), name) for name in ("compute_iou", "compute_ciou")},
    "keras_cv": lambda: {
        **{name: getattr(keras_cv(), name) for name in ("compute_iou", "compute_ciou")},
        **vars(keras_cv_losses()),
    },
    "paddle": lambda: vars(paddle()),
}
