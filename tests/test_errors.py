"""Every check of a number or a name: the error names the argument, what came and what was wanted."""

import numpy as np
import pytest

import boxloss as bl
from boxloss.shapes.axis_aligned_formats import AXIS_ALIGNED_FORMATS
from boxloss.shapes.formats import ALL_FORMATS, FORMATS
from errors import BOXES, check_error, table
from processes import run

LOSS_NAMES = ", ".join(map(repr, bl.losses()))
FORMAT_NAMES = ", ".join(map(repr, FORMATS))
ALL_NAMES, ALIGNED_NAMES = (", ".join(map(repr, names)) for names in (ALL_FORMATS, AXIS_ALIGNED_FORMATS))


def no_size(reader):
    return f"image_size must be a pair (height, width), which {reader} reads; got None"


def sized(image_size, format="rel_xyxy"):
    return lambda: bl.giou(BOXES, BOXES, format=format, image_size=image_size)


@table(
    (
        "beta-0",
        lambda: bl.SmoothL1(beta=0),
        ValueError,
        "beta must be greater than 0; with 0, as some libraries have it, the loss is L1()",
    ),
    ("beta-false", lambda: bl.SmoothL1(beta=False), TypeError, "beta must be a number; got False"),
    ("beta-array", lambda: bl.SmoothL1(beta=BOXES), TypeError, "beta must be a number; got ndarray"),
    (
        "beta-tiny",
        lambda: bl.SmoothL1(beta=1e-31),
        ValueError,
        "beta must be greater than 0 (1e-30 or more); got 1e-31",
    ),
    ("beta-str", lambda: bl.SmoothL1(beta="0.1"), TypeError, "beta must be a number; got the string '0.1'"),
    ("beta-bool", lambda: bl.SmoothL1(beta=True), TypeError, "beta must be a number; got True"),
    ("theta-bool", lambda: bl.SIoU(theta=np.True_), TypeError, "theta must be a number; got True"),
    ("alpha-bool", lambda: bl.Alpha(bl.iou, False), TypeError, "alpha must be a number; got False"),
    ("eps-bool", lambda: bl.CIoU(eps=True), TypeError, "eps must be a number; got True"),
    ("eps-of-a-call", lambda: bl.iou(BOXES, BOXES, eps=True), TypeError, "eps must be a number; got True"),
    ("threshold", lambda: bl.iou.below(BOXES, BOXES, True), TypeError, "threshold must be a number; got True"),
    ("weight-bool", lambda: True * bl.l1, TypeError, "weight of a sum must be a number; got True"),
    ("beta-none", lambda: bl.SmoothL1(beta=None), TypeError, "beta must be a number; got NoneType"),
    (
        "delta-negative",
        lambda: bl.Huber(delta=-1),
        ValueError,
        "delta must be greater than 0 (1e-30 or more); got -1.0",
    ),
    ("delta-inf", lambda: bl.Huber(delta=np.inf), ValueError, "delta must be finite; got inf"),
    ("eps-negative", lambda: bl.GIoU(eps=-1e-7), ValueError, "eps must not be negative; got -1e-07"),
    ("eps-nan", lambda: bl.CIoU(eps=np.nan), ValueError, "eps must be finite; got nan"),
    ("eps-tuple", lambda: bl.IoU(eps=(1,)), TypeError, "eps must be a number; got tuple"),
    ("min-0", lambda: bl.LogIoU(min_iou=0), ValueError, "min_iou must be greater than 0 and less than 1; got 0.0"),
    ("min-1", lambda: bl.LogIoU(min_iou=1), ValueError, "min_iou must be greater than 0 and less than 1; got 1.0"),
    ("min-str", lambda: bl.LogIoU(min_iou="x"), TypeError, "min_iou must be a number; got the string 'x'"),
    ("bool-str", lambda: bl.CIoU(full_gradient="no"), TypeError, "full_gradient must be True or False; got 'no'"),
    ("bool-int", lambda: bl.CIoU(full_gradient=1), TypeError, "full_gradient must be True or False; got 1"),
    (
        "coordinates",
        lambda: bl.L1(coordinates="yxyx"),
        ValueError,
        "coordinates must be one of 'xyxy', 'xywh', 'cxcywh'; got 'yxyx'",
    ),
    ("weight-nan", lambda: np.nan * bl.l1, ValueError, "weight of a sum must be finite; got nan"),
    ("weight-inf", lambda: bl.l1 + bl.l2 * np.inf, ValueError, "weight of a sum must be finite; got inf"),
    ("weight-str", lambda: "five" * bl.l1, TypeError, "weight of a sum must be a number; got the string 'five'"),
    ("no-terms", lambda: bl.WeightedSum(()), ValueError, "terms must hold at least one pair (weight, loss); got none"),
    ("one-loss", lambda: bl.WeightedSum(bl.l1), TypeError, "terms must be pairs (weight, loss); got L1"),
    ("losses", lambda: bl.WeightedSum([bl.l1, bl.giou]), TypeError, "terms must be pairs (weight, loss); got L1"),
    ("names", lambda: bl.WeightedSum({"giou": 2.0}), TypeError, "terms must be pairs (weight, loss); got str"),
    (
        "term",
        lambda: bl.WeightedSum(((1.0, "l1"),)),
        TypeError,
        "terms must be pairs (weight, loss); got str for a loss",
    ),
    ("get", lambda: bl.get("IoU"), ValueError, f"name must be one of {LOSS_NAMES}; got 'IoU'. Did you mean 'iou'?"),
    (
        "get-near",
        lambda: bl.get("ciuo"),
        ValueError,
        f"name must be one of {LOSS_NAMES}; got 'ciuo'. Did you mean 'ciou'?",
    ),
    ("get-far", lambda: bl.get("complete"), ValueError, f"name must be one of {LOSS_NAMES}; got 'complete'"),
    (
        "get-sum",
        lambda: bl.get("5*l1"),
        ValueError,
        f"name must be one of {LOSS_NAMES}; got '5*l1'. A name alone is of a loss: sums of losses are written in "
        "Python, as 5.0 * boxloss.l1 + boxloss.giou",
    ),
    *(
        (
            f"get-{name}",
            lambda name=name: bl.get(name),
            ValueError,
            f"name must be one of {LOSS_NAMES}; got {name!r}. "
            f"A name alone is of a loss with default parameters: make others by their class, boxloss.{kind}",
        )
        for name, kind in [
            ("alpha", "Alpha"),
            ("Alpha(ciou)", "Alpha"),
            ("alpha(ciou, 2)", "Alpha"),
            ("axis_enclosing", "AxisEnclosing"),
            ("mpdiou", "MPDIoU"),
            ("smooth_l1(beta=0.1)", "SmoothL1"),
        ]
    ),
    ("get-list", lambda: bl.get(["iou"]), ValueError, f"name must be one of {LOSS_NAMES}; got ['iou']"),
    ("threads-0", lambda: bl.set_num_threads(0), ValueError, "n must be at least 1; got 0"),
    ("threads-float", lambda: bl.set_num_threads(1.5), TypeError, "n must be a whole number; got float"),
    ("threads-str", lambda: bl.set_num_threads("2"), TypeError, "n must be a whole number; got str"),
)
def test_parameters(call, kind, text):
    check_error(call, kind, text)


