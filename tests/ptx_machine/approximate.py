"""The approximate instructions of float32: any number as near to the true value as the PTX ISA documents.

Which one is drawn by the bits of the operands and a seed. A kernel that is right for every seed needs no more of the
hardware than is promised; as on hardware, the same operands give the same result.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

Function = Callable[..., Any]
NORMAL = np.finfo(np.float32).tiny  # the smallest normal number


def ulps(count: float) -> Function:
    """A bound in units of the last place of the true value in float32."""
    return lambda true, *operands: count * np.spacing(np.abs(true).astype(np.float32)).astype(np.float64)


def relative(bound: float) -> Function:
    """A bound relative to the true value."""
    return lambda true, *operands: bound * np.abs(true)


def bound_of_logarithm(true: Any, a: Any) -> Any:
    """Absolute near 1, relative elsewhere."""
    return 2.0**-22 * np.where((a > 0.5) & (a < 2.0), 1.0, np.abs(true))


def times_inverse(a: Any, b: Any) -> Any:
    """`div.approx`, a * (1 / b): 0 or NaN where the inverse of b is subnormal, and NaN where nothing is documented."""
    lost = np.where(np.isinf(a), np.nan, np.copysign(0.0, a) * np.sign(b))
    huge, subnormal = np.isfinite(b) & (np.abs(b) > 2.0**126), (b != 0.0) & (np.abs(b) < NORMAL)
    return np.where(subnormal, np.nan, np.where(huge, lost, a / b))


# The true value of operands in float64, and the bound of the error.
APPROXIMATIONS: dict[str, tuple[Function, Function]] = {
    "rcp.approx": (lambda a: 1.0 / a, ulps(1)),
    "div.full": (lambda a, b: a / b, ulps(2)),
    "div.approx": (times_inverse, ulps(2)),
    "sqrt.approx": (np.sqrt, relative(2.0**-23)),
    "rsqrt.approx": (lambda a: 1.0 / np.sqrt(a), relative(2.0**-22.9)),
    "ex2.approx": (np.exp2, relative(2.0**-22)),
    "lg2.approx": (np.log2, bound_of_logarithm),
}


def flush(a: Any) -> Any:
    """Subnormal numbers as zeros of their sign."""
    return np.where(np.abs(a) < NORMAL, np.copysign(np.float32(0), a), a)


def uniform(seed: int, operands: Any) -> Any:
    """Numbers from -1 to 1 that depend on the seed and the bits of the operands, and look random."""
    bits = np.uint64(seed)
    for operand in operands:
        bits = (bits ^ operand.view(np.uint32).astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = bits ^ (bits >> np.uint64(32))
    return bits.astype(np.float64) / 2.0**63 - 1.0


def approximate(exact: Function, bound: Function, flushes: bool, seed: int, *operands: Any) -> Any:
    """A float32 no further from the true value than the bound. Zeros, infinities and NaN are as documented: exact."""
    if flushes:
        operands = tuple(map(flush, operands))
    doubles = [a.astype(np.float64) for a in operands]
    true = exact(*doubles)
    most, nearest = bound(true, *doubles), true.astype(np.float32)
    moved = (true + uniform(seed, operands) * most).astype(np.float32)
    may_move = np.isfinite(nearest) & (true != 0.0) & (np.abs(moved - true) <= most)
    result = np.where(may_move, moved, nearest)
    return flush(result) if flushes else result


def approximations(seed: int) -> dict[str, Function]:
    """The instructions by name, with `.ftz` and without."""
    return {
        f"{name}{'.ftz' * flushes}": partial(approximate, exact, bound, flushes, seed)
        for name, (exact, bound) in APPROXIMATIONS.items()
        for flushes in (False, True)
    }
