"""The pairs within a threshold, found by where boxes are; and what these suppress."""
