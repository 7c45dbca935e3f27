"""What `nearest` and `topk` have to give, read from a matrix, and a loss that does not heed NaN."""

from dataclasses import dataclass

import numpy as np

from boxloss.losses.coordinate import CoordinateLoss


def best_of(matrix, is_score, k):
    """The best values of each row and their columns, by a stable sort; a NaN is none."""
    matrix = np.asarray(matrix)
    keys = -matrix if is_score else matrix
    index = np.argsort(keys, axis=-1, kind="stable")[..., :k]
    value = np.take_along_axis(matrix, index, axis=-1)
    none = np.isnan(value)
    value, index = np.where(none, -np.inf if is_score else np.inf, value), np.where(none, -1, index)
    rest = [(0, 0)] * (matrix.ndim - 1) + [(0, k - value.shape[-1])]
    return (
        np.pad(value, rest, constant_values=-np.inf if is_score else np.inf),
        np.pad(index, rest, constant_values=-1),
    )


@dataclass(frozen=True)
class Insensitive(CoordinateLoss):
    """A formula that makes a number of NaN: 0 for boxes that are not there."""

    margin: float = 1.0
    expression = "sum max(|e| - margin, 0)"
    value_range = "[0, inf)"

    @staticmethod
    def formula(xp, e, margin):
        outside = xp.abs(e) > margin
        return xp.where(outside, xp.abs(e) - margin, 0.0), xp.where(outside, xp.sign(e), 0.0)


def check(loss, pred, target, engine, mask=None, k=4, **options):
    """Both verbs, to the last bit of what the matrix says."""
    matrix = loss.pairwise(pred, target, engine=engine, **options)
    if mask is not None:
        matrix = np.where(mask[..., None, :], matrix, np.nan)
    if k:
        value, index = best_of(matrix, loss.is_score, k)
        found = loss.topk(pred, target, k, target_mask=mask, engine=engine, **options)
        np.testing.assert_array_equal(found[0], value)
        np.testing.assert_array_equal(found[1], index)
    found = loss.nearest(pred, target, target_mask=mask, engine=engine, **options)
    value, index = best_of(matrix, loss.is_score, 1)
    np.testing.assert_array_equal(found[0], value[..., 0])
    np.testing.assert_array_equal(found[1], index[..., 0])
    assert found[0].dtype == np.asarray(matrix).dtype
    assert found[1].dtype == np.int64
