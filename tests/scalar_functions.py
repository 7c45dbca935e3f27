"""Compiled functions of numbers, over arrays, and their error in units in the last place."""

from functools import cache

import mpmath
import numba
import numpy as np
from numba.core import types

from boxloss.engines.numba.compile import machine
from boxloss.engines.numba.memory import load, store
from boxloss.formulas.structure import HALVES
from boxloss.shapes.replaceable import (
    exp_of_negative,
    expm1_of_negative,
    log1p_inside,
    one_less_exp,
    one_less_power,
    power_and_slope,
)

DTYPES = ("float32", "float64")
ULPS = 2.0


def one_less_power_of_halves(xp, a, exponent):
    xp.mark_halves(exponent)
    return one_less_power(xp, a, exponent)


def power_of_halves(xp, base, exponent):
    """What a formula has that knows its exponents, and 1 less than these."""
    xp.mark_halves(exponent)
    return xp.pow(base, exponent)


def power_of_one_less(xp, base, exponent):
    xp.mark_halves(exponent)
    return xp.pow(base, exponent - 1.0)


def named(*names):
    """The functions that formulas call by these names."""
    return {name: lambda xp, *numbers, name=name: getattr(xp, name)(*numbers) for name in names}


def keyed(*functions):
    return {function: function for function in functions}


EXPONENTS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 2.75)  # of which the last has no products
LITERALS = (0.5, 3.0, 4.0)
# Of how many numbers, and which: a group is one kernel. An exponent that is marked is so for all that read it.
GROUPS = (
    (1, named("abs", "sign", "exp", "expm1", "log", "log1p", "sin", "cos")),
    (1, keyed(exp_of_negative, expm1_of_negative, one_less_exp, log1p_inside)),
    (1, {("value", p): lambda xp, a, p=p: power_and_slope(xp, a, p)[0] for p in EXPONENTS}),
    (1, {("slope", p): lambda xp, a, p=p: power_and_slope(xp, a, p)[1] for p in EXPONENTS}),
    (1, {("power", p): lambda xp, a, p=p: xp.pow(a, p) for p in HALVES}),
    (1, {("one less power", p): lambda xp, a, p=p: one_less_power(xp, a, p) for p in LITERALS}),
    (2, {**named("atan2", "pow", "minimum", "maximum"), **keyed(one_less_power)}),
    (2, keyed(one_less_power_of_halves, power_of_halves, power_of_one_less)),
)
ROOM = 1 << 14  # from one number of a row to the next; LLVM knows it and so that columns of results do not overlap


@cache
def kernel(dtype, group):
    """The functions of a group over arrays: with several numbers in it the loop is vectorised."""
    arguments, functions = GROUPS[group]
    all_of = machine(dtype).function(lambda xp, *a: tuple(f(xp, *a) for f in functions.values()), *(None,) * arguments)
    load_row, store_row = load(arguments), store(len(functions))

    def over(rows, count, out):
        for i in range(count):
            store_row(out, i, ROOM, all_of(load_row(rows, i, ROOM)))

    compiled = numba.njit([types.void(machine(dtype).readonly, types.intp, machine(dtype).array)], error_model="numpy")(
        over
    )
    (code,) = compiled.inspect_llvm().values()
    assert "vector.body:" in code
    return compiled


def loop(dtype, called):
    """A function of compiled formulas, over arrays."""
    ((group, column),) = (
        (group, list(functions).index(called)) for group, (_, functions) in enumerate(GROUPS) if called in functions
    )
    arguments, functions = GROUPS[group]

    def run(*arrays):
        arrays = np.broadcast_arrays(*(np.asarray(a, dtype) for a in arrays))
        count = arrays[0].size
        assert count <= ROOM
        rows, out = np.zeros((arguments, ROOM), dtype), np.empty((len(functions), ROOM), dtype)
        rows[:, :count] = arrays
        kernel(dtype, group)(rows.reshape(-1), count, out.reshape(-1))
        return out[column, :count]

    return run


def check_ulps(result, oracle, *arguments):
    """Each result within so many units in the last place of the true value."""
    number = result.dtype.type
    with mpmath.workdps(50):
        true = [oracle(*map(mpmath.mpf, row)) for row in zip(*(a.tolist() for a in arguments), strict=True)]
        units = [float(np.spacing(abs(number(float(t))))) for t in true]
        ulps = [abs(r - t) / unit for r, t, unit in zip(result.tolist(), true, units, strict=True)]
    worst = int(np.argmax(np.asarray(ulps, dtype=np.float64)))
    assert ulps[worst] <= ULPS, f"{float(ulps[worst]):.3f} ulp at {[a[worst] for a in arguments]}"
