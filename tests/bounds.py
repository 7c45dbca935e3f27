"""How near a result must be to the true one.

A value is within `BOUND` of the true one relative to the larger of the value and 1, and a component of a gradient
relative to the largest component of that row, for boxes whose sides are from 0.4 to 4 about the origin.
"""

import numpy as np

BOUND = {"float32": 1e-5, "float64": 1e-12, "float16": 1e-3, "bfloat16": 8e-3}


def in_dtype(pairs, dtype):
    """The pairs in a float type, and the same numbers in float64."""
    given = [a.astype(dtype) for a in pairs]
    return given, [a.astype(np.float64) for a in given]


def value_error(result, expected):
    """The largest error of a value; NaN if one is NaN."""
    return np.max(np.abs(result - expected) / np.maximum(np.abs(expected), 1.0), initial=0.0)


def gradient_error(result, expected, floor=0.0):
    """The largest error of a component of a gradient; infinite if one of a zero gradient is not 0.

    It is relative to the floor at least: an exponential that fades loses digits on its way to 0.
    """
    error, largest = np.abs(result - expected), np.max(np.abs(expected), axis=-1, keepdims=True)
    largest = np.maximum(largest, floor)
    relative = np.divide(error, largest, out=np.where(error == 0.0, 0.0, np.inf), where=largest > 0.0)
    return np.max(relative, initial=0.0)


def check_values(result, expected, dtype):
    assert result.dtype == dtype
    assert result.shape == expected.shape
    assert value_error(result, expected) <= BOUND[dtype]


def check_gradients(result, expected, dtype, floor=0.0):
    assert result.dtype == dtype
    assert result.shape == expected.shape
    assert gradient_error(result, expected, floor) <= BOUND[dtype]
