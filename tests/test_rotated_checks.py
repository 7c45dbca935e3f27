"""What is said of boxes with an angle: `area`, `validate`, `strict`, and the errors of their formats."""

from importlib import import_module

import numpy as np
import pytest
from numpy.testing import assert_allclose

import boxloss as bl
from boxloss.testing import strict
from errors import check_error, of_shape, table
from rotated_formats import CORNERS, WITH_ANGLE


@pytest.mark.parametrize("name", WITH_ANGLE)
def test_area_and_validate(name, backend):
    boxes = np.asarray([[0, 0, 2, 3, 30], [0, 0, -2, 3, 1], [0, 0, 0, 2, 1], [0, 0, 1, 2, 1], [0, np.nan, 1, 1, 1]])
    boxes = bl.convert(boxes, "cxcywhd", name)
    boxes[3, 4] = 1e9
    given = backend.asarray(boxes)
    found = bl.validate(given, format=name)
    for got, wrong in zip(found, ([0], [1], [2], [4], [3]), strict=True):
        assert np.flatnonzero(backend.to_numpy(got)).tolist() == wrong
    assert_allclose(backend.to_numpy(bl.area(given, format=name))[:3], [6, 0, 0])


@pytest.mark.parametrize(
    ("box", "advice"),
    [
        ([0, 0, -2, 3, 0.5], ", which has a negative side in format 'cxcywha'; boxloss.validate finds all"),
        (
            [0, 0, 2, 3, 2e6],
            ", of which the sides are too long or the angle is beyond 1000000 radians; boxloss.validate finds all",
        ),
        ([0, 0, 2, 3, np.inf], ". boxloss.validate finds all"),
    ],
)
def test_strict(box, advice):
    box = np.asarray([[0, 0, 2, 2, 0.1], box])
    with strict():
        told = f"target holds 1 inverted or not finite box of 2, the first at [1]: {box[1].tolist()}"
        check_error(lambda: bl.iou(box[:1], box, format="cxcywha", engine="array"), ValueError, told + advice)


BOX = np.ones((2, 5))
SQUARE = (
    "format 'rel_cxcywha' needs an image that is square: fractions of a width and of another height turn a rectangle "
    "and its angle into a parallelogram; got image_size=(4, 5). Give boxes in pixels, or corners as fractions, which "
    "boxloss.convert reads as 'rel_xyxyxyxy'"
)


@table(
    (
        "no-rectangle",
        lambda: bl.convert(CORNERS, "xyxyxyxy", "cxcywha"),
        ValueError,
        "boxes of format 'xyxyxyxy' must be rectangles, with corners within 0.001 of the longer side; got 1 that is "
        "none of 2, the first at [1]: [0.0, 0.0, 2.0, 0.0, 3.0, 2.0, 0.0, 2.0]. Fit a rectangle to each first: that "
        "of cv2.minAreaRect is of format 'cxcywhd'",
    ),
    ("square", lambda: bl.convert(BOX, "rel_cxcywha", "xyxy", image_size=(4, 5)), ValueError, SQUARE),
    ("square-to", lambda: bl.convert(BOX, "cxcywha", "rel_cxcywha", image_size=(4, 5)), ValueError, SQUARE),
    ("square-area", lambda: bl.area(BOX, format="rel_cxcywha", image_size=(4, 5)), ValueError, SQUARE),
    ("square-loss", lambda: bl.iou(BOX, BOX, format="rel_cxcywha", image_size=(4, 5)), ValueError, SQUARE),
    (
        "no-image",
        lambda: bl.iou(BOX, BOX, format="rel_cxcywha"),
        TypeError,
        "image_size must be a pair (height, width), which format 'rel_cxcywha' reads; got None",
    ),
    (
        "angles",
        lambda: bl.convert(BOX, "cxcywha", "cxcywhd", angles="le180"),
        ValueError,
        "angles must be one of 'le90', 'le135', 'oc', 'old_oc'; got 'le180'",
    ),
    (
        "angles-of-none",
        lambda: bl.convert(BOX, "cxcywha", "xyxy", angles="le90"),
        ValueError,
        "angles must be None for format 'xyxy', whose boxes have no angle in the plane; got 'le90'",
    ),
    (
        "clip",
        lambda: bl.clip_to_image(BOX, (4, 5), format="cxcywha"),
        ValueError,
        "format must be one of axis-aligned boxes, not 'cxcywha': what an image leaves of a box with an angle is a "
        "polygon. Clip the box around each, boxloss.convert(boxes, 'cxcywha', 'xyxy'), or leave boxes whole and drop "
        "those whose centres are outside",
    ),
    ("shape", lambda: bl.convert(BOX, "xyxyxyxy", "xyxy"), ValueError, of_shape("boxes", 8, (2, 5))),
    (
        "shape-matrix",
        lambda: bl.iou.pairwise(BOX[0], BOX, format="cxcywha"),
        ValueError,
        "pred of a pairwise matrix must have shape (..., N, 5); got (5,)",
    ),
)
def test_errors(call, kind, text):
    check_error(call, kind, text)


@pytest.mark.torch
def test_torchvision_tensors_know_their_format():
    import torchvision_ops  # noqa: F401 - torchvision cannot be imported before

    BoundingBoxes = import_module("torchvision.tv_tensors").BoundingBoxes
    corners = BoundingBoxes(CORNERS[:1].tolist(), format="XYXYXYXY", canvas_size=(9, 9))
    assert_allclose(bl.convert(corners, "xyxyxyxy", "cxcywhr"), [[1, 1, 2, 2, 0]])
    for name in ("XYWHR", "CXCYWHR"):
        boxes = BoundingBoxes([[1.0, 2, 3, 4, 5]], format=name, canvas_size=(9, 9))
        assert bl.area(boxes, format=name.lower()) == 12.0
        text = (
            f"boxes is of type BoundingBoxes and of format {name.lower()!r}; got format='cxcywhd' for it. Give "
            f"{name.lower()!r}, a pair of names if those of pred and target differ, or a plain tensor"
        )
        check_error(lambda: bl.area(boxes, format="cxcywhd"), ValueError, text)  # noqa: B023
