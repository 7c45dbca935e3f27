"""Non-maximum suppression: of boxes that are much alike the one with the highest score."""

from boxloss.suppression.hard import nms
from boxloss.suppression.soft import soft_nms

__all__ = ["nms", "soft_nms"]
