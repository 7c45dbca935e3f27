"""Losses of somebody's own that are made of a relation of their own: the difference of the areas."""

from dataclasses import dataclass

from boxloss.losses.overlap import OverlapLoss
from boxloss.shapes.relations import negated
from boxloss.shapes.shape import Partials, Relation


def _size(xp, box, image):
    return (box.x2 - box.x1) * (box.y2 - box.y1)


def difference(xp, pair):
    return _of_two(xp, pair, _size(xp, pair.given, pair.image), _size(xp, pair.given_other, pair.image))


def _of_two(xp, pair, pred, target):
    return pred - target


def _pullback(xp, pair, d):
    w, h = pair.box.x2 - pair.box.x1, pair.box.y2 - pair.box.y1
    return Partials(box=type(pair.box)(-d * h, -d * w, d * h, d * w))


area_difference = Relation("area_difference", difference, _pullback, negated, _size, _of_two)


@dataclass(frozen=True)
class AreaDifference(OverlapLoss):
    """The squared difference of the areas, times a number of its own: a part of each box that is no angle."""

    scale: float = 1.0
    relations = (area_difference,)
    expression = "scale (w h - W H)^2"
    value_range = "[0, inf)"

    @staticmethod
    def formula(xp, difference, scale):
        return scale * difference * difference, (2.0 * scale * difference,)
