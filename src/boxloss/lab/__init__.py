"""See and measure why one loss beats another.

Boxes are (x, y, w, h) here: centre and size, the format ``"cxcywh"``. `boxloss.convert` makes them of others.
"""

from boxloss.lab.descent import Descent, descend
from boxloss.lab.landscapes import Landscape, Statistics, landscape

__all__ = ["Descent", "Landscape", "Statistics", "descend", "landscape"]
