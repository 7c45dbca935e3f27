"""Straight-line code in stages: the same numbers, by any number of them."""

import math
import operator

import numpy as np
import pytest

from boxloss.engines.numba.compile import machine
from boxloss.engines.stages import stages
from boxloss.engines.symbols import NUMBER
from boxloss.shapes.formats import FORMATS
from boxloss.verbs.elementwise.formula import made_of

OPERATIONS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "neg": operator.neg,
    "abs": abs,
    "or": operator.or_,
    "and": operator.and_,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "select": lambda condition, a, b: a if condition else b,
}


def run(trace, arguments):
    """The results of straight-line code, one operation after the other."""
    values = []
    for node in trace.nodes:
        if node.operation == "argument":
            values.append(arguments[int(node.value)])
        elif node.operation == "constant":
            values.append(float.fromhex(node.value) if node.kind == NUMBER else node.value == "True")
        else:
            values.append(OPERATIONS[node.operation](*(values[k] for k in node.operands)))
    return tuple(values[k] for k in trace.results)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("name", ["cxcywha", "cxcywhd", "cxcyczwlha"])
def test_stages_give_the_same_numbers(name, count, rng):
    own = FORMATS[name]
    whole = machine("float64").trace(made_of(own), own.size, 2)
    parts = stages(whole, own.size + 2, count)
    assert len(parts) == count
    assert all(len(part.nodes) < len(whole.nodes) for part in parts[: count - 1])
    for angle in (*rng.uniform(-700.0, 700.0, 20), 0.0, 45.0, 90.0, math.nan):
        arguments = [*rng.uniform(1.0, 5.0, own.size - 1), angle, 480.0, 640.0]
        given = ()
        for part in parts:
            given = run(part, [*arguments, *given])
        np.testing.assert_array_equal(given, run(whole, arguments))


def test_few_numbers_cross():
    """What is left of an angle and the quarter turns that were taken off, or one more."""
    own = FORMATS["cxcywha"]
    parts = stages(machine("float32").trace(made_of(own), own.size, 2), own.size + 2, 3)
    assert [len(part.results) for part in parts] == [3, 2, 2]
