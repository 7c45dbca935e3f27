"""Formulas of somebody's own: what they take and return, and what is said where they are wrong."""

import re
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

import boxloss as bl
from boxloss.losses.loss import Loss
from boxloss.losses.overlap import OverlapLoss
from boxloss.shapes.box import Box
from boxloss.shapes.relations import AreaPartials
from boxloss.shapes.shape import Gradient, Partials, Relation, plus
from errors import BOXES, check_error


def mine(formula, relations=("areas", "center_distance")):
    names = {"relations": relations, "expression": "f", "value_range": "[0, 1]", "formula": staticmethod(formula)}
    return dataclass(frozen=True)(type("Mine", (OverlapLoss,), names))()


PARTIALS = "partial derivatives for 2 relations, areas, center_distance: one each, in their order"


@pytest.mark.parametrize("engine", ["array", "numba"])
@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (lambda xp, a, r: (r, (AreaPartials(r, r),)), f"Mine.formula returned 1 {PARTIALS}"),
        (lambda xp, a, r: (r, (None, r, r)), f"Mine.formula returned 3 {PARTIALS}"),
        (
            lambda xp, a, r: (r, ((r, r), None)),
            "the partial derivative of Mine by areas must be AreaPartials(intersection, union); got a tuple of 2",
        ),
        (
            lambda xp, a, r: (r, (r, None)),
            "the partial derivative of Mine by areas must be AreaPartials(intersection, union); got a number",
        ),
        (
            lambda xp, a, r: (r, (a, None)),
            "the partial derivative of Mine by areas must be AreaPartials(intersection, union); got "
            "Areas(intersection, union, symmetric_difference, corner_distance)",
        ),
        (
            lambda xp, a, r: (r > 0.0, (None, None)),
            "the value of Mine.formula must be a number; got a truth. Give xp.where(truth, 1.0, 0.0)",
        ),
        (
            lambda xp, a, r: (r, AreaPartials(r, r)),
            "Mine.formula must return a tuple of partial derivatives, (d,) for one; got "
            "AreaPartials(intersection, union)",
        ),
        (
            lambda xp, a, r: (a, (None, None)),
            "the value of Mine.formula must be a number; got "
            "Areas(intersection, union, symmetric_difference, corner_distance)",
        ),
        (lambda xp, a, r: (None, (None, None)), "the value of Mine.formula must be a number; got nothing"),
        (lambda xp, a, r: ({}, (None, None)), "the value of Mine.formula must be a number; got dict"),
        (
            lambda xp, a, r: (r, (AreaPartials(r, None), None)),
            "union of the partial derivative of Mine by areas must be a number; got nothing",
        ),
        (
            lambda xp, a, r: (r, (None, r > 0.0)),
            "the partial derivative of Mine by center_distance must be a number; got a truth. "
            "Give xp.where(truth, 1.0, 0.0)",
        ),
        (
            lambda xp, a, r: (r, (None, (r,))),
            "the partial derivative of Mine by center_distance must be a number; got a tuple of 1",
        ),
        (
            lambda xp, a, r: r,
            "Mine.formula must return a value and a tuple of partial derivatives, one for each relation; got a number",
        ),
        (
            lambda xp, a: (a.union, (None, None)),
            "Mine.formula takes (xp, a) and is called with (xp, areas, center_distance): the quantities of the "
            "relations and the fields of the loss, in their order. It is a @staticmethod of a class that is a "
            "@dataclass(frozen=True)",
        ),
    ],
)
def test_what_a_formula_takes_and_returns(formula, text, engine):
    boxes = np.asarray([[0.0, 0, 1, 1]])
    loss = mine(formula)
    check_error(lambda: loss.value_and_grad(boxes, boxes, engine=engine), TypeError, text)
    check_error(lambda: loss.pairwise(boxes, boxes, engine=engine), TypeError, text)


WRONG_TERMS = {
    "none": (lambda xp, a, r: None, "Mine.terms must return a tuple of terms, 1 - IoU and the penalties; got nothing"),
    "no term": (
        lambda xp, a, r: (),
        "Mine.terms must return a tuple of terms, 1 - IoU and the penalties; got a tuple of 0",
    ),
    "one that is not in a tuple": (
        lambda xp, a, r: (r, (None, r)),
        "Mine.terms must return a tuple of terms, 1 - IoU and the penalties; got a tuple of 2",
    ),
    "a value alone": (
        lambda xp, a, r: ((r, (None, r)), (r,)),
        "Mine.terms[1] must return a value and a tuple of partial derivatives, one for each relation; got a tuple of 1",
    ),
    "a truth": (
        lambda xp, a, r: ((r, (None, r)), (r > 0.0, (None, None))),
        "the value of Mine.terms[1] must be a number; got a truth. Give xp.where(truth, 1.0, 0.0)",
    ),
}


