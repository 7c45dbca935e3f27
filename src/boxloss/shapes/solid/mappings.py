"""Pairs of boxes in space made of a pair, and differences: those of the ground plane together with those along z."""

from collections.abc import Callable
from functools import cache

from boxloss.shapes.mapped import Mapped, Way
from boxloss.shapes.shape import Gradient, Numbers
from boxloss.shapes.solid import interval
from boxloss.shapes.solid.box import SolidGradient
from boxloss.shapes.solid.pair import SolidPair, joined, part_of
from boxloss.typing import Namespace, Number


def scaled(pair: SolidPair, ratio: Number) -> Mapped:
    """Scale both boxes about their own centres."""
    return together(pair, pair.ground_shape.scaled(pair.ground, ratio), interval.scaled(pair.height, ratio))


def interpolated(pair: SolidPair, alpha: Number) -> Mapped:
    """Move the first box towards the other by the share alpha of the way, and turn it by the shorter way."""
    return together(pair, pair.ground_shape.interpolated(pair.ground, alpha), interval.interpolated(pair.height, alpha))


def together(pair: SolidPair, ground: Mapped, height: Mapped) -> Mapped:
    """Put together a pair in the ground plane and one of intervals."""

    def back(gradient: Way) -> Way:
        gradient = cache(gradient)  # both parts ask for it
        of_ground = ground.back(lambda exchanged: part_of(gradient(exchanged), 0))
        of_height = height.back(lambda exchanged: part_of(gradient(exchanged), 1))

        def of_boxes(exchanged: bool) -> Gradient:
            return joined(of_ground(exchanged), of_height(exchanged))

        return of_boxes

    return Mapped(pair.of_parts(ground.pair, height.pair), back)


def differences(xp: Namespace, pair: SolidPair, coordinates: str) -> tuple[Numbers, Callable[[Numbers], SolidGradient]]:
    """Compute the differences of the boxes of the ground plane, the yaw included, and those along z."""
    of_ground, ground_back = pair.ground_shape.differences(xp, pair.ground, coordinates)
    of_height, height_back = interval.differences(pair.height, coordinates)

    def back(d: Numbers) -> SolidGradient:
        *ground, first, last = d
        return SolidGradient(ground_back(tuple(ground)), height_back(first, last))

    return (*of_ground, *of_height), back
