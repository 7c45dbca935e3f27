"""What is drawn of pairs and of the ends of simulations, read from Matplotlib's objects."""

import matplotlib
import numpy as np

import boxloss as bl
from boxloss import plot
from drawn_results import pairs, race


def test_few_pairs_are_points():
    made = pairs()
    (panel,) = plot.correlation(made).axes
    np.testing.assert_array_equal(panel.collections[0].get_offsets(), np.stack([made.iou, made.value], axis=1))
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("IoU", "L1 loss (boxes in pixels)")
    assert panel.get_title() == "L1 loss: Spearman's rho \N{MINUS SIGN}0.75\nfixed: 100 pairs of a test"


def test_many_pairs_are_a_density_in_logarithmic_colours():
    panel, bar = plot.correlation(pairs(count=10_000)).axes
    cells = panel.collections[0]
    assert isinstance(cells.norm, matplotlib.colors.LogNorm)
    assert bar.get_ylabel() == "pairs in a cell"
    assert 9_900 <= cells.get_array().sum() <= 10_000  # the highest values are left out
    assert panel.get_xlim() == (0.0, 1.0)


def test_losses_beside_each_other():
    figure = plot.correlation([pairs(), pairs(bl.ciou)])
    assert [panel.get_ylabel() for panel in figure.axes] == ["L1 loss (boxes in pixels)", "CIoU loss"]


def test_a_row_that_is_not_full_has_no_empty_panels():
    figure = plot.correlation([pairs()] * 5)
    assert [panel.get_xlabel() for panel in figure.axes] == ["IoU"] * 5


def test_map_has_the_error_at_each_anchor_centre():
    panel, bar = plot.final_map(race()).axes
    dots = panel.collections[0]
    np.testing.assert_array_equal(dots.get_offsets(), [[-1, -1], [1, -1], [-1, 1], [1, 1]])
    np.testing.assert_allclose(dots.get_array(), [1.0, 0.1, 0.01, 10.0])
    assert bar.get_ylabel() == "final mean |dx| + |dy| + |dw| + |dh|"
    assert panel.patches[0].get_bbox().bounds == (-0.5, -0.5, 1.0, 1.0)
    assert panel.get_title().startswith("GIoU loss\nfixed: protocol diou2020, 1,372 cases, true gradient")


def test_map_of_the_iou():
    panel, bar = plot.final_map(race(), "iou").axes
    np.testing.assert_array_equal(panel.collections[0].get_array(), [0.1, 0.2, 0.3, 0.4])
    assert bar.get_ylabel() == "final mean IoU"
