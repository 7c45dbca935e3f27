"""Pairs of boxes that are made of a pair."""

from collections.abc import Callable
from typing import Any, NamedTuple

from boxloss.shapes.shape import Gradient, Pair, plus, times
from boxloss.typing import Number

Way = Callable[[bool], Gradient]  # the gradient with respect to the first box, or to the other


class Mapped(NamedTuple):
    """A pair made of another, and ``back(gradient)``: the gradient with respect to the boxes that it was made of."""

    pair: Pair
    back: Callable[[Way], Way]


def back_from_each(of_box: Callable[[Any], Any]) -> Callable[[Way], Way]:
    """Make the way back from boxes made each of one: ``of_box(d)``, from the gradient of that to that of this."""

    def back(gradient: Way) -> Way:
        def of_boxes(exchanged: bool) -> Gradient:
            d = plus(*gradient(exchanged))
            return Gradient() if d is None else Gradient(of_box(d))

        return of_boxes

    return back


def back_from_between(alpha: Number) -> Callable[[Way], Way]:
    """Make the way back from a first box that is moved towards the other by a share of the way."""
    rest = 1.0 - alpha

    def back(gradient: Way) -> Way:
        def of_boxes(exchanged: bool) -> Gradient:
            of_between = plus(*gradient(False))
            if not exchanged:
                return Gradient(times(of_between, rest))
            return Gradient(plus(plus(*gradient(True)), times(of_between, alpha)))

        return of_boxes

    return back
