"""What a matrix of all pairs says that verbs must find which look at some of them only."""

import numpy as np

import boxloss as bl


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
    """What the definition of a suppression keeps, box by box.

    Which boxes are too much alike is said by a matrix, or by a function of a box's number that gives its row.
    """
    row = is_alike if callable(is_alike) else is_alike.__getitem__
    is_out, kept = np.zeros(len(scores), bool), []
    for i in np.argsort(-scores, kind="stable"):
        if not is_out[i]:
            kept.append(int(i))
            is_out |= row(i) & (True if group is None else group == group[i])
    return kept


def lower_gaussian(score):
    """The factor of scores, with sigma = 0.4."""
    return np.exp(-score * score / 0.4)


def soft_survivors(score, scores, lower, min_score=0.05):
    """What the definition of Bodla et al., figure 2, keeps and leaves of the scores, from the IoU of all with all."""
    now, left, kept = scores.copy(), list(range(len(scores))), []
    while left:
        i = max(left, key=lambda k: (now[k], -k))
        left.remove(i)
        if now[i] > min_score:
            kept.append((i, now[i]))
            now[left] *= lower(score[i, left])
    return kept


def check_soft_nms(boxes, scores, score, **options):
    """The gaussian kind, against its definition."""
    kept = soft_survivors(score, scores, lower_gaussian)
    indices, lowered = bl.soft_nms(boxes, scores, sigma=0.4, min_score=0.05, **options)
    assert indices.tolist() == [i for i, _ in kept]
    np.testing.assert_allclose(lowered, [s for _, s in kept])
