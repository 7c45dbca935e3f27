"""What `boxloss.testing.check_gradients` passes, and what it finds."""

import re
from dataclasses import dataclass

import pytest

import boxloss as bl
from boxloss.losses.iou import iou_and_distance
from boxloss.losses.overlap import OverlapLoss
from boxloss.shapes.formats import of_one_shape
from boxloss.shapes.relations import AreaPartials
from boxloss.testing import check_gradients
from errors import check_error

FORMATS = ("xyxy", "rel_cxcywh", "cxcywha", ("xyxy", "cxcywhr"), "rel_cxcywha", "xyzxyz", ("xyzxyz", "cxcyczwlha"))
IN_PART_CONSTANT = ("wiou", "piou2")


def is_defined(loss, format):
    formats = (format, format) if isinstance(format, str) else format
    try:
        loss.program.structure.check_shape(of_one_shape(formats)[0].shape)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class CubedIoU(OverlapLoss):
    """With slopes by the intersection and by the union that are so many times what they should be."""

    by_intersection: float = 1.0
    by_union: float = 1.0
    relations = ("areas",)
    expression = "1 - (I / U)^3"
    value_range = "[0, 1]"

    @staticmethod
    def formula(xp, areas, by_intersection, by_union):
        iou, distance, d = iou_and_distance(xp, areas, 0.0)
        value = distance * (3.0 - 3.0 * distance + distance * distance)
        slope = 3.0 * iou * iou
        return value, (AreaPartials(by_intersection * slope * d.intersection, by_union * slope * d.union),)


@dataclass(frozen=True)
class Unguarded(CubedIoU):
    """NaN for two boxes without area."""

    @staticmethod
    def formula(xp, areas, by_intersection, by_union):
        return areas.symmetric_difference / areas.union, (AreaPartials(-1.0 / areas.union, 0.0 * areas.union),)


# By kernels a few losses in two formats: test_engines.py compares the kernels of all with the array engine, and
# test_rotated_gradients.py and test_gaussian.py those of boxes with an angle with difference quotients.
COMPILED = ("l1", "giou", "ciou", "siou", "kld")


@pytest.mark.parametrize(
    ("format", "engine"), [(format, "array") for format in FORMATS] + [("xyxy", "numba"), ("cxcywha", "numba")], ids=str
)
def test_every_loss_passes_whose_gradient_is_the_derivative(format, engine):
    passed = 0
    for name in bl.losses():
        loss = bl.CIoU(full_gradient=True) if name == "ciou" else bl.get(name)
        is_taken = engine == "array" or name in COMPILED
        if is_taken and name not in IN_PART_CONSTANT and is_defined(loss, format):
            check_gradients(loss, format=format, engine=engine)
            passed += 1
    assert passed >= (11 if engine == "array" else len(COMPILED))


@pytest.mark.parametrize(
    "loss", [bl.CIoU(), bl.WIoU(), bl.PIoU2(), bl.Focal(bl.iou), bl.Wise(bl.iou, mean=0.5)], ids=repr
)
def test_parts_that_are_held_constant_are_found(loss):
    with pytest.raises(AssertionError, match="or a part of the value is held constant"):
        check_gradients(loss)


@pytest.mark.parametrize("wrong", [{"by_intersection": 0.999}, {"by_union": -1.0}, {"by_union": 0.0}], ids=repr)
@pytest.mark.parametrize("format", ["xyxy", "cxcywha", "cxcyczwlh"])
@pytest.mark.parametrize("seed", range(2))
def test_a_wrong_partial_derivative_is_found(wrong, format, seed):
    check_gradients(CubedIoU(), format=format, seed=seed)
    with pytest.raises(AssertionError, match=r"the gradient of CubedIoU\(.* by number \d of pred is .* where the diff"):
        check_gradients(CubedIoU(**wrong), format=format, seed=seed)


