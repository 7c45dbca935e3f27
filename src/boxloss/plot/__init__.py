"""Figures of what `boxloss.lab` measures.

Every function takes results of the lab, one or several, and returns a Matplotlib figure with a panel or a line for
each. The colours read with any kind of colour vision, and a title says what is held fixed.
"""

from importlib.util import find_spec

if find_spec("matplotlib") is None:
    raise ImportError('boxloss.plot needs matplotlib: pip install "boxloss[lab]"')

from boxloss.plot.animation import animate
from boxloss.plot.contours import landscape
from boxloss.plot.files import save
from boxloss.plot.maps import final_map
from boxloss.plot.paths import descent
from boxloss.plot.scatter import correlation
from boxloss.plot.steps import curves
from boxloss.plot.surfaces import surface
from boxloss.plot.trainings import differences, training

__all__ = [
    "animate",
    "correlation",
    "curves",
    "descent",
    "differences",
    "final_map",
    "landscape",
    "save",
    "surface",
    "training",
]