@pytest.mark.parametrize("engine", ["array", "numba"])
@pytest.mark.parametrize(("terms", "text"), WRONG_TERMS.values(), ids=WRONG_TERMS)
def test_what_terms_are(terms, text, engine):
    names = {"relations": ("areas", "center_distance"), "terms": staticmethod(terms)}
    loss = dataclass(frozen=True)(type("Mine", (OverlapLoss,), names))()
    for verb in (loss, loss.pairwise, bl.Alpha(loss), bl.Focaler(loss), bl.Inner(loss)):
        check_error(partial(verb, BOXES, BOXES, engine=engine), TypeError, text)


@pytest.mark.parametrize("engine", ["array", "numba"])
def test_terms_that_do_not_take_a_field(engine):
    names = {"__annotations__": {"scale": float}, "scale": 2.0}
    loss = dataclass(frozen=True)(type("Mine", (bl.DIoU,), names))()
    text = "called with (xp, areas, enclosing_diagonal, center_distance, eps, scale)"
    for verb in (loss, bl.Alpha(loss), bl.Focaler(loss), bl.Inner(loss)):
        with pytest.raises(TypeError, match=f"^Mine.terms takes .*{re.escape(text)}"):
            verb(BOXES, BOXES, engine=engine)


def test_a_formula_beside_inherited_terms():
    """The terms are those of another loss, so modifiers of the terms have nothing to change."""

    @dataclass(frozen=True)
    class Own(bl.DIoU):
        @staticmethod
        def formula(xp, *arguments):
            value, partials = bl.DIoU.formula(xp, *arguments)
            return 2.0 * value, tuple(plus(d, d) for d in partials)

    np.testing.assert_array_equal(Own()(BOXES, BOXES[::-1]), 2.0 * bl.diou(BOXES, BOXES[::-1]))
    for modifier in (bl.Alpha, bl.Focaler, bl.Inner):
        with pytest.raises(ValueError, match="Own"):
            modifier(Own())


def test_terms_below_an_inherited_formula():
    """What the nearest class states counts."""

    @dataclass(frozen=True)
    class Own(bl.SquaredIoU):
        relations = bl.DIoU.relations
        terms = staticmethod(bl.DIoU.terms)

    pair = BOXES, BOXES[::-1]
    np.testing.assert_array_equal(Own()(*pair), bl.diou(*pair))
    np.testing.assert_array_equal(bl.Alpha(Own())(*pair), bl.Alpha(bl.diou)(*pair))


WRONG_EVALUATIONS = {
    "a value alone": (lambda pair: pair.given.x1, "must return a value and a function of its gradient; got a number"),
    "no function": (lambda pair: (pair.given.x1, None), "must return a value and a function of its gradient; got a t"),
    "a tuple": (
        lambda pair: ((pair.given.x1,), Gradient),
        "the value of Mine.evaluate must be a number; got a tuple of 1",
    ),
    "a truth": (
        lambda pair: (pair.given.x1 > 0.0, Gradient),
        "the value of Mine.evaluate must be a number; got a truth",
    ),
}


@pytest.mark.parametrize("engine", ["array", "numba"])
@pytest.mark.parametrize(("evaluation", "text"), WRONG_EVALUATIONS.values(), ids=WRONG_EVALUATIONS)
def test_what_evaluate_returns(evaluation, text, engine):
    names = {"relations": (), "evaluate": lambda self, xp, pair: evaluation(pair)}
    loss = dataclass(frozen=True)(type("Mine", (Loss,), names))()
    for verb in (loss, loss.pairwise):
        with pytest.raises(TypeError, match=re.escape(text)):
            verb(BOXES, BOXES, engine=engine)


