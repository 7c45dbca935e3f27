"""Pictures without a library for plots: rasters, thumbnails, and what a notebook shows of a loss."""

import base64
import io
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import boxloss as bl
from boxloss.losses.loss import Loss
from boxloss.pictures import thumbnails
from boxloss.pictures.formulas import with_signs
from boxloss.pictures.rasters import raster


def decoded(address, mode="RGB"):
    kind, _, content = address.partition(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert(mode))


def test_raster_is_viridis_from_the_bottom_up():
    matplotlib = pytest.importorskip("matplotlib")
    share = np.linspace(0.0, 1.0, 256).reshape(16, 16)
    found = decoded(raster(share))[::-1].reshape(-1, 3).astype(float)
    expected = 255 * matplotlib.colormaps["viridis"](np.arange(256))[:, :3]
    assert np.abs(found - expected).max() < 7  # of 255: it is interpolated between 17 colours


def test_raster_of_one_colour_is_a_transparency():
    found = decoded(raster(np.asarray([[0.0, 0.5, 1.0]]), "0A64FF", levels=3), "RGBA")
    assert found.tolist() == [[[10, 100, 255, 0], [10, 100, 255, 128], [10, 100, 255, 255]]]


def test_raster_takes_what_is_beyond():
    edges, wild = [[0.0, 1.0, 0.0, 1.0, 0.0]], [[-3.0, 7.0, -np.inf, np.inf, np.nan]]
    np.testing.assert_array_equal(decoded(raster(np.asarray(wild))), decoded(raster(np.asarray(edges))))


@pytest.mark.parametrize(
    "loss",
    [*map(bl.get, bl.losses()), bl.iou_score, bl.MPDIoU(), 5.0 * bl.L1() + 2.0 * bl.GIoU(), bl.Inner(bl.ciou)],
    ids=lambda loss: type(loss).__name__,
)
def test_thumbnail_is_the_landscape(loss):
    drawn = ElementTree.fromstring(thumbnails.thumbnail(loss, "<a> & b"))
    assert drawn.attrib["aria-label"].startswith("<a> & b over places")
    (image,) = drawn.iter("{http://www.w3.org/2000/svg}image")
    shown = decoded(image.attrib["href"])
    value = thumbnails.values(loss)
    assert shown.shape == (*value.shape, 3)
    lowest = shown[::-1][np.unravel_index(np.argmin(value), value.shape)]
    highest = shown[::-1][np.unravel_index(np.argmax(value), value.shape)]
    assert (lowest.tolist(), highest.tolist()) == ([68, 1, 84], [253, 231, 37])


def test_values_of_a_thumbnail():
    value = thumbnails.values(bl.giou)
    side = np.linspace(-3, 3, 241)[1::2]  # the middles of 120 cells
    boxes = np.stack([*np.meshgrid(side, side), np.full((120, 120), 1.0), np.full((120, 120), 2.0)], axis=-1)
    np.testing.assert_allclose(value, bl.giou(boxes, np.asarray([0.0, 0, 2, 1]), format="cxcywh"), rtol=1e-12)


def test_a_constant_is_drawn_dark():
    assert thumbnails.share_of_range(np.full((2, 2), 3.0)).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_a_notebook_shows_formula_range_and_landscape():
    shown = bl.CIoU(full_gradient=True)._repr_html_()
    assert "<b>CIoU(full_gradient=True, eps=0.0)</b>" in shown
    signs = ("\N{MINUS SIGN}", "\N{GREEK SMALL LETTER RHO}", "\N{GREEK SMALL LETTER ALPHA}")
    assert with_signs(bl.ciou.expression) == "1 {} I / U + {}² / c² + {} v".format(*signs)
    assert with_signs(bl.ciou.expression) in shown
    assert "range [0, 2.5)" in shown
    assert shown.count("<svg") == 1
    assert "&lt;" in bl.huber._repr_html_()  # of |e| < delta


def test_a_notebook_shows_a_loss_of_ones_own():
    class Bare(bl.CIoU):
        pass

    class WithoutWords(Loss):
        relations = ("areas",)

        def evaluate(self, xp, pair):
            return bl.iou.evaluate(xp, pair)

    assert "Bare(" in Bare()._repr_html_()
    assert "WithoutWords()" in WithoutWords()._repr_html_()
    assert "range" not in WithoutWords()._repr_html_()


def test_a_notebook_needs_neither_matplotlib_nor_a_compiler():
    code = (
        "import sys, boxloss as bl; assert not any(m.startswith('boxloss.pictures') for m in sys.modules)\n"
        "assert '<svg' in bl.siou._repr_html_(); sys.exit(bool({'matplotlib', 'PIL', 'numba'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
