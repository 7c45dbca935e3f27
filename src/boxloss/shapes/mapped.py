"""Pairs of boxes that are made of a pair."""

from collections.abc import Callable
from typing import NamedTuple

from boxloss.shapes.shape import Gradient, Pair

Way = Callable[[bool], Gradient]  # the gradient with respect to the first box, or to the other


class Mapped(NamedTuple):
    """A pair made of another, and ``back(gradient)``: the gradient with respect to the boxes that it was made of."""

    pair: Pair
    back: Callable[[Way], Way]
