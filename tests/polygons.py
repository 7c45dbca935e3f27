"""Boxes with an angle as polygons in many digits: a reference for their overlap that shares nothing with the package.

Rationals are exact but for the cosine and the sine, of which 60 digits are taken.
"""

from fractions import Fraction

import mpmath
import numpy as np

mpmath.mp.dps = 60


def rational(number):
    """A float or a number of mpmath as a fraction."""
    if isinstance(number, mpmath.mpf):
        sign, mantissa, exponent, _ = number._mpf_
        return (-1) ** sign * Fraction(int(mantissa)) * Fraction(2) ** exponent
    return Fraction(float(number))


def corners(box):
    """The corners of (x, y, w, h, angle in radians), one after the other."""
    angle = mpmath.mpf(float(box[4]))
    return turned_corners(*box[:4], mpmath.cos(angle), mpmath.sin(angle))


def turned_corners(x, y, w, h, cos, sin):
    """Likewise, of a box whose cosine and sine are these numbers."""
    x, y, w, h, cos, sin = map(rational, (x, y, w, h, cos, sin))
    along, across = (w * cos / 2, w * sin / 2), (-h * sin / 2, h * cos / 2)
    return [
        (x + i * along[0] + j * across[0], y + i * along[1] + j * across[1])
        for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]


def clipped(polygon, start, end):
    """What of a polygon lies left of the line from start to end."""
    side = [(end[0] - start[0]) * (p[1] - start[1]) - (end[1] - start[1]) * (p[0] - start[0]) for p in polygon]
    found = []
    for k, (p, s) in enumerate(zip(polygon, side, strict=True)):
        q, t = polygon[(k + 1) % len(polygon)], side[(k + 1) % len(polygon)]
        if s >= 0:
            found.append(p)
        if (s > 0 > t) or (s < 0 < t):
            share = s / (s - t)
            found.append((p[0] + share * (q[0] - p[0]), p[1] + share * (q[1] - p[1])))
    return found


def area(polygon):
    """The area of a polygon."""
    pairs = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return sum((p[0] * q[1] - q[0] * p[1] for p, q in pairs), start=Fraction(0)) / 2


def intersection(box, other):
    """The area that two boxes share, as a fraction."""
    return shared(corners(box), corners(other))


def shared(polygon, around):
    """The area that two polygons of four corners share."""
    for k in range(4):
        polygon = clipped(polygon, around[k], around[(k + 1) % 4])
    return area(polygon) if len(polygon) > 2 else Fraction(0)


def iou(box, other):
    """The IoU of two boxes with area, as a fraction."""
    shared = intersection(box, other)
    sizes = (rational(b[2]) * rational(b[3]) for b in (box, other))
    return shared / (sum(sizes) - shared)


def ious(boxes, others):
    """The IoU of each pair, rounded once."""
    return np.asarray([float(iou(b, o)) for b, o in zip(boxes, others, strict=True)])


def enclosing(box, other):
    """The sides of the rectangle along `other` that encloses both, as fractions."""
    angle = mpmath.mpf(float(other[4]))
    cos, sin = rational(mpmath.cos(angle)), rational(mpmath.sin(angle))
    points = corners(box) + corners(other)
    along = [x * cos + y * sin for x, y in points]
    across = [y * cos - x * sin for x, y in points]
    return max(along) - min(along), max(across) - min(across)