@pytest.mark.parametrize("call", [bl.IoU, bl.CIoU, bl.L1])
def test_the_class_called_with_boxes(call):
    name = call.__name__
    text = f"{name} takes the parameters of a loss, not boxes: give those to a loss, {name}()(pred, target)"
    check_error(lambda: call(BOXES, BOXES), TypeError, text)
    check_error(lambda: call(pred=BOXES, target=BOXES), TypeError, text)


@table(
    ("times-a-loss", lambda: bl.l1 * bl.l2, TypeError, "unsupported operand type(s) for *: 'L1' and 'L2'"),
    ("plus-a-number", lambda: bl.l1 + 3, TypeError, "unsupported operand type(s) for +: 'L1' and 'int'"),
    ("times-an-array", lambda: np.ones(2) * bl.l1, TypeError, "weight of a sum must be a number; got ndarray"),
    ("a-number-plus", lambda: 3 + bl.l1, TypeError, "unsupported operand type(s) for +: 'int' and 'L1'"),
)
def test_losses_add_up_with_losses_and_multiply_with_numbers(call, kind, text):
    check_error(call, kind, text)


@pytest.mark.parametrize("verb", ["__call__", "value_and_grad"])
@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"reduction": "avg"}, ValueError, "reduction must be one of 'none', 'mean', 'sum'; got 'avg'"),
        ({"reduction": None}, ValueError, "reduction must be one of 'none', 'mean', 'sum'; got None"),
        ({"avg_factor": 2}, ValueError, "avg_factor is the divisor of reduction='mean'; got it with reduction='none'"),
        (
            {"reduction": "sum", "avg_factor": 2},
            ValueError,
            "avg_factor is the divisor of reduction='mean'; got it with reduction='sum'",
        ),
        ({"reduction": "mean", "avg_factor": -2}, ValueError, "avg_factor must not be negative; got -2.0"),
        ({"reduction": "mean", "avg_factor": "3"}, TypeError, "avg_factor must be a number; got the string '3'"),
        ({"reduction": "mean", "avg_factor": np.inf}, ValueError, "avg_factor must be finite; got inf"),
        ({"reduction": "mean", "avg_factor": BOXES}, TypeError, "avg_factor must be a number; got ndarray"),
    ],
)
def test_reduction(verb, options, kind, text):
    check_error(lambda: getattr(bl.giou, verb)(BOXES, BOXES, **options), kind, text)


