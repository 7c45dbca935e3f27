"""The verbs that keep what matters of a matrix, over tiles of the CUDA engine."""

import numpy as np
import pytest

import boxloss as bl
from boxloss.verbs.pairwise import array
from generators import boxes


@pytest.mark.parametrize("loss", [bl.giou, bl.iou_score], ids=["giou", "iou_score"])
def test_what_the_matrix_says(loss, library, monkeypatch, rng):
    monkeypatch.setattr(array, "PAIRS_ON_CPU", 500)
    pred, target = boxes(rng, 40), boxes(rng, 70)
    matrix = loss.pairwise(pred, target, engine="cuda")
    order = np.argsort(-matrix if loss.is_score else matrix, axis=1, kind="stable")
    value, index = loss.nearest(pred, target, engine="cuda")
    np.testing.assert_array_equal(index, order[:, 0])
    np.testing.assert_array_equal(value, np.take_along_axis(matrix, order[:, :1], axis=1)[:, 0])
    value, index = loss.topk(pred, target, 3, engine="cuda")
    np.testing.assert_array_equal(index, order[:, :3])
    np.testing.assert_array_equal(value, np.take_along_axis(matrix, order[:, :3], axis=1))
    i, j, value = loss.above(pred, target, 0.5, engine="cuda")
    np.testing.assert_array_equal((i, j), np.nonzero(matrix > 0.5))
    np.testing.assert_array_equal(value, matrix[i, j])
