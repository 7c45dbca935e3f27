"""The lists of all losses, in the documentation and in the package: what docs/make_tables.py makes of the files."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import boxloss as bl
from boxloss.losses.listing import BOXES, boxes_of
from boxloss.shapes.formats import FORMATS

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def make_tables():
    sys.path.insert(0, str(DOCS))
    try:
        import make_tables
    finally:
        sys.path.remove(str(DOCS))
    return make_tables


def test_lists_are_up_to_date(make_tables):
    old = [page.name for page, text in make_tables.pages().items() if page.read_text(encoding="utf-8") != text]
    assert not old, "run: python docs/make_tables.py"


def test_every_loss_is_exported_and_has_a_page(make_tables):
    losses = make_tables.instances()
    assert set(bl.losses()) < set(losses)
    for name, loss in losses.items():
        assert getattr(bl, name) is loss
        assert getattr(bl, type(loss).__name__) is type(loss)
        assert (DOCS / "losses" / f"{name}.md").exists()


def takes(loss, format):
    """Whether a loss has a value for boxes of a format."""
    boxes = np.ones((1, FORMATS[format].size))
    if format == "xyzxyz":
        boxes[:, 3:] = 2.0
    try:
        image_size = (9, 9) if format.startswith("rel_") else None
        value = loss(boxes, boxes, format=format, image_size=image_size, engine="array")
    except ValueError as error:
        if f"is not defined for {FORMATS[format].shape.name} boxes" not in str(error):
            raise
        return False
    assert np.isfinite(value).all()
    return True


def test_lists_have_a_word_for_every_kind_of_box():
    assert {shape for shapes in BOXES.values() for shape in shapes} == {own.shape for own in FORMATS.values()}


@pytest.mark.parametrize("name", [*bl.losses(), "iou_score", "mpdiou"])
def test_boxes_in_lists_are_those_that_a_loss_takes(name):
    """Of every format: a word stands for all of its kinds of box, and where it is missing, none of them is taken."""
    loss = bl.MPDIoU(image_size=(9, 9)) if name == "mpdiou" else getattr(bl, name)
    for word, shapes in BOXES.items():
        taken = {takes(loss, format) for format, own in FORMATS.items() if own.shape in shapes}
        assert taken == {word in boxes_of(loss)}


@pytest.mark.parametrize("kind", bl.MODIFIERS, ids=lambda kind: kind.__name__)
def test_boxes_of_a_modifier_are_those_of_its_loss(kind):
    names = ("giou", "ciou") if kind is bl.AxisEnclosing else ("giou", "ciou", "piou")  # which encloses nothing
    for name in names:
        loss = kind(bl.get(name), 0.9) if kind in (bl.Scaled, bl.Interpolated) else kind(bl.get(name))
        assert boxes_of(loss) == boxes_of(bl.get(name))


def test_tables_say_which_boxes_each_loss_takes(make_tables):
    pages = {page.name: text for page, text in make_tables.pages().items()}
    rows = [line.split(" | ") for line in pages["README.md"].splitlines() if line.startswith("| [`")]
    told = {row[0].partition("`")[2].partition("`")[0]: row[3] for row in rows}
    assert told == {name: ", ".join(boxes_of(bl.get(name))) for name in bl.losses()}
    _, listed, _ = re.split(r"<!-- losses -->|<!-- end -->", pages["api.md"])
    rows = [line.strip("| ").split(" | ") for line in listed.splitlines() if "{py:obj}" in line]
    in_api = {row[0].partition(".")[2].strip("`"): row[3] for row in rows}
    assert in_api == told | {"iou_score": ", ".join(boxes_of(bl.iou_score))}
    for word in BOXES:
        (row,) = (line for line in pages["guide.md"].splitlines() if line.startswith(f"| {word} |"))
        names = {name for name in told if f"`{name}`" in row}
        others = {name for name in told if word not in told[name]}
        assert names == (others if "all" in row.split() else set(told) - others)
