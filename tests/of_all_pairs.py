"""What a matrix of all pairs says that verbs must find which look at some of them only."""

import numpy as np


def check_within(loss, pred, target, threshold, above, **options):
    """Both arrays of indices and the values, to the last bit of what the matrix says."""
    matrix = np.asarray(loss.pairwise(pred, target, **options))
    i, j = np.nonzero(matrix > threshold if above else matrix < threshold)
    found = (loss.above if above else loss.below)(pred, target, threshold, **options)
    for got, expected in zip(found, (i, j, matrix[i, j]), strict=True):
        np.testing.assert_array_equal(got, expected)
        assert got.dtype == expected.dtype
    return len(i)


def survivors(is_alike, scores, group=None):
    """What the definition of a suppression keeps, box by box, from which boxes are too much alike."""
    is_out, kept = np.zeros(len(scores), bool), []
    for i in np.argsort(-scores, kind="stable"):
        if not is_out[i]:
            kept.append(int(i))
            is_out |= is_alike[i] & (True if group is None else group == group[i])
    return kept
