"""Losses made of a loss: modifiers, one file each. They nest, add up, and run wherever the loss does."""

from boxloss.losses.modifiers.alpha import Alpha
from boxloss.losses.modifiers.axis_enclosing import AxisEnclosing
from boxloss.losses.modifiers.focal import Focal
from boxloss.losses.modifiers.focaler import Focaler
from boxloss.losses.modifiers.inner import Inner
from boxloss.losses.modifiers.interpolated import Interpolated
from boxloss.losses.modifiers.scaled import Scaled
from boxloss.losses.modifiers.wise import Wise, WiseState

MODIFIERS = (Inner, Focaler, Alpha, Focal, Wise, Scaled, Interpolated, AxisEnclosing)

__all__ = ["Alpha", "AxisEnclosing", "Focal", "Focaler", "Inner", "Interpolated", "Scaled", "Wise", "WiseState"]