@dataclass(frozen=True)
class UnguardedDistance(OverlapLoss):
    """The penalty of DIoU, which is NaN for two points in one place."""

    relations = ("center_distance", "enclosing_diagonal")
    expression = "rho^2 / c^2"
    value_range = "[0, 1)"

    @staticmethod
    def formula(xp, rho2, c2):
        per_c2 = 1.0 / c2
        return rho2 * per_c2, (per_c2, -(rho2 * per_c2) * per_c2)


@pytest.mark.parametrize("format", ["xyxy", "cxcywha", "xyzxyz"])
@pytest.mark.parametrize("loss", [Unguarded(), UnguardedDistance()], ids=repr)
def test_what_is_not_finite_is_found(loss, format):
    with pytest.raises(
        AssertionError, match=rf"the value of {type(loss).__name__}.* is \[nan\], of pred .* special pairs"
    ):
        check_gradients(loss, format=format, engine="array")


@pytest.mark.parametrize("factor", [1e-9, 1e-6, 1e6])
def test_small_and_large_losses(factor):
    check_gradients(factor * bl.giou)
    with pytest.raises(AssertionError, match="the gradient of"):
        check_gradients(factor * bl.ciou)
    with pytest.raises(AssertionError, match="the gradient of"):
        check_gradients(factor * CubedIoU(by_union=0.999))


def test_losses_that_read_the_image():
    check_gradients(bl.MPDIoU())
    check_gradients(bl.MPDIoU(), image_size=(30.0, 700.0), format="cxcywh")
    check_gradients(bl.giou, image_size=(30.0, 700.0), format=("rel_xyxy", "xywh"))


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        (
            {"format": ("xyxy",)},
            ValueError,
            "format must be one name or a pair of names for pred and target; got 1 names",
        ),
        (
            {"format": "rel_cxcywha", "image_size": (3, 4)},
            ValueError,
            "format 'rel_cxcywha' needs an image that is square",
        ),
        ({"format": 5}, ValueError, "format must be"),
        ({"format": "foo"}, ValueError, "format must be"),
        ({"format": ("xyxy", "xyzxyz")}, ValueError, "pred and target must both be boxes in a plane"),
        ({"image_size": ()}, TypeError, "image_size must be a pair"),
        ({"engine": "cuda"}, ValueError, "engine must be one of 'auto', 'array', 'numba'; got 'cuda'"),
    ],
    ids=str,
)
def test_options_that_are_refused(options, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}"):
        check_gradients(bl.giou, **options)


def test_losses_that_are_refused():
    check_error(
        lambda: check_gradients(len), TypeError, "loss must be a loss of boxloss; got builtin_function_or_method"
    )
    with pytest.raises(ValueError, match="CIoU is not defined for"):
        check_gradients(bl.ciou, format="xyzxyz")


@dataclass(frozen=True)
class Half(OverlapLoss):
    """Half of 1 - IoU."""

    relations = ("areas",)
    value_range = "[0, 0.5]"
    per_distance = 0.5

    @staticmethod
    def formula(xp, areas):
        _, distance, d = iou_and_distance(xp, areas, 0.0)
        return 0.5 * distance, (AreaPartials(0.5 * d.intersection, 0.5 * d.union),)


def test_what_a_loss_states_of_its_values():
    for format in FORMATS:
        check_gradients(Half(), format=format)
    with pytest.raises(AssertionError, match=r"^the value of .* where 1 - IoU is .*, and per_distance"):
        check_gradients(dataclass(frozen=True)(type("Own", (Half,), {"per_distance": 2.0}))())
    with pytest.raises(AssertionError, match=r"^the value of .* and its value_range '\[0, 0\.4\]', of pred"):
        check_gradients(dataclass(frozen=True)(type("Own", (Half,), {"value_range": "[0, 0.4]"}))())
    for value_range in ("(-inf, 0.4]", "[0,0.4]", "[ 0.1 , inf)"):
        with pytest.raises(AssertionError, match=r"and its value_range"):
            check_gradients(dataclass(frozen=True)(type("Own", (Half,), {"value_range": value_range}))())
