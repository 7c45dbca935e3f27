"""Checks of the parameters of a loss, and of the terms of a sum."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from boxloss.check import check_bool, check_finite, check_not_negative
from boxloss.libraries.arrays import is_compiling


def check_parameter(name: str, kind: object, value: object) -> Any:
    """Check a parameter of a loss, by its type; those of other types are checked by the loss."""
    if name == "eps":
        return check_not_negative(name, value)
    check = _CHECKS.get(kind if isinstance(kind, str) else getattr(kind, "__name__", ""))
    return check(name, value) if check else value


# By name: with `from __future__ import annotations` a type is told as text.
_CHECKS: dict[str, Callable[[str, object], Any]] = {"float": check_finite, "bool": check_bool}


def check_parameter_names(kind: type, annotations: Mapping[str, Any], base: type) -> None:
    """Check that parameters of a loss, those that are annotated, are not called as something public of every loss."""
    for name, annotation in annotations.items():
        is_taken = name == "program" or (hasattr(base, name) and not name.startswith("_"))
        if is_taken and "ClassVar" not in str(annotation):
            words = "which losses use; what a class says of itself is a ClassVar"
            raise TypeError(f"a parameter of {kind.__name__} must have another name than {name!r}, {words}")


def check_no_boxes(kind: type, parameters: Iterable[object]) -> None:
    """Check that parameters of a loss are numbers and names: boxes are for the loss, not for its class."""
    # Not of a number, of which a graph of torch.compile has no attributes.
    others = (parameter for parameter in parameters if not isinstance(parameter, int | float))
    shapes: list[Any] = [getattr(parameter, "shape", ()) for parameter in others]
    if any(shape and shape[-1] >= 4 for shape in shapes):
        name = kind.__name__
        raise TypeError(
            f"{name} takes the parameters of a loss, not boxes: give those to a loss, {name}()(pred, target)"
        )


def check_one_direction(terms: Iterable[tuple[float, Any]]) -> None:
    """Check of a sum with a loss that is a score by itself that all terms grow with the match, or that none does."""
    if is_compiling() or not any(type(loss).is_score is True for _, loss in terms):  # a graph's weights may vary
        return
    told = {
        loss.is_score == (weight > 0.0): f"{weight:g} * {type(loss).__name__}"
        for weight, loss in terms
        if weight != 0.0
    }
    if len(told) == 2:
        raise ValueError(
            f"terms of a sum must all grow with the match, or all fall; got {told[True]}, which grows, and "
            f"{told[False]}, which falls"
        )


def check_pairs(terms: Any) -> list[tuple[Any, Any]]:
    """Check that the terms of a sum are one or more pairs of a weight and a loss."""
    pairs = list(terms) if isinstance(terms, Iterable) else [terms]
    if not pairs:
        raise ValueError("terms must hold at least one pair (weight, loss); got none")
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"terms must be pairs (weight, loss); got {type(pair).__name__}")
    return pairs
