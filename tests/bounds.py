"""How near a result must be to the true one.

A value is within `BOUND` of the true one relative to the larger of the value and 1, and a component of a gradient
relative to the largest component of that row, for boxes whose sides are from 0.4 to 4 about the origin.
"""

import numpy as np

BOUND = {"float32": 1e-5, "float64": 1e-12}


def in_dtype(pairs, dtype):
    """The pairs in a float type, and the same numbers in float64."""
    given = [a.astype(dtype) for a in pairs]
    return given, [a.astype(np.float64) for a in given]


def check_values(result, expected, dtype):
    assert result.dtype == dtype
    assert result.shape == expected.shape
    error = np.abs(result - expected) / np.maximum(np.abs(expected), 1.0)
    assert np.max(error, initial=0.0) <= BOUND[dtype]


def check_gradients(result, expected, dtype):
    assert result.dtype == dtype
    assert result.shape == expected.shape
    largest = np.max(np.abs(expected), axis=-1, keepdims=True)
    assert np.all(np.abs(result - expected) <= BOUND[dtype] * largest)
