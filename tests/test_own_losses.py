"""Losses of somebody's own: their fields, guards and shapes."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pytest

import boxloss as bl
from boxloss.losses.coordinate import CoordinateLoss
from boxloss.losses.loss import Loss
from boxloss.losses.overlap import OverlapLoss
from boxloss.shapes.box import Box, Vector
from boxloss.shapes.guards import inverse, inverses, nonzero, share
from boxloss.shapes.relations import AreaPartials
from boxloss.shapes.shape import Gradient
from errors import BOXES, check_error
from generators import boxes

every_engine = pytest.mark.parametrize("engine", ["array", "numba"])


class Terms(NamedTuple):
    """A number, a loss and a name."""

    factor: float
    loss: Loss
    name: str


TERMS = Terms(2.0, bl.GIoU(), "x")


@dataclass(frozen=True)
class Scaled(Loss):
    """A factor times a loss, both in a named tuple; annotations are text in this file."""

    terms: Terms = TERMS
    extra: float = 1.0
    is_used: bool = True
    expression = "factor loss"
    value_range = "[0, inf)"

    @property
    def relations(self):
        return self.terms.loss.relations

    def evaluate(self, xp, pair):
        value, gradient = self.terms.loss.evaluate(xp, pair)
        factor = self.terms.factor * self.extra
        return factor * value, lambda exchanged: Gradient(factor * gradient(exchanged).upright)


# --- Fields -----------------------------------------------------------------------------------------------------------


@every_engine
def test_a_named_tuple_stays_one(engine, rng):
    pred, target = boxes(rng, 6), boxes(rng, 6)
    expected = 6.0 * bl.giou(pred, target, eps=0.5)
    loss = Scaled(Terms(3.0, bl.GIoU(eps=0.5), "y"), extra=2)
    np.testing.assert_allclose(loss(pred, target, engine=engine), expected, rtol=1e-13)
    np.testing.assert_allclose(loss.with_eps(0.5)(pred, target, engine=engine), expected, rtol=1e-13)
    assert isinstance(loss.with_eps(0.5).terms, Terms)
    assert loss.program.numbers == (3.0, 0.5, 2.0)
    assert loss.program.structure is Scaled(Terms(5.0, bl.GIoU(), "y")).program.structure


def test_annotations_that_are_text_are_checked():
    check_error(lambda: Scaled(extra="2"), TypeError, "extra must be a number; got the string '2'")
    check_error(lambda: Scaled(extra=np.inf), ValueError, "extra must be finite; got inf")
    check_error(lambda: Scaled(extra=10**400), ValueError, "extra must be finite; got inf")
    check_error(lambda: Scaled(is_used=1), TypeError, "is_used must be True or False; got 1")


@dataclass(frozen=True)
class Anything(CoordinateLoss):
    """A field of any type."""

    field: Any = None
    expression = "|e|"
    value_range = "[0, inf)"

    @staticmethod
    def formula(xp, e, field):
        return xp.abs(e) * (field if isinstance(field, int | float) else 1.0), xp.sign(e)


def test_fields_that_are_equal_and_not_the_same():
    for one, two in ((True, 1), ((True,), (1,)), (((1, True),), ((1, 1),)), (frozenset({1}), frozenset({True}))):
        assert Anything(one).program.structure is not Anything(two).program.structure
        assert Anything(one).program.structure is Anything(copy.deepcopy(one)).program.structure
    assert Anything(np.float32(0.5)).program.numbers == (0.5,)  # a number, for which nothing compiles
    assert Anything(np.int64(3)).program.structure is Anything(3).program.structure


def test_fields_that_no_loss_can_have():
    text = "field of Anything must be hashable, as a tuple is; got list"
    check_error(lambda: Anything([1, 2]), TypeError, text)
    for name in ("fields", "program", "pairwise"):
        words = "which losses use; what a class says of itself is a ClassVar"
        text = f"a parameter of Wrong must have another name than {name!r}, {words}"
        check_error(lambda n=name: type("Wrong", (bl.L1,), {"__annotations__": {n: float}}), TypeError, text)
    huge = "a formula computes with numbers up to 1.8e308; got a larger one"
    check_error(lambda: Anything(10**400)(BOXES, BOXES, engine="numba"), ValueError, huge)


@dataclass(frozen=True)
class Prepared(bl.L1):
    """What `__post_init__` sets: a field of its own, and something that is none."""

    prepared: float = field(default=0.0, init=False)
    eps: float = 0.0
    reads: str = "prepared"

    def __post_init__(self) -> None:
        object.__setattr__(self, "prepared", 2.0)
        super().__post_init__()
        object.__setattr__(self, "beside", 3.0)

    def evaluate(self, xp, pair):
        value, gradient = bl.L1.evaluate(bl.l1, xp, pair)
        return getattr(self, self.reads) * value + self.eps, gradient


@every_engine
def test_what_post_init_sets_is_a_field_or_not_there(engine):
    pred, target = BOXES, BOXES + 1.0
    np.testing.assert_array_equal(Prepared()(pred, target, engine=engine), 2.0 * bl.l1(pred, target))
    np.testing.assert_array_equal(Prepared().with_eps(1.0)(pred, target, engine=engine), Prepared(1.0)(pred, target))
    text = (
        "a formula knows the fields of its loss only, and Prepared has no field 'beside': make a field or a property "
        "of it, since what __post_init__ sets beside the fields is not there"
    )
    check_error(lambda: Prepared(reads="beside")(pred, target, engine=engine), AttributeError, text)
    check_error(lambda: (bl.l2 + Prepared(reads="beside"))(pred, target, engine=engine), AttributeError, text)


def test_copies_are_equal():
    loss = Scaled() + 2.0 * bl.CIoU(eps=0.25)
    for again in (pickle.loads(pickle.dumps(loss)), copy.copy(loss), copy.deepcopy(loss)):
        assert again == loss
        assert again.program == loss.program
        assert again.program.structure is loss.program.structure


# --- Guards -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guarded(OverlapLoss):
    """Quotients whose denominators are 0 for ordinary boxes too: the intersection, and the offset of the centres."""

    relations = ("areas", "center_offset")
    expression = "..."
    value_range = "[0, inf)"

    @staticmethod
    def formula(xp, areas, offset):
        per_intersection, per_x = inverses(xp, areas.intersection, offset.x * offset.x)
        per_y = inverse(xp, offset.y * offset.y)
        value = areas.union * per_intersection + per_x + share(xp, areas.intersection, areas.union, per_y)
        value = value + areas.union / nonzero(xp, areas.intersection)
        return value, (AreaPartials(0.0, 0.0), Vector(0.0, 0.0))


@dataclass(frozen=True)
class Shrunk(Loss):
    """The width of the intersection, made upright: of boxes with a gap it is 0."""

    relations = ()
    expression = "..."
    value_range = "[0, inf)"

    def evaluate(self, xp, pair):
        inner = pair.inner.upright(xp)
        return inner.x2 - inner.x1, lambda exchanged: Gradient()


@pytest.mark.parametrize("loss", [Guarded(), Shrunk()], ids=["quotients", "upright"])
def test_a_matrix_of_ordinary_boxes_keeps_the_guards_of_a_formula(loss):
    """Boxes with gaps and with one centre; the package's own denominators are not 0 there, and have no guards."""
    some = np.asarray([[0.0, 0, 1, 1], [3, 3, 5, 4], [0, 0, 2, 1], [-1, -1, 2, 2], [3.5, 3.25, 4.5, 3.75]])
    expected = loss.pairwise(some, some, engine="array")
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(loss.pairwise(some, some, engine="numba"), expected, rtol=1e-12)


