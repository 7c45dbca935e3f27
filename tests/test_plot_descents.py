"""What is drawn of descents and simulations step by step, read from Matplotlib's objects."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import boxloss as bl
from boxloss import plot
from drawn_results import TARGET, animation, ball, legend, plane, race


def test_descent_draws_paths_from_start_to_end():
    made = ball()
    panel, bar = plot.descent(made, plane(bl.diou)).axes
    paths = [line for line in panel.lines if len(line.get_xdata()) > 0]
    assert len(paths) == 3
    for line, way in zip(paths, np.moveaxis(made.path, 1, 0), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), way[:, :2])
    ends = {found.get_label(): found.get_offsets() for found in panel.collections if found.get_label() in "start end"}
    np.testing.assert_array_equal(ends["start"], made.start[:, :2])
    np.testing.assert_array_equal(ends["end"], made.final[:, :2])
    assert panel.get_title() == "DIoU loss\nfixed: sgd on xy, learning rate 0.1, 8 steps"
    assert bar.get_ylabel() == "DIoU loss"


def with_angle(made, *angles):
    """The descent with angles of the start."""
    start = np.column_stack([made.start, np.resize(angles, len(made.start))])
    turn = np.zeros((*made.path.shape[:-1], 1))
    return replace(made, start=start, target=np.append(TARGET, -0.5), path=np.concatenate([made.path, turn], axis=-1))


def test_titles_have_the_angles_and_stay_above_their_panel():
    turned = replace(plane(), target=np.append(TARGET, 0.25), pred=np.asarray([np.nan, np.nan, 2.0, 2.0, -1.25]))
    found = plot.landscape(turned).axes[0].get_title()
    assert found.replace("\n", " ") == (
        "IoU loss fixed: pred w = 2, h = 2, a = \N{MINUS SIGN}1.25; target 4 x 2 at (1, 2), angle 0.25"
    )
    other = plot.descent(with_angle(ball(), 0.5), turned).axes[0].get_title()
    assert other.replace("\n", " ").endswith("8 steps, angle of target \N{MINUS SIGN}0.5, angle of start 0.5")
    assert "angle of start 0 to 0.5" in plot.curves(with_angle(ball(), 0.0, 0.5)).axes[0].get_title().replace("\n", " ")
    assert max(map(len, f"{found}\n{other}".split("\n"))) <= 52


def test_an_error_with_angles_says_so():
    panel = plot.curves(with_angle(ball(), 0.5), "error").axes[0]
    assert panel.get_ylabel() == "mean |dx| + |dy| + |dw| + |dh| + |da|\n(units of the boxes)"
    turned = replace(race(), protocol="rotated")
    assert plot.curves(turned, "error").axes[0].get_ylabel().startswith("mean |dx| + |dy| + |dw| + |dh| + |da|\n")
    assert plot.final_map(turned).axes[1].get_ylabel() == "final mean |dx| + |dy| + |dw| + |dh| + |da|"


def test_descent_of_many_boxes_draws_some():
    panel = plot.descent(ball(boxes=1000, steps=2), plane()).axes[0]
    assert sum(len(line.get_xdata()) > 0 for line in panel.lines) == 40


def test_curves_are_a_line_for_each_loss():
    figure = plot.curves([ball(bl.iou), ball(bl.ciou)], "error", unit="pixels")
    (panel,) = figure.axes
    assert panel.get_xlabel() == "step"
    assert panel.get_ylabel() == "mean |dx| + |dy| + |dw| + |dh|\n(pixels)"
    assert panel.get_title() == "fixed: 3 boxes, sgd on xy, learning rate 0.1, 8 steps"
    assert panel.get_xlim() == (0, 8)
    assert legend(figure) == ["IoU", "CIoU"]
    for line in panel.lines:
        np.testing.assert_array_equal(line.get_ydata(), ball().error)
    one, two = panel.lines
    assert one.get_color() != two.get_color()
    assert one.get_linestyle() != two.get_linestyle()


@pytest.mark.parametrize(("quantity", "label"), [("iou", "mean IoU"), ("value", "mean loss")])
def test_curves_of_other_quantities(quantity, label):
    (panel,) = plot.curves(ball(), quantity).axes
    assert panel.get_ylabel() == label
    np.testing.assert_array_equal(panel.lines[0].get_ydata(), getattr(ball(), quantity))


def test_curves_of_simulations_show_published_points_and_what_differs():
    figure = plot.curves([race(), race(gradient="released")], published={"GIoU": {1: 3.5, 10: 0.9}, "IoU": {1: 3.0}})
    (panel,) = figure.axes
    assert legend(figure) == ["GIoU, true gradient", "GIoU, released gradient", "published"]
    assert panel.get_title().replace("\n", " ") == (
        "fixed: protocol diou2020, 1,372 cases, unit target sizes, absolute coordinates"
    )
    np.testing.assert_array_equal(panel.collections[0].get_offsets(), [[1, 3.5], [10, 0.9]])


def test_animation_moves_the_boxes(tmp_path):
    made = ball(boxes=2)
    moving = animation([made, ball(bl.iou, boxes=2)], frames=5, unit="pixels")
    panel = moving._fig.axes[0]
    assert panel.get_xlabel() == "x (pixels)"
    low, high = panel.get_xlim()
    assert low < -1.0 < 9.0 < high  # the target's left edge and the start's right edge
    shown = [[box.get_bbox().bounds for box in panel.patches[1:]] for _ in map(moving._draw_frame, (0, 8))]
    np.testing.assert_allclose([x + w / 2 for x, _, w, _ in shown[0]], made.start[:, 0])
    np.testing.assert_allclose([x + w / 2 for x, _, w, _ in shown[1]], made.final[:, 0])
    assert panel.get_title() == "DIoU loss, step 8\nmean IoU 1.00"
    plot.save(moving, tmp_path / "ball.gif")
    with Image.open(tmp_path / "ball.gif") as frames:
        assert frames.n_frames == 5
