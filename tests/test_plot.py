"""What is drawn, read from Matplotlib's objects. The results are made by hand: no kernel is compiled."""

import io
import subprocess
import sys
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from matplotlib.animation import FFMpegWriter
from matplotlib.patches import Rectangle
from matplotlib.quiver import Quiver
from PIL import Image

import boxloss as bl
from boxloss import plot
from boxloss.lab import Agreement, Correlation, Descent, Landscape, Pairs, Simulation
from boxloss.plot.style import line_style, loss_label, name_of

TARGET = np.asarray([1.0, 2.0, 4.0, 2.0])


def plane(loss=bl.iou, vary=("x", "y"), reach=8.0, count=40):
    """A landscape without the compiled engine."""
    first, second = ("xywh".index(name) for name in vary)
    edges = [(TARGET[i] - reach, TARGET[i] + reach) if i < 2 else (0.1, reach) for i in (first, second)]
    x, y = (low + (np.arange(count) + 0.5) * (high - low) / count for low, high in edges)
    boxes = np.tile(np.asarray([1.0, 2.0, 2.0, 2.0]), (count, count, 1))
    boxes[..., first], boxes[..., second] = x, y[:, None]
    value, grad = loss.value_and_grad(boxes, TARGET, format="cxcywh", engine="array")
    pred = np.asarray([1.0, 2.0, 2.0, 2.0])
    pred[[first, second]] = np.nan
    iou = bl.iou_score(boxes, TARGET, format="cxcywh", engine="array")
    return Landscape(loss, TARGET, pred, vary, tuple(edges), x, y, value, iou, grad[..., [first, second]])


def ball(loss=bl.diou, boxes=3, steps=8, **changes):
    """A descent that goes straight to the target."""
    start = TARGET + np.asarray([6.0, 0.0, 0.0, 0.0]) + np.arange(boxes)[:, None] * [0.0, 1.0, 0.0, 0.0]
    way = np.linspace(0.0, 1.0, steps + 1)[:, None, None]
    path = (1.0 - way) * start + way * TARGET
    error, recorded = np.abs(path - TARGET).sum(axis=-1).mean(axis=-1), np.arange(steps + 1)
    curve = np.linspace(0.0, 1.0, steps + 1)
    fields = {"error": error, "iou": curve, "value": 1.0 - curve, "recorded": recorded, "path": path} | changes
    return Descent(loss, "sgd", "xy", np.full(steps, 0.1), start, TARGET, path[-1], **fields)


def pairs(loss=bl.l1, count=100):
    """A loss that falls with the IoU."""
    iou = np.linspace(0.0, 1.0, count)
    agreement = Agreement(count, -0.75, -0.5, 0.1, 0.2, 0.3, 0.4)
    boxes = Pairs(f"{count} pairs of a test", np.zeros((count, 4)), np.zeros((count, 4)))
    return Correlation(loss, boxes, 10.0 * (1.0 - iou), iou, agreement, agreement)


def race(loss=bl.giou, gradient="true"):
    """A simulation of four anchor centres at the corners of a square about the target."""
    return Simulation(
        loss=loss,
        protocol="diou2020",
        gradient=gradient,
        sizes="unit",
        coordinates="absolute",
        cases=4 * 343,
        points=10.0 + np.asarray([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [2.0, 2.0]]),
        center=(10.0, 10.0),
        scale=np.asarray([1.0, 1.0, 1.0, 2.0]),
        error=np.linspace(4.0, 1.0, 11),
        iou=np.linspace(0.0, 0.5, 11),
        final_error=np.asarray([343.0, 34.3, 3.43, 3430.0]),
        final_iou=np.asarray([0.1, 0.2, 0.3, 0.4]),
    )


def animation(results, **options):
    """An animation that counts as begun, so that it may be dropped without a warning."""
    made = plot.animate(results, **options)
    made._draw_was_started = True
    return made


def legend(figure):
    """The texts of the legend of a figure, or of its first panel."""
    box = figure.legends[0] if figure.legends else figure.axes[0].get_legend()
    return [text.get_text() for text in box.get_texts()]


# --- Landscapes -----------------------------------------------------------------------------------------------------


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


# --- Descents -------------------------------------------------------------------------------------------------------