# --- Shapes -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OfOne(Loss):
    """A loss of one of the boxes, or of none."""

    which: str = "given"
    relations = ()
    expression = "2 x1"
    value_range = "(-inf, inf)"

    def evaluate(self, xp, pair):
        if self.which == "none":
            return 0.0, lambda exchanged: Gradient()
        box = getattr(pair, self.which)
        own = Gradient(given=Box(2.0, 0.0, 0.0, 0.0))
        return 2.0 * box.x1, lambda exchanged: own if exchanged == (self.which != "given") else Gradient()


@pytest.mark.parametrize("which", ["given", "given_other", "none"])
def test_a_loss_of_one_box_has_the_shape_of_all_pairs(which, backend):
    engines = ("array", "numba") if backend.name in ("numpy", "torch") else ("array",)
    sides = np.arange(8.0).reshape(2, 1, 4), np.arange(12.0).reshape(3, 4)
    pred, target = (backend.asarray(side) for side in sides)
    wanted = {"given": sides[0], "given_other": sides[1], "none": np.zeros(4)}[which][..., 0] * 2.0
    wanted = np.broadcast_to(wanted, (2, 3))
    step = np.broadcast_to([2.0, 0, 0, 0], (2, 3, 4))
    loss = OfOne(which)
    for engine in engines:
        value, grads = loss.value_and_grad(pred, target, wrt="both", engine=engine)
        backend.assert_like(value, wanted)
        for name, grad in zip(("given", "given_other"), grads, strict=True):
            backend.assert_like(grad, step if name == which else 0.0 * step)
        backend.assert_like(loss(pred, target, reduction="sum", engine=engine), wanted.sum())
        backend.assert_like(loss.pairwise(pred[:, 0, ...], target, engine=engine), wanted)


