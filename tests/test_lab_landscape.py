"""Landscapes: the samples against single calls, and statistics against numbers that can be worked out."""

import dataclasses
import math

import numpy as np
import pytest

import boxloss as bl
from boxloss import lab
from processes import run

TARGET = (1.0, -2.0, 3.0, 1.0)
CENTRED = bl.L2(coordinates="cxcywh")  # its slope is towards the target: (dx, dy) times 2


@pytest.mark.parametrize("loss", [bl.giou, 2.0 * bl.l1 + bl.diou], ids=repr)
@pytest.mark.parametrize("vary", ["xy", "wh", "x,w", "h, y"])
def test_samples_are_those_of_single_calls(loss, vary):
    edges = ((0.25, 4.0), (0.5, 3.0))
    plane = lab.landscape(loss, TARGET, (1.5, 2.5), edges, (6, 5), vary, pred_center=(2.0, -1.0))
    assert (plane.value.shape, plane.iou.shape, plane.grad.shape) == ((5, 6), (5, 6), (5, 6, 2))
    assert (plane.loss, plane.extent) == (loss, edges)
    np.testing.assert_allclose(plane.x, 0.25 + 3.75 / 6 * np.asarray([0.5, 1.5, 2.5, 3.5, 4.5, 5.5]), rtol=1e-15)
    np.testing.assert_allclose(plane.y, [0.75, 1.25, 1.75, 2.25, 2.75], rtol=1e-15)
    names = vary.replace(",", "").replace(" ", "")
    assert plane.vary == tuple(names)
    moved = ["xywh".index(name) for name in names]
    np.testing.assert_array_equal(np.isnan(plane.pred), np.isin(np.arange(4), moved))
    for j, y in enumerate(plane.y):
        for i, x in enumerate(plane.x):
            box = np.asarray([2.0, -1.0, 1.5, 2.5])
            box[moved] = x, y
            value, grad = loss.value_and_grad(box, np.asarray(TARGET), format="cxcywh", engine="array")
            iou = bl.iou_score(box, np.asarray(TARGET), format="cxcywh", engine="array")
            found = [plane.value[j, i], plane.iou[j, i], *plane.grad[j, i]]
            np.testing.assert_allclose(found, [value, iou, *grad[moved]], rtol=1e-12, atol=1e-12)


def overlap_and_plateau(w, h, W, H):
    """The displacements at which boxes overlap, and those at which one is within the other along each axis."""
    return (w + W) * (h + H), abs(w - W) * abs(h - H)


def test_the_share_without_slope_of_the_iou_loss_is_exact_where_cells_end_at_the_edges():
    equal_height = lab.landscape(bl.iou, TARGET, (1.0, 1.0), extent=4.0, resolution=64)
    assert equal_height.statistics.zero_share == 1.0 - (1.0 + 3.0) * (1.0 + 1.0) / 8.0**2
    # Sizes that differ on both axes leave a plateau in the middle, where the overlap does not change.
    crossing = lab.landscape(bl.iou, TARGET, (1.0, 2.0), extent=4.0, resolution=64)
    overlap, plateau = overlap_and_plateau(1.0, 2.0, 3.0, 1.0)
    assert crossing.statistics.zero_share == 1.0 - (overlap - plateau) / 8.0**2


@pytest.mark.parametrize("resolution", [(37, 53), (101, 100), 200])
def test_the_share_without_slope_of_the_iou_loss_is_within_a_cell_elsewhere(resolution):
    plane = lab.landscape(bl.iou, TARGET, (1.1, 2.3), extent=4.0, resolution=resolution)
    cell_w, cell_h = 8.0 / plane.x.size, 8.0 / plane.y.size
    overlap, plateau = overlap_and_plateau(1.1, 2.3, 3.0, 1.0)
    # No edge is off by more than a cell.
    grid_error = sum(w * cell_h + h * cell_w + cell_w * cell_h for w, h in ((1.1 + 3.0, 2.3 + 1.0), (1.9, 1.3)))
    assert abs(plane.statistics.zero_share - (1.0 - (overlap - plateau) / 64.0)) <= grid_error / 64.0


@pytest.mark.parametrize(("loss", "share"), [(bl.giou, 2.0 / 64.0), (bl.diou, 0.0)], ids=repr)
def test_giou_has_no_slope_on_the_plateau_and_diou_has_one_everywhere(loss, share):
    assert lab.landscape(loss, TARGET, (1.0, 2.0), extent=4.0, resolution=64).statistics.zero_share == share


def test_statistics_of_a_loss_whose_slope_is_the_offset():
    plane = lab.landscape(CENTRED, TARGET, (1.0, 2.0), extent=4.0, resolution=8)
    statistics = plane.statistics
    assert (statistics.zero_share, statistics.away_share) == (0.0, 0.0)
    assert math.isclose(statistics.mean_cosine, 1.0)
    assert math.isclose(statistics.slope_min, 2.0 * math.hypot(0.5, 0.5))
    assert math.isclose(statistics.slope_max, 2.0 * math.hypot(3.5, 3.5))
    slopes = 2.0 * np.hypot(plane.x - 1.0, plane.y[:, None] + 2.0)
    expected = np.quantile(slopes, [0.05, 0.5, 0.95])
    np.testing.assert_allclose([statistics.slope_p5, statistics.slope_median, statistics.slope_p95], expected)


def test_descent_on_a_score_leads_away():
    plane = lab.landscape(bl.iou_score, TARGET, (1.0, 2.0), extent=4.0, resolution=64)
    assert plane.statistics.away_share == (12.0 - 2.0) / 64.0  # wherever there is a slope
    assert plane.statistics.mean_cosine < -0.8


def test_the_sample_at_the_target_has_no_direction():
    statistics = lab.landscape(CENTRED, TARGET, (1.0, 2.0), extent=4.0, resolution=3).statistics
    assert math.isclose(statistics.zero_share, 1 / 9)
    assert math.isclose(statistics.mean_cosine, 1.0)


def test_no_direction_anywhere():
    plane = lab.landscape(bl.iou, TARGET, (1.0, 2.0), ((20.0, 30.0), (0.0, 1.0)), 4)
    assert plane.statistics.zero_share == 1.0
    assert math.isnan(plane.statistics.mean_cosine)


def test_a_reach_goes_to_both_sides_of_the_target_and_no_size_below_0():
    assert lab.landscape(bl.iou, TARGET, (1, 2), 2, 4).extent == ((-1.0, 3.0), (-4.0, 0.0))
    assert lab.landscape(bl.iou, TARGET, (1, 2), 2, 4, "wh").extent == ((1.0, 5.0), (0.0, 3.0))


def test_the_prediction_is_at_the_target_where_it_does_not_vary():
    plane = lab.landscape(bl.l1, TARGET, (1, 2), 2, 4, "wh")
    np.testing.assert_array_equal(plane.pred, [1.0, -2.0, np.nan, np.nan])


def test_results_cannot_be_replaced():
    plane = lab.landscape(bl.l1, TARGET, (1, 2), 2, 4)
    with pytest.raises(dataclasses.FrozenInstanceError):
        plane.value = None


def test_import_of_the_lab_loads_no_other_library():
    libraries = "numba", "scipy", "matplotlib", "torch"
    code = f"import sys; from boxloss import lab; print([name for name in {libraries} if name in sys.modules])"
    assert run(code) == "[]"
    assert run("import sys, boxloss; print('boxloss.lab' in sys.modules)") == "False"
