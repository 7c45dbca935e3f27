"""Every check of an argument of `landscape` and `descend`: what came and what was wanted."""

import numpy as np

import boxloss as bl
from boxloss import lab
from errors import check_error, table


def plane(loss=bl.iou, target=(0, 0, 1, 1), pred_size=(1, 1), extent=2, resolution=2, vary="xy", **options):
    return lambda: lab.landscape(loss, target, pred_size, extent, resolution, vary, **options)


def descent(loss=bl.iou, start=(0, 0, 1, 1), target=(0, 0, 1, 1), **options):
    return lambda: lab.descend(loss, start, target, **options)


VARY = "vary must name two of x, y, w, h, a, such as 'xy' or 'w,a'; got "


@table(
    ("loss", plane(loss="iou"), TypeError, "loss must be a loss such as boxloss.giou; got str"),
    ("target-number", plane(target=1), TypeError, "target must be 4 numbers (x, y, w, h); got int"),
    ("target-short", plane(target=(0, 0, 1)), ValueError, "target must be 4 numbers (x, y, w, h); got (0, 0, 1)"),
    ("target-str", plane(target="0011"), TypeError, "target must be 4 numbers (x, y, w, h); got str"),
    ("target-nan", plane(target=(0, 0, 1, np.nan)), ValueError, "target must be finite; got nan"),
    (
        "target-angle",
        plane(target=(0, 0, 1, 1, 2e6)),
        ValueError,
        "angle of target must be at most 1000000 radians either way; got 2000000.0",
    ),
    (
        "pred-angle",
        plane(pred_angle=-2e6),
        ValueError,
        "pred_angle must be at most 1000000 radians either way; got -2000000.0",
    ),
    (
        "extent-angle",
        plane(extent=((0, 1), (0, 2e6)), vary="xa"),
        ValueError,
        "extent of the angle must be at most 1000000 radians either way; got 2000000.0",
    ),
    ("target-side", plane(target=(0, 0, 1, -1)), ValueError, "height of target must not be negative; got -1.0"),
    ("size", plane(pred_size=(1, 2, 3)), ValueError, "pred_size must be 2 numbers (w, h); got (1, 2, 3)"),
    ("size-side", plane(pred_size=(-1, 2)), ValueError, "width of pred_size must not be negative; got -1.0"),
    ("center", plane(pred_center=0.0), TypeError, "pred_center must be 2 numbers (x, y); got float"),
    ("extent-0", plane(extent=0), ValueError, "extent must go from a lower to a higher number; got 0.0 to 0.0"),
    ("extent-str", plane(extent="2"), TypeError, "extent must be a number; got the string '2'"),
    ("extent-inf", plane(extent=np.inf), ValueError, "extent must be finite; got inf"),
    (
        "extent-three",
        plane(extent=(1, 2, 3)),
        ValueError,
        "extent must be a number or two pairs (low, high); got (1, 2, 3)",
    ),
    ("extent-pair", plane(extent=(1, 2)), TypeError, "extent must be 2 numbers (low, high); got int"),
    ("extent-ragged", plane(extent=((0, 1), (2,))), ValueError, "extent must be 2 numbers (low, high); got (2,)"),
    (
        "extent-order",
        plane(extent=((0, 1), (2, 1))),
        ValueError,
        "extent must go from a lower to a higher number; got 2.0 to 1.0",
    ),
    ("resolution-0", plane(resolution=0), ValueError, "resolution must be at least 1; got 0"),
    ("resolution-float", plane(resolution=(2, 2.0)), TypeError, "resolution must be a whole number; got float"),
    (
        "resolution-three",
        plane(resolution=(1, 2, 3)),
        ValueError,
        "resolution must be one number of cells or two; got 3",
    ),
    ("vary-one", plane(vary="x"), ValueError, VARY + "'x'"),
    ("vary-twice", plane(vary="xx"), ValueError, VARY + "'xx'"),
    ("vary-three", plane(vary="xyw"), ValueError, VARY + "'xyw'"),
    ("vary-unknown", plane(vary="xz"), ValueError, VARY + "'xz'"),
    ("vary-tuple", plane(vary=("x", "y")), ValueError, VARY + "('x', 'y')"),
)
def test_landscape(call, kind, text):
    check_error(call, kind, text)


@table(
    ("loss", descent(loss=bl.IoU), TypeError, "loss must be a loss such as boxloss.giou; got ABCMeta"),
    (
        "optimizer",
        descent(optimizer="SGD"),
        ValueError,
        "optimizer must be one of 'sgd', 'momentum', 'adam'; got 'SGD'",
    ),
    (
        "parametrisation",
        descent(parametrisation="xywh"),
        ValueError,
        "parametrisation must be one of 'cxcywh', 'xyxy', 'xy', 'log-size', 'cxcywha'; got 'xywh'",
    ),
    ("record", descent(record=True), ValueError, "record must be one of 'path', 'curves', 'final'; got True"),
    ("steps", descent(steps=0), ValueError, "steps must be at least 1; got 0"),
    ("every", descent(every=0), ValueError, "every must be at least 1; got 0"),
    ("scale", descent(scale_by_iou=1), TypeError, "scale_by_iou must be True or False; got 1"),
    ("start-shape", descent(start=(0, 0, 1)), ValueError, "start must have shape (..., 4); got (3,)"),
    (
        "start-ragged",
        descent(start=[(0, 0, 1, 1), (0, 0)]),
        ValueError,
        "start must have shape (..., 4); got rows of several lengths",
    ),
    ("target-str", descent(target=["0"] * 4), TypeError, "target must be real numbers; got <U1"),
    (
        "broadcast",
        descent(start=np.zeros((2, 4)), target=np.zeros((3, 4))),
        ValueError,
        "the leading shapes of start and target must broadcast; got (2,) and (3,)",
    ),
    (
        "log-size",
        descent(start=(0, 0, 0, 1), parametrisation="log-size"),
        ValueError,
        "start must have sizes greater than 0 for 'log-size'; got 0",
    ),
    ("lr-negative", descent(lr=-0.1), ValueError, "lr must not be negative; got -0.1"),
    ("lr-nan", descent(lr=lambda k: np.nan), ValueError, "lr must be finite; got nan"),
    ("lr-str", descent(lr="fast"), TypeError, "lr must be a number; got the string 'fast'"),
    ("lr-none", descent(lr=None), TypeError, "lr must be a number; got NoneType"),
    ("lr-ragged", descent(lr=[0.1, [0.2]], steps=2), TypeError, "lr must be a number; got list"),
    ("lr-short", descent(lr=[0.1], steps=2), ValueError, "lr must be one number or one for each of 2 steps; got 1"),
    ("momentum", descent(optimizer="momentum", momentum=1), ValueError, "momentum must be less than 1; got 1.0"),
    ("betas", descent(optimizer="adam", betas=(0.9, 1)), ValueError, "betas must be less than 1; got 1.0"),
    ("beta", descent(optimizer="adam", betas=0.9), TypeError, "betas must be 2 numbers (beta1, beta2); got float"),
    ("eps", descent(optimizer="adam", eps=0), ValueError, "eps must be greater than 0 (1e-30 or more); got 0.0"),
)
def test_descend(call, kind, text):
    check_error(call, kind, text)
