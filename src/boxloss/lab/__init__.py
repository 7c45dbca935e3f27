"""See and measure why one loss beats another.

Boxes are (x, y, w, h) here: centre and size, the format ``"cxcywh"``. `boxloss.convert` makes them of others.
"""

from boxloss.lab.descend import Descent, descend
from boxloss.lab.landscape import Landscape, Statistics, landscape

__all__ = ["Descent", "Landscape", "Statistics", "descend", "landscape"]
