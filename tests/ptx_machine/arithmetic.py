"""What instructions compute, for all threads at once: tables of functions of NumPy arrays.

A float instruction rounds once, as IEEE 754 has it. A float `add`, `sub` or `mul` without `.rn` is not in the table:
the assembler is free to fuse it, so what it gives is not known.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic

Function = Callable[..., Any]
TYPES: dict[str, Any] = {
    "pred": np.dtype(np.bool_),
    **{f"{kind}{bits}": np.dtype(f"u{bits // 8}") for kind in "bu" for bits in (8, 16, 32, 64)},
    **{f"s{bits}": np.dtype(f"i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"f{bits}": np.dtype(f"f{bits // 8}") for bits in (32, 64)},
}


# --- Floats -----------------------------------------------------------------------------------------------------------


@intrinsic
def _fma(context: Any, a: Any, b: Any, c: Any) -> Any:
    """LLVM's fused multiply-add, which rounds once on every machine."""
    return a(a, b, c), lambda context, builder, signature, arguments: builder.fma(*arguments)


@numba.vectorize([types.float32(*[types.float32] * 3), types.float64(*[types.float64] * 3)])
def _rounded_once(a: Any, b: Any, c: Any) -> Any:
    return _fma(a, b, c)


def fma(a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once."""
    return _rounded_once.ufunc(a, b, c)  # without Numba's own call, which takes as long again


def minimum(a: Any, b: Any) -> Any:
    """The smaller of the two, and the number if one is NaN; -0 is smaller than 0."""
    return np.where(a == b, _joined(np.bitwise_or, a, b), np.fmin(a, b))


def maximum(a: Any, b: Any) -> Any:
    """The larger of the two, likewise."""
    return np.where(a == b, _joined(np.bitwise_and, a, b), np.fmax(a, b))


def _joined(function: Function, a: Any, b: Any) -> Any:
    """Of the bits of two equal floats, of which only the sign of zeros can differ."""
    kind = f"u{a.dtype.itemsize}"
    return function(a.view(kind), b.view(kind)).view(a.dtype)


def or_nan(function: Function) -> Function:
    """Minimum or maximum that is NaN if an operand is."""
    return lambda a, b: np.where(np.isnan(a) | np.isnan(b), a.dtype.type(np.nan), function(a, b))


FLOATS: dict[str, Function] = {
    "add.rn": np.add,
    "sub.rn": np.subtract,
    "mul.rn": np.multiply,
    "div.rn": np.divide,
    "rcp.rn": np.reciprocal,
    "sqrt.rn": np.sqrt,
    "fma.rn": fma,
    "min": minimum,
    "max": maximum,
    "min.NaN": or_nan(minimum),
    "max.NaN": or_nan(maximum),
    "abs": np.abs,
    "neg": np.negative,
    "mov": np.copy,
}


# --- Integers and bits ------------------------------------------------------------------------------------------------


def width(a: Any) -> int:
    """How many bits a number has."""
    return 8 * a.dtype.itemsize


def widen(a: Any) -> Any:
    """A number in twice as many bits."""
    return a.astype(f"{a.dtype.kind}{2 * a.dtype.itemsize}")


def high_half(a: Any, b: Any) -> Any:
    """The upper half of the product of 32-bit numbers."""
    return (widen(a) * widen(b) >> 32).astype(a.dtype)


def shift_left(a: Any, n: Any) -> Any:
    """Zeros come in, and nothing else is left from the width on."""
    return np.where(n < width(a), a << np.minimum(n, width(a) - 1).astype(a.dtype), a.dtype.type(0))


def shift_right(a: Any, n: Any) -> Any:
    """The sign comes in for a signed number, zeros for another."""
    shifted = a >> np.minimum(n, width(a) - 1).astype(a.dtype)
    return shifted if a.dtype.kind == "i" else np.where(n < width(a), shifted, a.dtype.type(0))


def bits_of(a: Any) -> Any:
    """The bits of a number, the lowest first, along a new axis."""
    return a[..., None] >> np.arange(width(a), dtype=a.dtype) & a.dtype.type(1)


def count_of_bits(a: Any) -> Any:
    """How many bits are set."""
    return bits_of(a).sum(axis=-1, dtype=np.uint32)


def leading_zeros(a: Any) -> Any:
    """How many bits from the highest on are not set."""
    highest = np.where(bits_of(a) != 0, np.arange(1, width(a) + 1), 0).max(axis=-1)
    return (width(a) - highest).astype(np.uint32)


def reversed_bits(a: Any) -> Any:
    """The bits in the other order."""
    places = np.arange(width(a) - 1, -1, -1, dtype=a.dtype)
    return (bits_of(a) << places).sum(axis=-1, dtype=a.dtype)


def steps_to_highest_bit(a: Any) -> Any:
    """By how much the highest bit that is set has to be shifted to be the highest of all; all ones if none is."""
    return np.where(a == 0, np.uint32(2**32 - 1), leading_zeros(a))


def with_bits(a: Any, b: Any, start: Any, count: Any) -> Any:
    """The lowest `count` bits of `a` in the place of those of `b` from `start` on."""
    start, count = np.minimum(start & 255, width(a)), np.minimum(count & 255, width(a))
    ones = ~shift_left(~np.zeros_like(a), count)
    return (b & ~shift_left(ones, start)) | shift_left(a & ones, start)


INTEGERS: dict[str, Function] = {
    "add": np.add,
    "sub": np.subtract,
    "mul.lo": np.multiply,
    "mul.hi": high_half,
    "mad.lo": lambda a, b, c: a * b + c,
    "min": np.minimum,
    "max": np.maximum,
    "abs": np.abs,
    "neg": np.negative,
    "mov": np.copy,
}
UNSIGNED: dict[str, Function] = INTEGERS | {
    "div": np.floor_divide,
    "rem": np.remainder,
    "cvta": np.copy,
    "cvta.to.global": np.copy,
    "cvta.shared": np.copy,
    "bfind.shiftamt": steps_to_highest_bit,
}
BITS: dict[str, Function] = {
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "not": np.invert,
    "mov": np.copy,
    "popc": count_of_bits,
    "clz": leading_zeros,
    "brev": reversed_bits,
}
# Operands and result are of one type, whose first letter this is.
OPERATIONS = {"f": FLOATS, "s": INTEGERS, "u": UNSIGNED, "b": BITS, "p": BITS}
# The second operand is an unsigned number of 32 bits.
SHIFTS: dict[str, Function] = {"shl": shift_left, "shr": shift_right}
# The result is twice as wide, and so is what is added.
WIDE: dict[str, Function] = {
    "mul.wide": lambda a, b: widen(a) * widen(b),
    "mad.wide": lambda a, b, c: widen(a) * widen(b) + c,
}


# --- Comparisons and conversions --------------------------------------------------------------------------------------

# With "u" after it, a comparison is true if one of two floats is NaN.
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


def truncate(a: Any, to: Any) -> Any:
    """A float as an integer, rounded towards zero: the nearest there is if it is out of range, and 0 for NaN."""
    limits, whole = np.iinfo(to), np.trunc(a).astype(np.float64)
    small, large = whole <= float(limits.min), whole >= float(limits.max)
    inside = np.where(small | large | np.isnan(a), 0.0, whole).astype(to)
    return np.where(small, limits.min, np.where(large, limits.max, inside)).astype(to)


# Whatever else cvt is asked for (another rounding, saturation) is not known. NumPy's own conversions are those of
# "": between integers, and to a wider float; and of "rn": to a float, the nearest.
CONVERSIONS: dict[str, Function] = {
    "": lambda a, to: a.astype(to),
    "rn": lambda a, to: a.astype(to),
    "rzi": truncate,
}
