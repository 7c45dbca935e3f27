"""Boxes in space: a box of the ground plane, axis-aligned or with a yaw, times an interval along z."""
