"""Corners of boxes with an angle: in any order, within a tolerance, without area, and of no rectangle."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import boxloss as bl
from rotated_formats import CORNERS, corners_of, rotated


def test_corners_gone_round_either_way(rng):
    boxes = rotated(rng)
    points = corners_of(boxes).reshape(-1, 4, 2)
    for order in ([1, 2, 3, 0], [2, 3, 0, 1], [3, 2, 1, 0], [1, 0, 3, 2]):
        found = bl.convert(points[:, order].reshape(-1, 8), "xyxyxyxy", "cxcywhd")
        score = bl.iou_score(found, boxes, format="cxcywhd", engine="array")
        assert_allclose(score, 1.0, rtol=1e-10)


def test_corners_within_the_tolerance(rng):
    """A thousandth of the longer side, or what float32 makes of coordinates."""
    boxes = rotated(rng)
    noise = 4e-4 * boxes[:, 2:4].max(axis=1)[:, None] * rng.uniform(-1, 1, (len(boxes), 8))
    assert_allclose(bl.convert(corners_of(boxes) + noise, "xyxyxyxy", "cxcywhd")[:, :4], boxes[:, :4], atol=0.1)
    far = (corners_of(boxes * [1, 1, 0.01, 0.01, 1]) + 3e4).astype("float32")
    assert np.isfinite(bl.convert(far, "xyxyxyxy", "cxcywhd")).all()


def test_corners_without_area():
    flat = np.asarray([[0, 0, 3, 4, 3, 4, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1], [0, 0, 0, 0, -4, 3, -4, 3]])
    found = bl.convert(flat, "xyxyxyxy", "cxcywhd")
    angle = np.degrees(np.arctan2(4, 3))
    assert_allclose(found, [[1.5, 2, 5, 0, angle], [1, 1, 0, 0, 0], [-2, 1.5, 0, 5, angle]], atol=1e-13)


@pytest.mark.jax
def test_what_jax_traces_becomes_nan():
    """It cannot refuse."""
    import jax

    found = jax.jit(lambda p: bl.convert(p, "xyxyxyxy", "cxcywha"))(jax.numpy.asarray(CORNERS))
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


@pytest.mark.torch
def test_what_torch_compiles_becomes_nan():
    import torch

    compiled = torch.compile(lambda p: bl.convert(p, "xyxyxyxy", "cxcywha"), fullgraph=True, backend="eager")
    found = compiled(torch.tensor(CORNERS))
    assert torch.isfinite(found[0]).all()
    assert torch.isnan(found[1]).all()


def test_corners_that_are_not_finite_stay_in_their_row():
    found = bl.convert(np.asarray([CORNERS[0], np.full(8, np.nan)]), "xyxyxyxy", "cxcywha")
    assert_array_equal(np.isnan(found), [[False] * 5, [True] * 5])


def test_validate_and_area_of_corners():
    points = np.asarray([[0, 0, 2, 0, 2, 2, 0, 2], [0, 0, 2, 0, 3, 2, 0, 2], [1.0] * 8, [np.inf] * 8])
    found = bl.validate(points, format="xyxyxyxy")
    for got, wrong in zip(found, ([0], [], [2], [3], [1]), strict=True):
        assert np.flatnonzero(got).tolist() == wrong
    assert_allclose(bl.area(points, format="xyxyxyxy"), [4, np.nan, 0, np.nan])
