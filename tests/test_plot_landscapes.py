"""What is drawn of landscapes, read from Matplotlib's objects."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from matplotlib.quiver import Quiver

import boxloss as bl
from boxloss import plot
from drawn_results import TARGET, legend, plane


def test_landscape_has_axes_with_units_and_says_what_is_fixed():
    figure = plot.landscape(plane(), unit="pixels")
    panel, bar = figure.axes
    assert panel.get_xlabel() == "centre x of pred (pixels)"
    assert panel.get_ylabel() == "centre y of pred (pixels)"
    assert bar.get_ylabel() == "IoU loss"
    assert panel.get_title() == "IoU loss\nfixed: pred w = 2, h = 2; target 4 x 2 at (1, 2)"
    assert (*panel.get_xlim(), *panel.get_ylim()) == (-7.0, 9.0, -6.0, 10.0)
    assert panel.get_aspect() == 1.0


def test_landscape_draws_the_target_to_scale():
    (box,) = (patch for patch in plot.landscape(plane()).axes[0].patches if isinstance(patch, Rectangle))
    assert box.get_bbox().bounds == (-1.0, 1.0, 4.0, 2.0)


def test_landscape_of_sizes_marks_the_target_with_a_star():
    figure = plot.landscape(plane(vary=("w", "h")))
    panel = figure.axes[0]
    assert panel.get_xlabel() == "width of pred (units of the boxes)"
    assert panel.get_title().endswith("fixed: pred x = 1, y = 2; target 4 x 2 at (1, 2)")
    assert not panel.patches
    (star,) = (found for found in panel.collections if found.get_label() == "target")
    np.testing.assert_array_equal(star.get_offsets(), [[4.0, 2.0]])


def test_arrows_point_down_the_gradient_and_rings_mark_where_there_is_none():
    made = plane()
    panel = plot.landscape(made).axes[0]
    (arrows,) = (found for found in panel.collections if isinstance(found, Quiver))
    (rings,) = (found for found in panel.collections if found.get_label() == "gradient is zero")
    drawn = np.concatenate([arrows.XY, rings.get_offsets()])
    assert len(np.unique(drawn, axis=0)) == 13 * 13
    np.testing.assert_allclose(np.hypot(arrows.U, arrows.V), 1.0)
    for (x, y), u, v in zip(arrows.XY, arrows.U, arrows.V, strict=True):
        d = made.grad[np.searchsorted(made.y, y), np.searchsorted(made.x, x)]
        np.testing.assert_allclose([u, v], -d / np.linalg.norm(d))
    for x, y in rings.get_offsets():
        assert not made.grad[np.searchsorted(made.y, y), np.searchsorted(made.x, x)].any()


def test_landscapes_side_by_side_share_a_legend():
    figure = plot.landscape([plane(), plane(bl.giou)])
    assert [panel.get_title().split("\n")[0] for panel in figure.axes[:2]] == ["IoU loss", "GIoU loss"]
    assert legend(figure) == ["edge of the overlap", "direction of descent", "gradient is zero", "target, to scale"]


def test_landscape_of_a_coordinate_loss_says_what_the_boxes_are_in():
    bar = plot.landscape(plane(bl.l1), unit="pixels").axes[1]
    assert bar.get_ylabel() == "L1 loss (boxes in pixels)"


def test_surface_reaches_over_the_values():
    made = plane(bl.giou)
    (panel,) = plot.surface(made, unit="pixels").axes
    assert panel.get_xlabel() == "centre x of pred\n(pixels)"
    assert panel.get_zlabel() == "GIoU loss"
    assert panel.get_title().startswith("GIoU loss\nfixed: pred w = 2, h = 2")
    low, high = panel.zz_dataLim.intervalx
    np.testing.assert_allclose([low, high], [made.value.min(), made.value.max()])
    x, y, z = panel.lines[0].get_data_3d()
    assert (x.min(), x.max(), y.min(), y.max()) == (-1.0, 3.0, 1.0, 3.0)
    np.testing.assert_array_equal(z, made.value.min())


def test_surface_of_sizes_marks_the_target_with_a_star():
    (panel,) = plot.surface(plane(vary=("w", "h"))).axes
    (star,) = (artist for artist in panel.collections if artist.get_label() == "target")
    x, y, z = star._offsets3d
    assert (x[0], y[0]) == (TARGET[2], TARGET[3])
    assert z[0] == pytest.approx(plane(vary=("w", "h")).value.min())
