"""Boxes with an angle: centre, sides and the direction of the first side."""
