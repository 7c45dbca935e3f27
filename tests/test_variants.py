"""docs/one-name-several-gradients.md and docs/modifiers.md: their tables are what the commands print.

Descents amplify the last digits, which depend on the machine: figures are compared as closely as that allows.
"""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import boxloss as bl
from boxloss import lab

DOCS = Path(__file__).parent.parent / "docs"
BLOCK = re.compile(r"^```console\n\$ python docs/(\S+)\.py ?(.*?)\n(.*?)^```$", re.M | re.S)
GRADIENTS, MODIFIERS = (
    {arguments: shown for _, arguments, shown in BLOCK.findall((DOCS / f"{page}.md").read_text(encoding="utf-8"))}
    for page in ("one-name-several-gradients", "modifiers")
)
NUMBER = re.compile(r"-?\d+\.\d+")


@pytest.fixture(scope="module")
def scripts():
    sys.path.insert(0, str(DOCS))
    try:
        import make_modifiers
        import make_variants
    finally:
        sys.path.remove(str(DOCS))
    return make_variants, make_modifiers


def test_every_group_is_on_the_page(scripts):
    variants, _ = scripts
    assert set(GRADIENTS) == set(variants.GROUPS) == set(variants.TITLES)


@pytest.mark.parametrize("group", GRADIENTS)
def test_variants(scripts, group):
    variants, _ = scripts
    found, shown = variants.table(group).splitlines(), GRADIENTS[group].splitlines()
    assert len(found) == len(shown)
    for line, printed in zip(found, shown, strict=True):
        assert NUMBER.sub("", line).split() == NUMBER.sub("", printed).split()
        ours, theirs = (np.asarray(NUMBER.findall(text), dtype=float) for text in (line, printed))
        np.testing.assert_allclose(ours, theirs, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("group", GRADIENTS)
def test_the_first_variant_is_the_loss_of_the_package(scripts, group):
    variants, _ = scripts
    loss, (first, *_) = variants.GROUPS[group]
    boxes = np.concatenate([variants.far_boxes(), variants.near_boxes()])
    value, grad = loss.value_and_grad(boxes, variants.TARGET, **variants.ARRAY)
    np.testing.assert_allclose(first.value(boxes, boxes), value, atol=1e-14)
    np.testing.assert_allclose(first.gradient(boxes), grad, atol=1e-8)


@pytest.mark.parametrize(("kind", "loss"), [("giou", bl.giou), ("diou", bl.diou)])
def test_where_the_step_of_darknet_is_a_descent(scripts, kind, loss):
    """Within the target, where the enclosing box is constant, but for a factor of 2 that the sides lack."""
    variants, _ = scripts
    boxes = np.asarray([[0.1, 0.2, 0.3, 0.2], [-0.2, 0.1, 0.5, 0.6]])
    _, grad = loss.value_and_grad(boxes, variants.TARGET, **variants.ARRAY)
    step = variants.GROUPS[f"darknet_{kind}"][1][1].step(boxes)
    np.testing.assert_allclose(step, -grad * [1, 1, 2, 2], atol=1e-14)


def test_simulation_of_modifiers(scripts):
    """Every row, as the mean over fewer points."""
    _, modifiers = scripts
    (shown,) = MODIFIERS.values()
    head, *lines = (re.split(r" {2,}", line) for line in shown.splitlines())
    assert [int(step) for step in head[1:]] == modifiers.STEPS
    assert [name for name, *_ in lines] == list(modifiers.MODIFIERS)
    for name, *row in lines:
        (found,) = lab.simulate(modifiers.MODIFIERS[name](bl.ciou), points=100)
        np.testing.assert_allclose(found.iou[modifiers.STEPS], np.asarray(row, dtype=float), atol=0.04, err_msg=name)