@pytest.mark.parametrize("part", [lambda box: (box.x1, box.x2), lambda box: box.x1 > 0.0, lambda box: None])
def test_a_part_of_a_relation_is_a_number(part):
    relation = Relation(
        "mine",
        forward=lambda xp, pair: pair.given.x1,
        pullback=lambda xp, pair, d: Partials(box=Box(d, 0.0, 0.0, 0.0)),
        exchange=lambda d: d,
        part=lambda xp, box, image: part(box),
        combine=lambda xp, pair, of_pred, of_target: of_pred,
    )
    loss = mine(lambda xp, of: (of, (1.0,)), (relation,))
    with pytest.raises(TypeError, match=r"^part of the relation 'mine' must be a number; got "):
        loss.pairwise(BOXES, BOXES, engine="numba")


def test_relations_that_are_not_named():
    kind = type("Mine", (OverlapLoss,), {"formula": staticmethod(lambda xp, areas: (areas.union, (None,)))})
    text = (
        "Mine.formula takes (xp, areas) and is called with (xp): the quantities of the relations, of which it names "
        "none, and the fields of the loss, in their order. It is a @staticmethod of a class that is a "
        "@dataclass(frozen=True)"
    )
    check_error(lambda: kind()(BOXES, BOXES), TypeError, text)


def test_parameters_are_those_of_a_dataclass():
    """Else they would be attributes that no formula reads."""
    own = type("Mine", (bl.LogIoU,), {"__annotations__": {"min_iou": float}, "min_iou": 0.9})
    for make in (own, partial(own, min_iou=0.5)):
        check_error(make, TypeError, "Mine has the parameter 'min_iou' and must be a @dataclass(frozen=True)")
    told = type("Mine", (bl.LogIoU,), {"__annotations__": {"paper": "ClassVar[str]"}, "paper": "mine"})
    assert told().min_iou == bl.log_iou.min_iou


def test_a_loss_without_a_formula():
    loss = type("Mine", (OverlapLoss,), {"relations": ("areas",)})()
    check_error(partial(loss, BOXES, BOXES), NotImplementedError, "Mine has neither a formula nor terms")


def test_relations_are_a_tuple():
    text = "relations of Mine must be a tuple: ('areas',) with a comma; got a string"
    check_error(lambda: type("Mine", (OverlapLoss,), {"relations": "areas"}), TypeError, text)


def test_what_is_told_of_a_loss_may_be_left_out():
    class Untold(OverlapLoss):
        relations = ("areas",)

        @staticmethod
        def formula(xp, areas):
            return 1.0 - areas.intersection / areas.union, (None,)

    pair = np.asarray([[0.0, 0, 2, 2], [0, 0, 2, 1.9]])
    assert bl.nms(pair, np.asarray([0.5, 0.4]), metric=Untold()).tolist() == [0]
    assert bl.nms(pair, np.asarray([0.5, 0.4]), metric=Untold(), threshold=7.0).tolist() == [0, 1]
    loss = Untold() + bl.l1
    assert loss.expression == "1 (Untold) + 1 (sum |e|)"
    assert loss.value_range == ""
    assert bl.Focal(Untold()).expression == "(I / U)^0.5 (Untold)"
    assert bl.Scaled(Untold(), 0.5).expression == "Untold, of boxes scaled by 0.5"
    kept, _ = bl.soft_nms(pair, np.asarray([0.5, 0.4]), metric=Untold(), method="linear")
    assert kept.tolist() == [0, 1]
    assert "range" not in Untold()._repr_html_()


def test_terms_are_computed_once():
    calls = []

    class Mine(OverlapLoss):
        relations = ("center_distance",)

        @staticmethod
        def terms(xp, r):
            calls.append(r)
            return ((r, (1.0,)),)

    Mine()(BOXES, BOXES, engine="array")
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (
            lambda xp, a, r: (r * np.asarray([1.0, 2.0]), (None, r)),
            "a formula must give one number a pair, of shape (1,); got shape (2,)",
        ),
        (lambda xp, a, r: (r * 1j, (None, r)), "the value of Mine.formula must be a number; got a complex number"),
    ],
)
def test_values_of_another_shape_or_type(formula, text):
    check_error(lambda: mine(formula)(BOXES[:1], BOXES[1:], engine="array"), TypeError, text)


def test_a_pullback_that_returns_nothing():
    relation = Relation("mine", lambda xp, pair: pair.given.x1, lambda xp, pair, d: None, lambda d: d)
    loss = mine(lambda xp, of: (of, (1.0,)), (relation,))
    text = "pullback of the relation 'mine' must return Partials; got nothing"
    for engine in ("array", "numba"):
        check_error(lambda engine=engine: loss.value_and_grad(BOXES, BOXES, engine=engine), TypeError, text)
