"""What a formula may be made of, and what is said of one that does what it must not do."""

import math

import numpy as np
import pytest

import boxloss as bl
from boxloss.losses.coordinate import CoordinateLoss
from generators import mixed
from own_relations import AreaDifference

HALF = 0.5


def _outer(xp, e):
    def slope(of):
        return HALF * xp.sign(of)

    return slope(e)


class Nested(bl.L1):
    """Functions inside functions, lambdas, comprehensions, default arguments, globals."""

    @staticmethod
    def formula(xp, e):
        parts = [factor * xp.abs(e) for factor in (0.25, 0.25)]
        return (lambda a, b=0.0: a + b)(sum(parts)), _outer(xp, e)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nested_functions_and_lambdas_are_compiled_in_the_float_type(dtype, rng):
    pred, target = (side.astype(dtype) for side in mixed(rng, 10))
    value, grad = Nested().value_and_grad(pred, target, engine="numba")
    assert value.dtype == grad.dtype == dtype
    expected, expected_grad = (HALF * bl.l1).value_and_grad(pred, target, engine="numba")
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(grad, expected_grad)


def _branch(xp, e):
    return (e if e > 0.0 else -e), e


FORBIDDEN = {
    "if": (_branch, TypeError, "a formula must not branch on a number"),
    "max": (lambda xp, e: (max(e, 0.0), e), TypeError, "a formula must not branch on a number"),
    "math": (lambda xp, e: (math.sqrt(e), e), TypeError, "a function of Python's math takes no symbol"),
    "numpy": (lambda xp, e: (np.abs(e), e), TypeError, "does not support ufuncs|__array_ufunc__"),
    "unknown": (lambda xp, e: (xp.tanh(e), e), AttributeError, "formulas have .*; got xp.tanh"),
    "power": (lambda xp, e: (e**3, e), TypeError, r"a formula has no power but \*\*2; got \*\*3"),
    "power of a number of its own": (
        lambda xp, e: (e**e, e),
        TypeError,
        r"a formula has no power but \*\*2; got \*\*<",
    ),
    "power of a number": (lambda xp, e: (2.0**e, e), TypeError, r"a formula has no power but \*\*2; got a number to"),
    "text": (lambda xp, e: (e + "1", e), TypeError, "a formula computes with numbers and symbols; got str"),
    "kinds": (lambda xp, e: (e + (e > 0.0), e), TypeError, "a formula needs a number here; got a truth"),
}


@pytest.mark.parametrize(("formula", "error", "text"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_a_compiled_formula_must_not_do_is_said(formula, error, text):
    """By this package, or by Python or NumPy, where the formula does it; never by Numba."""
    kind = type("Wrong", (CoordinateLoss,), {"formula": staticmethod(formula), "expression": "", "value_range": ""})
    box = np.asarray([[0.0, 0, 2, 2]])
    with pytest.raises(error, match=text):
        kind()(box, box, engine="numba")


def test_unknown_relations_are_named():
    kind = type("Wrong", (AreaDifference,), {"relations": ("area",)})
    with pytest.raises(ValueError, match=r"^relations of axis-aligned boxes are 'areas', .*; got 'area'$"):
        kind()(np.zeros((1, 4)), np.zeros((1, 4)))