def test_surface_of_sizes_marks_the_target_with_a_star():
    (panel,) = plot.surface(plane(vary=("w", "h"))).axes
    (star,) = (artist for artist in panel.collections if artist.get_label() == "target")
    x, y, z = star._offsets3d
    assert (x[0], y[0]) == (TARGET[2], TARGET[3])
    assert z[0] == pytest.approx(plane(vary=("w", "h")).value.min())


def test_a_row_that_is_not_full_has_no_empty_panels():
    figure = plot.correlation([pairs()] * 5)
    assert [panel.get_xlabel() for panel in figure.axes] == ["IoU"] * 5


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


# --- Correlation and maps -------------------------------------------------------------------------------------------


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


# --- Style, files, errors -------------------------------------------------------------------------------------------


def test_lines_differ_in_colour_and_dashes():
    styles = {(style["color"], str(style["linestyle"])) for style in map(line_style, range(35))}
    assert len(styles) == 35


def test_names_have_parameters_that_are_not_the_defaults():
    assert name_of(bl.ciou) == "CIoU"
    assert name_of(bl.CIoU(full_gradient=True)) == "CIoU(full_gradient=True, eps=0.0)"
    assert name_of(2.0 * bl.GIoU()) == "2.0 * GIoU(eps=0.0)"


def test_labels_say_the_unit_where_a_term_depends_on_it():
    assert loss_label(2 * bl.GIoU(), "pixels") == "2.0 * GIoU(eps=0.0) loss"
    assert loss_label(bl.GIoU() + 2 * (bl.IoU() + bl.CIoU()), "pixels").endswith("loss")
    assert loss_label(bl.GIoU() + 5 * bl.L1(), "pixels").endswith(" loss (boxes in pixels)")


def test_a_file_name_in_a_title_is_text():
    """Not mathematics between two $, of which this would be none."""
    result = pairs()
    named = replace(result, pairs=replace(result.pairs, name="50 matches of $\\a$.json"))
    plot.correlation(named).savefig(io.BytesIO())


def test_style_of_the_user_is_left_alone():
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9}):
        figure = plot.curves(ball())
        assert figure.axes[0].lines[0].get_linewidth() == 2.0
        assert matplotlib.rcParams["font.size"] == 30


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_same_figure_is_the_same_file(tmp_path, suffix):
    for name in "ab":
        plot.save(plot.landscape(plane(count=20)), tmp_path / f"{name}.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_mp4_without_ffmpeg(tmp_path, monkeypatch):
    monkeypatch.setattr(FFMpegWriter, "isAvailable", classmethod(lambda kind: False))
    with pytest.raises(RuntimeError, match=r"needs ffmpeg; save it as \.gif"):
        plot.save(animation(ball(), frames=2), tmp_path / "ball.mp4")


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plot.landscape([]), "results must hold at least one result; got none"),
        (lambda: plot.descent([ball(), ball()], plane()), "landscapes must be one for each of 2 descents; got 1"),
        (lambda: plot.descent(ball(path=None), plane()), "results must have paths, of record='path'; got a descent on"),
        (lambda: plot.animate(ball(path=None)), "results must have paths, of record='path'; got a descent on DIoU"),
        (lambda: plot.curves(ball(error=None)), "results must have a curve of the error; that of DIoU has none"),
        (lambda: plot.curves(race(), "value"), "results must have a curve of the value; that of GIoU has none"),
        (lambda: plot.animate([ball(steps=4), ball()]), "results must have the same recorded steps"),
        (
            lambda: plot.save(animation(ball()), "a.png"),
            "path of an animation must end in .gif or .mp4; got 'a.png'",
        ),
    ],
)
def test_errors(draw, message):
    with pytest.raises(ValueError, match="must") as error:
        draw()
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plot.landscape(5), "results must be of Landscape, one or several; got int"),
        (
            lambda: plot.curves([ball(), plane()]),
            "results must be of Descent or Simulation, one or several; got Landscape",
        ),
        (lambda: plot.descent(ball(), ball()), "landscapes must be of Landscape, one or several; got Descent"),
    ],
)
def test_results_of_something_else(draw, message):
    with pytest.raises(TypeError) as error:
        draw()
    assert str(error.value) == message


def test_missing_matplotlib():
    code = "import importlib.util as u; f = u.find_spec; u.find_spec = lambda n: None if n == 'matplotlib' else f(n)\n"
    done = subprocess.run(
        [sys.executable, "-c", code + "import boxloss.plot"], capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1] == 'ImportError: boxloss.plot needs matplotlib: pip install "boxloss[lab]"'
