"""What instructions compute, each over all threads at once: tables of functions of NumPy arrays.

Float instructions are those of IEEE 754 and round once. The approximate ones give any float32 that is as near to the
true value as the PTX ISA documents: which one is drawn by the operands and a seed, so that a kernel that is right for
every seed needs no more of the hardware than is promised. A float `add` or `mul` without `.rn` is not here: the
assembler is free to fuse it, so what it gives is not known.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic

TYPES: dict[str, Any] = {
    "pred": np.bool_,
    **{f"{kind}{bits}": np.dtype(f"u{bits // 8}") for kind in "bu" for bits in (8, 16, 32, 64)},
    **{f"s{bits}": np.dtype(f"i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"f{bits}": np.dtype(f"f{bits // 8}") for bits in (32, 64)},
}
Function = Callable[..., Any]


# --- Floats -----------------------------------------------------------------------------------------------------------


@intrinsic
def _fma(context: Any, a: Any, b: Any, c: Any) -> Any:
    """LLVM's fused multiply-add, which rounds once."""
    return a(a, b, c), lambda context, builder, signature, arguments: builder.fma(*arguments)


@numba.vectorize([types.float32(*[types.float32] * 3), types.float64(*[types.float64] * 3)])
def fma(a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once."""
    return _fma(a, b, c)


def minimum(a: Any, b: Any) -> Any:
    """The smaller of the two; the number if one is NaN; -0 is smaller than 0."""
    return np.where((a == 0) & (b == 0), np.where(np.signbit(a), a, b), np.fmin(a, b))


def maximum(a: Any, b: Any) -> Any:
    """The larger of the two, likewise."""
    return np.where((a == 0) & (b == 0), np.where(np.signbit(a), b, a), np.fmax(a, b))


def keeping_nan(function: Function) -> Function:
    """Minimum or maximum that is NaN if one operand is."""
    return lambda a, b: np.where(np.isnan(a) | np.isnan(b), np.asarray(np.nan, a.dtype), function(a, b))


# --- Integers ---------------------------------------------------------------------------------------------------------


def bits_of(a: Any) -> int:
    """How many bits a number has."""
    return 8 * a.dtype.itemsize


def shift_left(a: Any, n: Any) -> Any:
    """Zeros come in; so do they beyond the width."""
    return np.where(n < bits_of(a), a << np.minimum(n, bits_of(a) - 1).astype(a.dtype), a.dtype.type(0))


def shift_right(a: Any, n: Any) -> Any:
    """The sign comes in for a signed number, zeros for another."""
    shifted = a >> np.minimum(n, bits_of(a) - 1).astype(a.dtype)
    return shifted if a.dtype.kind == "i" else np.where(n < bits_of(a), shifted, a.dtype.type(0))


def quotient(a: Any, b: Any) -> Any:
    """Rounded towards zero."""
    assert a.dtype.kind == "u", "signed division"
    return a // b


def high_half(a: Any, b: Any) -> Any:
    """The upper half of a product of 32-bit numbers."""
    assert bits_of(a) == 32, "mul.hi of 64 bits"
    return (widen(a) * widen(b) >> 32).astype(a.dtype)


def widen(a: Any) -> Any:
    """A number in twice as many bits."""
    return a.astype(f"{a.dtype.kind}{2 * a.dtype.itemsize}")


# --- Tables -----------------------------------------------------------------------------------------------------------

# An instruction without its types -> (the kinds of its type that it is known for, the function).
OPERATIONS: dict[str, tuple[str, Function]] = {
    **{f"{name}.rn": ("f", f) for name, f in [("add", np.add), ("sub", np.subtract), ("mul", np.multiply)]},
    "div.rn": ("f", np.divide),
    "rcp.rn": ("f", lambda a: a.dtype.type(1) / a),
    "sqrt.rn": ("f", np.sqrt),
    "fma.rn": ("f", fma),
    "min.NaN": ("f", keeping_nan(minimum)),
    "max.NaN": ("f", keeping_nan(maximum)),
    "min": ("fsu", minimum),
    "max": ("fsu", maximum),
    "abs": ("fs", np.abs),
    "neg": ("fs", np.negative),
    "add": ("sub", np.add),
    "sub": ("sub", np.subtract),
    "mul.lo": ("sub", np.multiply),
    "mul.hi": ("su", high_half),
    "mad.lo": ("sub", lambda a, b, c: a * b + c),
    "div": ("u", quotient),
    "rem": ("u", lambda a, b: a % b),
    "and": ("bp", np.bitwise_and),
    "or": ("bp", np.bitwise_or),
    "xor": ("bp", np.bitwise_xor),
    "not": ("bp", np.invert),
    "mov": ("fsubp", lambda a: a),
    "cvta": ("u", lambda a: a),
    "cvta.to.global": ("u", lambda a: a),
}
SHIFTS: dict[str, Function] = {"shl": shift_left, "shr": shift_right}  # by an unsigned 32-bit number
WIDE: dict[str, Function] = {  # the result is twice as wide; so is what is added
    "mul.wide": lambda a, b: widen(a) * widen(b),
    "mad.wide": lambda a, b, c: widen(a) * widen(b) + c,
}
# "u" after a comparison of floats: true too if one of them is NaN.
COMPARISONS: dict[str, Function] = {
    "eq": np.equal,
    "ne": lambda a, b: (a < b) | (a > b),
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "equ": lambda a, b: ~((a < b) | (a > b)),
    "neu": np.not_equal,
    "ltu": lambda a, b: ~(a >= b),
    "leu": lambda a, b: ~(a > b),
    "gtu": lambda a, b: ~(a <= b),
    "geu": lambda a, b: ~(a < b),
    "num": lambda a, b: ~(np.isnan(a) | np.isnan(b)),
    "nan": lambda a, b: np.isnan(a) | np.isnan(b),
}
ROUNDINGS: dict[str, Function] = {"rzi": np.trunc, "rni": np.rint, "rmi": np.floor, "rpi": np.ceil}


def convert(rounding: str, a: Any, to: Any) -> Any:
    """`cvt`: between integers, floats, and both. A float that an integer can't hold becomes the nearest one, NaN 0."""
    if rounding not in ROUNDINGS:
        return a.astype(to)
    whole = ROUNDINGS[rounding](a)
    if to.kind == "f":
        return whole.astype(to)
    limits = np.iinfo(to)
    inside = (whole > limits.min) & (whole < limits.max)
    outside = np.where(whole > 0, limits.max, np.where(np.isnan(whole), 0, limits.min))
    return np.where(inside, np.where(inside, whole, 0).astype(to), outside.astype(to))


# --- Approximations of float32 ----------------------------------------------------------------------------------------


def ulps(count: float) -> Function:
    """A bound in units of the last place of the true value in float32."""
    return lambda true, *operands: count * np.spacing(np.abs(true).astype(np.float32)).astype(np.float64)


def relative(bound: float) -> Function:
    """A bound relative to the true value."""
    return lambda true, *operands: bound * np.abs(true)


def _bound_of_lg2(true: Any, a: Any) -> Any:
    return 2.0**-22 * np.where((a > 0.5) & (a < 2.0), 1.0, np.abs(true))


def _product_with_inverse(a: Any, b: Any) -> Any:
    """`div.approx`: what is documented where the inverse of b is not a normal number, and NaN where nothing is."""
    huge, tiny = np.abs(b) > 2.0**126, (np.abs(b) < 2.0**-126) & (b != 0)
    lost = np.where(np.isinf(a), np.nan, np.copysign(0.0, a) * np.sign(b))
    return np.where(tiny, np.nan, np.where(huge & np.isfinite(b), lost, a / b))


# name -> (the true value of float64 operands, the bound of its error).
APPROXIMATIONS: dict[str, tuple[Function, Function]] = {
    "rcp.approx": (lambda a: 1.0 / a, ulps(1)),
    "div.full": (lambda a, b: a / b, ulps(2)),
    "div.approx": (_product_with_inverse, ulps(2)),
    "sqrt.approx": (np.sqrt, relative(2.0**-23)),
    "rsqrt.approx": (lambda a: 1.0 / np.sqrt(a), relative(2.0**-22.9)),
    "ex2.approx": (np.exp2, relative(2.0**-22)),
    "lg2.approx": (np.log2, _bound_of_lg2),
}


def uniform(seed: int, *operands: Any) -> Any:
    """Numbers from -1 to 1 that look random and depend on the seed and the bits of the operands alone."""
    bits = np.uint64(seed)
    for operand in operands:
        bits = (bits ^ operand.view(np.uint32).astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = bits ^ (bits >> np.uint64(32))
    return bits.astype(np.float64) / 2.0**63 - 1.0


def flush(a: Any) -> Any:
    """Subnormal numbers as zeros of their sign."""
    return np.where(np.abs(a) < np.finfo(np.float32).tiny, np.copysign(np.float32(0), a), a)


def approximate(exact: Function, bound: Function, flushes: bool, seed: int, *operands: Any) -> Any:
    """A float32 no further from the true value than the bound, which any run with this seed gives for the operands."""
    if flushes:
        operands = tuple(map(flush, operands))
    doubles = [a.astype(np.float64) for a in operands]
    true = exact(*doubles)
    most = bound(true, *doubles)
    moved = (true + uniform(seed, *operands) * most).astype(np.float32)
    nearest = true.astype(np.float32)
    known = np.isfinite(nearest) & (true != 0) & (np.abs(moved - true) <= most)
    result = np.where(known, moved, nearest)
    return flush(result) if flushes else result


def operations(seed: int) -> dict[str, tuple[str, Function]]:
    """The table of operations whose result has the type of their operands, approximations with it."""
    approximations = {
        f"{name}{'.ftz' if flushes else ''}": ("f", partial(approximate, exact, bound, flushes, seed))
        for name, (exact, bound) in APPROXIMATIONS.items()
        for flushes in (False, True)
    }
    return OPERATIONS | approximations
