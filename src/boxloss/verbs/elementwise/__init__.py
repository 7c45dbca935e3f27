"""Pairs of boxes: a value for each, and its gradients."""
