"""Checks of arguments that are names and numbers; those of arrays are in `boxloss.check_arrays`.

An error says which argument was wrong, what came and what was wanted.
"""

import math
import operator
import warnings
from collections.abc import Collection, Iterable
from inspect import currentframe
from typing import Any

import numpy as np

from boxloss.formulas.names import PACKAGE
from boxloss.shapes.box import Image
from boxloss.shapes.formats import ALL_FORMATS, FORMATS

UNREAD = (
    "image_size is not read: neither the formats nor the loss need it. "
    "Leave it out, or give a format such as 'rel_xyxy'"
)
GIVEN_TO_A_LOSS = ". Give it in the call, or to the loss where it takes one, as MPDIoU(image_size=(480, 640))"
LARGEST_COUNT = 2**31 - 1  # that indices of every array library hold
REDUCTIONS = ("none", "mean", "sum")
WRT = {"pred": ("pred",), "target": ("target",), "both": ("pred", "target")}


def check_choice(name: str, value: object, choices: Collection[str]) -> str:
    """Check that a value is one of a few names."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}")
    return value


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Ask whether the most similar of the known words was meant, if there is one."""
    from difflib import get_close_matches

    by_lower = {name.lower(): name for name in sorted(known, reverse=True)}  # of equal ones the one in small letters
    near = get_close_matches(word.lower(), list(by_lower), 1)
    return f" Did you mean {by_lower[near[0]]!r}?" if near else ""


def kind_of_object(value: object) -> str:
    """Describe what came instead of an instance."""
    return f"the class {value.__name__}, not an instance of it" if isinstance(value, type) else type(value).__name__


def check_bool(name: str, value: object) -> bool:
    """Check that a value is True or False."""
    if not isinstance(value, bool | np.bool_):
        came = repr(value) if isinstance(value, str | float | int) else type(value).__name__
        raise TypeError(f"{name} must be True or False; got {came}")
    return bool(value)


def check_finite(name: str, value: object) -> float:
    """Check a finite number, and make it a Python float."""
    if isinstance(value, str):  # float() would take '5'
        raise TypeError(f"{name} must be a number; got the string {value!r}")
    if isinstance(value, bool | np.bool_):  # and True, which is meant for a switch
        raise TypeError(f"{name} must be a number; got {bool(value)}")
    if not isinstance(value, int | float) and getattr(value, "requires_grad", False):
        raise TypeError(f"{name} must be a number; got a tensor that requires grad, whose gradient would be lost")
    try:
        number = float(value)  # type: ignore[arg-type]
    except OverflowError:
        number = math.inf
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number; got {type(value).__name__}") from None
    if not -math.inf < number < math.inf:  # torch.compile knows no isfinite of a number that varies
        raise ValueError(f"{name} must be finite; got {number!r}")
    return number


def check_positive(name: str, value: object) -> float:
    """Check a finite number above 0, and not so small that its inverse is infinite in float32."""
    number = check_finite(name, value)
    if number < 1e-30:
        raise ValueError(f"{name} must be greater than 0 (1e-30 or more); got {number!r}")
    return number


def check_not_negative(name: str, value: object) -> float:
    """Check a finite number that is 0 or more."""
    number = check_finite(name, value)
    if number < 0.0:
        raise ValueError(f"{name} must not be negative; got {number!r}")
    return number


def check_at_least(name: str, value: object, least: float) -> float:
    """Check a finite number that is not below another."""
    number = check_finite(name, value)
    if number < least:
        raise ValueError(f"{name} must be at least {least:g}; got {number!r}")
    return number


def check_within(name: str, value: object, least: float, most: float) -> float:
    """Check a number between two others, which it may equal."""
    number = check_finite(name, value)
    if not least <= number <= most:
        raise ValueError(f"{name} must be from {least:g} to {most:g}; got {number!r}")
    return number


