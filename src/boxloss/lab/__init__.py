"""See and measure why one loss beats another.

Boxes are (x, y, w, h) here: centre and size, the format ``"cxcywh"``. `boxloss.convert` makes them of others.
"""

from boxloss.lab.correlation import Agreement, Correlation, correlate
from boxloss.lab.descent import Descent, descend
from boxloss.lab.explorer import explore
from boxloss.lab.generators import Pairs, coco_pairs, generate
from boxloss.lab.landscapes import Landscape, Statistics, landscape
from boxloss.lab.simulation import Simulation, simulate

__all__ = [
    "Agreement",
    "Correlation",
    "Descent",
    "Landscape",
    "Pairs",
    "Simulation",
    "Statistics",
    "coco_pairs",
    "correlate",
    "descend",
    "explore",
    "generate",
    "landscape",
    "simulate",
]