@pytest.mark.jax
def test_jax_differentiates_it():
    import jax

    pred, target = jax.numpy.arange(8.0).reshape(2, 1, 4), jax.numpy.arange(12.0).reshape(3, 4)
    expected = np.broadcast_to([6.0, 0, 0, 0], pred.shape)
    np.testing.assert_array_equal(jax.grad(lambda p: OfOne()(p, target).sum())(pred), expected)
    np.testing.assert_array_equal(jax.grad(lambda p: OfOne().pairwise(p, target).sum())(pred[:, 0]), expected[:, 0])


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_torch_differentiates_it():
    import torch

    pred, target = torch.arange(8.0).reshape(2, 1, 4).requires_grad_(), torch.arange(12.0).reshape(3, 4)
    compiled = torch.compile(lambda p, t: OfOne()(p, t, engine="array"), fullgraph=True, backend="aot_eager")
    for call in (compiled, lambda p, t: OfOne()(p, t, engine="array")):
        (grad,) = torch.autograd.grad(call(pred, target).sum(), pred)
        assert grad.tolist() == [[[6.0, 0, 0, 0]]] * 2


@pytest.mark.parametrize("name", ["penalty", "told", "program", "topk", "paper"])
def test_parameters_do_not_hide_what_losses_have(name):
    with pytest.raises(TypeError, match=f"must have another name than '{name}'"):
        type("Own", (bl.IoU,), {"__annotations__": {name: float}, name: 0.5})
    type("Own", (bl.IoU,), {"__annotations__": {"is_score": "ClassVar[bool]"}, "is_score": True})


@dataclass(frozen=True)
class Powered(bl.IoU):
    """With what a class may state in other ways, and an exponent that a class below has."""

    exponents = ["power"]

    @cached_property
    def expression(self):
        return "f"


def test_what_a_class_may_state_otherwise():
    below = dataclass(frozen=True)(type("Own", (Powered,), {"__annotations__": {"power": float}, "power": 2.0}))
    assert below().power == 2.0
    with pytest.raises(TypeError, match=r"^exponents of Powered must be a tuple of names of its parameters"):
        Powered()


def test_a_mixin_behind_a_loss_states_nothing():
    mixin = type("Mixin", (), {"formula": lambda self: None})
    assert bl.Focaler(type("Own", (bl.GIoU, mixin), {})()).has_iou_term


WRONGLY_STATED = {
    "expression": (3, "expression of Own must be text; got 3"),
    "value_range": (3, "value_range of Own must be text; got 3"),
    "per_distance": ("0.5", "per_distance of Own must be a number; got the string '0.5'"),
    "relations": (["areas"], "relations of Own must be a tuple; got ['areas']"),
    "is_score": ("no", "is_score of Own must be True or False; got 'no'"),
    "shapes": (
        ("3d",),
        "shapes of Own must be a tuple of 'axis-aligned', 'rotated', 'axis-aligned 3-D', 'rotated 3-D'; got ('3d',)",
    ),
    "exponents": ("gama", "exponents of Own must be a tuple of names of its parameters; got 'gama'"),
}


@pytest.mark.parametrize("name", WRONGLY_STATED)
def test_what_a_class_states_is_checked(name):
    value, text = WRONGLY_STATED[name]
    check_error(lambda: type("Own", (bl.Alpha,), {name: value}), TypeError, text)
    kept = {"value_range": "[0, 1]", "is_score": True, "shapes": ("rotated",), "exponents": ("alpha",)}
    kept |= {"expression": "f", "per_distance": 0.5, "relations": ("areas",)}
    type("Own", (bl.Alpha,), {name: kept[name]})


def test_scores_and_losses_do_not_add_up():
    text = "terms of a sum must all grow with the match, or all fall; got {}, which grows, and {}, which falls"
    for make, grows, falls in (
        (lambda: bl.giou + bl.iou_score, "1 * IoUScore", "1 * GIoU"),
        (lambda: bl.giou - -2.0 * bl.iou_score, "2 * IoUScore", "1 * GIoU"),
        (lambda: -bl.giou - bl.iou_score, "-1 * GIoU", "-1 * IoUScore"),
    ):
        check_error(make, ValueError, text.format(grows, falls))
    assert not (bl.giou - bl.iou_score).is_score
    assert (2.0 * bl.iou_score - bl.giou).is_score


def test_an_array_as_a_parameter_is_no_box():
    own = dataclass(frozen=True)(type("Own", (bl.L1,), {"__annotations__": {"w": tuple}, "w": ()}))
    with pytest.raises(TypeError, match=r"^w of Own must be hashable"):
        own(w=np.ones(4))
    with pytest.raises(TypeError, match=r"^Own takes the parameters of a loss, not boxes"):
        own(np.ones((1, 4)), np.ones((1, 4)))