def check_count(name: str, value: object) -> int:
    """Check a whole number that is 1 or more."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number; got {type(value).__name__}")
    if number < 1:
        raise ValueError(f"{name} must be at least 1; got {number}")
    return number


def check_k(value: object) -> int:
    """Check how many of the best are wanted: more than there are, too, but no more than an array has of anything."""
    number = check_count("k", value)
    if number > LARGEST_COUNT:
        raise ValueError(f"k must be at most {LARGEST_COUNT}; got {number}")
    return number


def check_seed(seed: object) -> int:
    """Check a seed of random numbers: a whole number that is 0 or more."""
    try:
        number = operator.index(seed)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"seed must be a whole number; got {type(seed).__name__}") from None
    if number < 0:
        raise ValueError(f"seed must not be negative; got {number}")
    return number


def check_reduction(reduction: str, avg_factor: float | None) -> float | None:
    """Check the name of a reduction, and the divisor of a mean where one was given."""
    if avg_factor is None and reduction == "none":
        return None
    check_choice("reduction", reduction, REDUCTIONS)
    if avg_factor is None:
        return None
    if reduction != "mean":
        raise ValueError(f"avg_factor is the divisor of reduction='mean'; got it with reduction={reduction!r}")
    divisor = check_not_negative("avg_factor", avg_factor)
    if divisor and math.isinf(1.0 / divisor):
        raise ValueError(f"avg_factor must be 0 or a number whose inverse is finite; got {divisor!r}")
    return divisor


def check_wrt(wrt: object) -> tuple[str, ...]:
    """Check which boxes a gradient is with respect to, and list them."""
    return WRT[check_choice("wrt", wrt, WRT)]


def check_format(name: object) -> None:
    """Check a format of losses."""
    if isinstance(name, str) and name in ALL_FORMATS and name not in FORMATS:
        raise ValueError(
            f"format {name!r} is one to convert from: eight numbers that may be no rectangle have no loss. "
            f"Give boxloss.convert(boxes, {name!r}, 'cxcywha') and format='cxcywha'"
        )
    try:
        check_choice("format", name, FORMATS)
    except ValueError as error:
        hint = did_you_mean(name, FORMATS) if isinstance(name, str) and len(name) > 3 else ""
        raise ValueError(f"{error}{hint and '.'}{hint}") from None


def told_formats(came: tuple[int, ...]) -> str:
    """Say of which formats boxes with so many numbers are, if there are any."""
    names = [repr(name) for name, own in ALL_FORMATS.items() if came == (own.size,) and not own.relative]
    if not names:
        return ""
    others = ", ".join(names[:-1]) + " or " * (len(names) > 1) + names[-1]
    return f". Boxes of {came[0]} numbers are of format {others}"


def check_formats(
    format: str | tuple[str, str], image_size: tuple[float, float] | None, *, reader: str = ""
) -> tuple[tuple[str, str], Image]:
    """Check the formats of pred and target, and the size of the image, which `reader` may read beside formats.

    A size that neither a format nor the loss reads is told of and no error: a program may give it with every format.
    """
    pair = format if isinstance(format, tuple) else (format, format)
    if len(pair) != 2:
        raise ValueError(f"format must be one name or a pair of names for pred and target; got {len(pair)} names")
    for name in pair:
        check_format(name)
    hint = GIVEN_TO_A_LOSS if reader else ""
    reader = reader or relative_among(*pair)
    image = check_image_size(image_size, reader=reader, hint=hint)
    for name in pair:
        check_square(name, image)
    if image_size is not None and not reader:
        warnings.warn(UNREAD, stacklevel=_frames_of_package())
    return pair, image


def relative_among(*formats: str) -> str:
    """Say which of some formats reads the size of the image: the first that is relative; nothing if none is."""
    return next((f"format {name!r}" for name in formats if ALL_FORMATS[name].relative), "")


def check_image_size(image_size: Any, *, reader: str = "", hint: str = "", name: str = "image_size") -> Image:
    """Make (height, width) an `Image`; `reader` says what reads it: a format, a function, a loss, or nothing.

    Where it is missing `hint` is told too.
    """
    if image_size is None:
        if not reader:
            return Image()
        raise TypeError(f"{name} must be a pair (height, width), which {reader} reads; got None{hint}")
    try:
        height, width = image_size
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a pair (height, width); got {image_size!r}") from None
    return Image(_check_side(f"width of {name}", width), _check_side(f"height of {name}", height))


def check_square(format: str, image: Image) -> None:
    """Check that the image is square for a relative format with an angle, which has no meaning in others."""
    own = ALL_FORMATS[format]
    if own.relative and own.per_radian is not None and image.width != image.height:
        raise ValueError(
            f"format {format!r} needs an image that is square: fractions of a width and of another height turn a "
            f"rectangle and its angle into a parallelogram; got image_size=({image.height:g}, {image.width:g}). "
            "Give boxes in pixels, or corners as fractions, which boxloss.convert reads as 'rel_xyxyxyxy'"
        )


def _check_side(name: str, value: object) -> float:
    number = check_positive(name, value)
    if number > 1e16:  # what formulas promise finite results for
        raise ValueError(f"{name} must be at most 1e16; got {number!r}")
    return number


def _frames_of_package() -> int:
    """Find the `stacklevel` of a warning at the caller of this package."""
    level, here = 1, currentframe()
    frame = here and here.f_back  # None where Python has no frames
    while frame and frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == PACKAGE:
        level, frame = level + 1, frame.f_back
    return level
