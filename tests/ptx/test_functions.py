"""The functions of `xp` in kernels for GPUs, which no other loss calls all of."""

from itertools import product

import pytest

from bounds import in_dtype
from boxloss.engines.cuda import compile
from boxloss.losses.coordinate import CoordinateLoss
from generators import mixed
from instructions import compiled

FUNCTIONS = {
    "abs": lambda xp, e: xp.abs(e),
    "atan2": lambda xp, e: xp.atan2(e, 1.0 + e * e),
    "exp": lambda xp, e: xp.exp(-0.5 * e * e),
    "log": lambda xp, e: xp.log(1.5 + e * e),
    "log1p": lambda xp, e: xp.log1p(e * e),
    "minimum and maximum": lambda xp, e: xp.minimum(e, 0.25) - xp.maximum(e, -0.5),
    "sign": lambda xp, e: xp.sign(e),
    "sqrt": lambda xp, e: xp.sqrt(1.0 + e * e),
    "where": lambda xp, e: xp.where((e > 0.5) & ~(e >= 2.0) | (e == 0.0), e * e, 3.0 - e),
}


NOT_EXECUTED = {("exp", "float32"), ("exp", "float64"), ("log", "float64")}  # of instructions that the machine lacks
BOTH_FLOATS = ("float32", "float64")


def loss_of(name):
    """A loss whose formula is the function."""

    class Own(CoordinateLoss):
        @staticmethod
        def formula(xp, e):
            return FUNCTIONS[name](xp, e), e

    return Own()


@pytest.mark.parametrize(
    ("name", "precision"), [each for each in product(FUNCTIONS, BOTH_FLOATS) if each not in NOT_EXECUTED]
)
def test_functions(name, precision, library, rng):
    loss = loss_of(name)
    given, exact = in_dtype(mixed(rng, 100), precision)
    library.check_value(loss(*given, engine="cuda"), loss(*exact, engine="array"), precision)
    library.check_value(loss.pairwise(*given, engine="cuda"), loss.pairwise(*exact, engine="array"), precision)


@pytest.mark.parametrize(("name", "precision"), sorted(NOT_EXECUTED))
def test_functions_of_the_compiler_are_part_of_the_kernel(name, precision):
    code = compiled(loss_of(name), "value", precision, (9, 0))
    assert code.count("call.*") == 0
    assert compile.assemble(code.text, (9, 0))[0].startswith(b"\x7fELF")
