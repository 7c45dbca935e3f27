"""Formulas of somebody's own for the difference of one coordinate: what they take and return."""

from dataclasses import dataclass
from functools import partial, wraps
from typing import ClassVar

import numpy as np
import pytest

import boxloss as bl
from boxloss.losses.coordinate import CoordinateLoss
from errors import BOXES, check_error


@pytest.mark.parametrize("engine", ["array", "numba"])
def test_the_formula_of_a_coordinate_takes_the_fields(engine):
    @dataclass(frozen=True)
    class Mine(bl.SmoothL1):
        power: float = 2.0

        @staticmethod
        def formula(xp, e, beta):
            return xp.abs(e), xp.sign(e)

    text = (
        "Mine.formula takes (xp, e, beta) and is called with (xp, e, beta, power): the difference of one "
        "coordinate and the fields of the loss but for `coordinates`, in their order. It is a @staticmethod of a class "
        "that is a @dataclass(frozen=True)"
    )
    for call in (Mine(), Mine().pairwise):
        check_error(partial(call, BOXES, BOXES, engine=engine), TypeError, text)


@pytest.mark.parametrize("engine", ["array", "numba"])
def test_what_a_formula_takes_is_what_it_can_be_called_with(engine):
    """Whatever its signature says, as behind a decorator; `coordinates` may be no field, or not the first."""

    def without_fields(function):
        @wraps(function)
        def formula(xp, e, *fields):
            return function(xp, e)

        return formula

    @dataclass(frozen=True)
    class Decorated(bl.SmoothL1):
        @staticmethod
        @without_fields
        def formula(xp, e):
            return xp.abs(e), xp.sign(e)

    @dataclass(frozen=True)
    class Fixed(CoordinateLoss):
        coordinates: ClassVar[str] = "cxcywh"
        scale: float = 2.0

        @staticmethod
        def formula(xp, e, scale):
            return scale * xp.abs(e), scale * xp.sign(e)

    for loss, same in ((Decorated(), bl.l1), (Fixed(), 2.0 * bl.L1(coordinates="cxcywh"))):
        np.testing.assert_array_equal(loss(BOXES, BOXES + 1.0, engine=engine), same(BOXES, BOXES + 1.0, engine=engine))


NO_SLOPES = [
    (lambda e: e, "a number"),
    (lambda e: (e, e, e), "a tuple of 3"),
    (lambda e: (e, (e,)), "a tuple of 2"),
    (lambda e: (e, None), "a tuple of 2"),
    (lambda e: None, "nothing"),
]


@pytest.mark.parametrize(("term", "told"), NO_SLOPES)
def test_the_formula_of_a_coordinate_that_returns_something_else(term, told):
    class Mine(CoordinateLoss):
        @staticmethod
        def formula(xp, e):
            return term(e)

    for engine in ("array", "numba"):
        text = f"Mine.formula must return a value and its slope, (value, slope); got {told}"
        check_error(partial(Mine(), BOXES, BOXES, engine=engine), TypeError, text)


def test_a_slope_is_a_number():
    class Mine(CoordinateLoss):
        @staticmethod
        def formula(xp, e):
            return e, e > 0.0

    text = "the slope of Mine.formula must be a number; got a truth. Give xp.where(truth, 1.0, 0.0)"
    for engine in ("array", "numba"):
        check_error(partial(Mine(), BOXES, BOXES, engine=engine), TypeError, text)


def test_a_truth_is_no_number_whatever_is_added():
    for truth in (lambda e: (e > 0.0) + 0, lambda e: (e > 0.0) - 0.0, lambda e: 0 + (e > 0.0)):
        formula = staticmethod(lambda xp, e, truth=truth: (truth(e), e))
        kind = type("Wrong", (CoordinateLoss,), {"formula": formula, "expression": "", "value_range": ""})
        text = "a formula needs a number here; got a truth"
        check_error(lambda k=kind: k()(BOXES, BOXES, engine="numba"), TypeError, text)


def test_a_value_and_a_slope_may_be_in_a_list():
    class Mine(CoordinateLoss):
        @staticmethod
        def formula(xp, e):
            return [e, 1.0]

    assert Mine()(np.ones((1, 4)), np.zeros((1, 4)), engine="array").tolist() == [4.0]
