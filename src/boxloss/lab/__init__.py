"""See and measure why one loss beats another.

Boxes are (x, y, w, h) here: centre and size, the format ``"cxcywh"``. `boxloss.convert` makes them of others.
"""

from boxloss.lab.correlation import Agreement, Correlation, correlate
from boxloss.lab.descent import Descent, descend
from boxloss.lab.explorer import explore
from boxloss.lab.generators import Pairs, coco_pairs, generate
from boxloss.lab.landscapes import Landscape, Statistics, landscape
from boxloss.lab.simulation import Simulation, simulate
from boxloss.lab.training import Contender, Difference, Training, differences, train

__all__ = [
    "Agreement",
    "Contender",
    "Correlation",
    "Descent",
    "Difference",
    "Landscape",
    "Pairs",
    "Simulation",
    "Statistics",
    "Training",
    "coco_pairs",
    "correlate",
    "descend",
    "differences",
    "explore",
    "generate",
    "landscape",
    "simulate",
    "train",
]