@pytest.mark.parametrize("verb", ["__call__", "value_and_grad", "pairwise"])
@pytest.mark.parametrize(
    ("loss", "options", "text"),
    [
        (bl.giou, {"engine": "gpu"}, "engine must be one of 'auto', 'array', 'numba', 'cuda'; got 'gpu'"),
        (bl.giou, {"engine": None}, "engine must be one of 'auto', 'array', 'numba', 'cuda'; got None"),
        (bl.giou, {"format": "xxyy"}, f"format must be one of {FORMAT_NAMES}; got 'xxyy'. Did you mean 'xyxy'?"),
        (bl.giou, {"format": ("xyxy", "xy")}, f"format must be one of {FORMAT_NAMES}; got 'xy'"),
        (bl.giou, {"format": ["xyxy"] * 2}, f"format must be one of {FORMAT_NAMES}; got ['xyxy', 'xyxy']"),
        (
            bl.giou,
            {"format": ("xyxy",)},
            "format must be one name or a pair of names for pred and target; got 1 names",
        ),
        (bl.giou, {"eps": -1}, "eps must not be negative; got -1.0"),
        (bl.l1, {"eps": 1e-7}, "eps pads a denominator and L1 has none; got eps=1e-07"),
        (bl.l1 + bl.log_iou, {"eps": 1e-7}, "eps pads a denominator and WeightedSum has none; got eps=1e-07"),
    ],
)
def test_options_of_every_verb(verb, loss, options, text):
    check_error(lambda: getattr(loss, verb)(BOXES, BOXES, **options), ValueError, text)


@pytest.mark.parametrize("verb", ["__call__", "value_and_grad", "pairwise"])
def test_relative_format_without_image_size(verb):
    check_error(
        lambda: getattr(bl.giou, verb)(BOXES, BOXES, format=("xyxy", "rel_xyxy")),
        TypeError,
        no_size("format 'rel_xyxy'"),
    )


def test_wrt():
    text = "wrt must be one of 'pred', 'target', 'both'; got 'boxes'"
    check_error(lambda: bl.giou.value_and_grad(BOXES, BOXES, wrt="boxes"), ValueError, text)


