"""The style of pictures, their files, and what is said where a result cannot be drawn."""

import io
import subprocess
import sys
from dataclasses import replace

import matplotlib
import pytest
from matplotlib.animation import FFMpegWriter

import boxloss as bl
from boxloss import plot
from boxloss.plot.style import line_style, loss_label, name_of
from drawn_results import animation, ball, pairs, plane, race


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