@table(
    ("number", sized(480), TypeError, "image_size must be a pair (height, width); got 480"),
    ("three", sized((3, 480, 640)), TypeError, "image_size must be a pair (height, width); got (3, 480, 640)"),
    ("height-0", sized((0, 640)), ValueError, "height of image_size must be greater than 0 (1e-30 or more); got 0.0"),
    (
        "width-negative",
        sized((480, -1)),
        ValueError,
        "width of image_size must be greater than 0 (1e-30 or more); got -1.0",
    ),
    ("height-huge", sized((1e300, 640)), ValueError, "height of image_size must be at most 1e16; got 1e+300"),
    ("width-nan", sized((480, np.nan)), ValueError, "width of image_size must be finite; got nan"),
    ("height-str", sized(("a", 640)), TypeError, "height of image_size must be a number; got the string 'a'"),
    (
        "not-needed",
        sized((0, 640), "xyxy"),
        ValueError,
        "height of image_size must be greater than 0 (1e-30 or more); got 0.0",
    ),
)
def test_image_size(call, kind, text):
    check_error(call, kind, text)


@table(
    ("source", lambda: bl.convert(BOXES, "xy", "xyxy"), ValueError, f"source must be one of {ALL_NAMES}; got 'xy'"),
    ("to", lambda: bl.convert(BOXES, "xyxy", None), ValueError, f"to must be one of {ALL_NAMES}; got None"),
    ("convert-size", lambda: bl.convert(BOXES, "rel_xyxy", "xyxy"), TypeError, no_size("format 'rel_xyxy'")),
    (
        "convert-size-to",
        lambda: bl.convert(BOXES, "xyxy", "rel_cxcywha"),
        TypeError,
        no_size("format 'rel_cxcywha'"),
    ),
    ("area", lambda: bl.area(BOXES, format="xy"), ValueError, f"format must be one of {ALL_NAMES}; got 'xy'"),
    ("area-size", lambda: bl.area(BOXES, format="rel_xywh"), TypeError, no_size("format 'rel_xywh'")),
    (
        "clip",
        lambda: bl.clip_to_image(BOXES, (9, 9), format="xy"),
        ValueError,
        f"format must be one of {ALIGNED_NAMES}; got 'xy'",
    ),
    ("clip-none", lambda: bl.clip_to_image(BOXES, None), TypeError, no_size("clip_to_image")),
    (
        "clip-size",
        lambda: bl.clip_to_image(BOXES, (9, 0)),
        ValueError,
        "width of image_size must be greater than 0 (1e-30 or more); got 0.0",
    ),
    ("validate", lambda: bl.validate(BOXES, format="x"), ValueError, f"format must be one of {ALL_NAMES}; got 'x'"),
    ("validate-size", lambda: bl.validate(BOXES, format="rel_xyxy"), TypeError, no_size("format 'rel_xyxy'")),
)
def test_functions_of_boxes(call, kind, text):
    check_error(call, kind, text)


# --- Losses that are not defined for a kind of box --------------------------------------------------------------------

REFUSED = [
    (name, format)
    for name in bl.losses()
    for format in ("cxcywha", "xyzxyz", "cxcyczwlha")
    if bl.get(name).program.structure.refusal(FORMATS[format].shape)
]


@pytest.mark.parametrize(("name", "format"), REFUSED)
def test_a_loss_that_is_not_defined_names_some_that_are(name, format):
    boxes = np.ones((1, FORMATS[format].size))
    with pytest.raises(ValueError, match=r"is not defined for .* boxes: it .*\. Defined for them are ") as caught:
        bl.get(name)(boxes, boxes, format=format)
    named = str(caught.value).rpartition("Defined for them are ")[2]
    assert named.endswith(" and others")
    names = named.removesuffix(" and others").split(", ")
    assert len(set(names)) == 4
    for other in names:
        assert np.isfinite(bl.get(other)(boxes, boxes, format=format, engine="array")).all()


def test_only_the_error_imports_other_losses():
    program = """
import sys
import numpy as np
import boxloss as bl
boxes = np.ones((1, 6))
bl.iou(boxes, boxes, format="xyzxyz", engine="array")
print("boxloss.losses.named" in sys.modules)
try:
    bl.siou(boxes, boxes, format="xyzxyz")
except ValueError as error:
    print(str(error).endswith("Defined for them are eiou, iou, log_iou, squared_iou and others"))
"""
    assert run(program) == "False\nTrue"
