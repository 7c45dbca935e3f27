"""The simulation of the DIoU and CIoU papers, and those of later ones."""

import hashlib

import numpy as np
import pytest

import boxloss as bl
from boxloss import lab
from boxloss.lab.protocols import PROTOCOLS, diou2020
from errors import check_error, table

# --- Cases ----------------------------------------------------------------------------------------------------------


def test_cases_are_those_of_the_paper():
    cases = diou2020(5000, "unit", 0)
    assert cases.start.shape == cases.target.shape == (5000, 343, 4)
    np.testing.assert_array_equal(cases.lr, [0.1] * 160 + [0.01] * 20 + [0.001] * 20)
    assert (cases.target[..., :2] == 10.0).all()
    np.testing.assert_allclose(cases.target[..., 2:].prod(axis=-1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(cases.start[..., :2], np.broadcast_to(cases.points[:, None], (5000, 343, 2)))
    rows = {(round(w, 9), round(h, 9)) for w, h in cases.start[0, :, 2:].tolist()}
    assert len(rows) == 49
    areas = cases.start[0, :, 2:].prod(axis=-1).reshape(7, 7, 7)  # by shape of target, area, shape of anchor
    np.testing.assert_allclose(
        areas, np.broadcast_to(np.asarray([0.5, 0.67, 0.75, 1, 1.33, 1.5, 2])[:, None], (7, 7, 7))
    )
    np.testing.assert_allclose(cases.target[0, ::49, 2] / cases.target[0, ::49, 3], [1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 4])
    squared_radius = np.sum((cases.points - 10.0) ** 2, axis=1)  # uniform from 0 to 9 for a uniform disc
    assert squared_radius.max() <= 9.0
    np.testing.assert_allclose(np.histogram(squared_radius, 9, (0, 9))[0] / 5000, 1 / 9, atol=0.015)


def test_points_are_the_same_everywhere():
    """To the last digits: cosines differ between machines in the last bit."""
    points = diou2020(100, "mixed", 3)
    digest = hashlib.sha256(points.points.round(9).tobytes() + points.scale.tobytes())
    assert digest.hexdigest()[:16] == "e4f22ffc371b589c"
    np.testing.assert_array_equal(diou2020(100, "unit", 3).scale, 1.0)


def test_expected_error_and_share_without_overlap():
    """8 / pi + 1.330364 a case; and the boxes meet in (w + W)(h + H) of the disc, which holds all of that rectangle."""
    cases = diou2020(5000, "unit", 0)
    size = np.abs(cases.start - cases.target)[0, :, 2:].sum(axis=-1).mean()
    np.testing.assert_allclose(size, 1.330364, atol=1e-6)
    sides = cases.start[0, :, 2:] + cases.target[0, :, 2:]
    assert np.hypot(*sides.T).max() / 2.0 < 3.0
    apart = 1.0 - sides.prod(axis=-1).mean() / (9.0 * np.pi)
    np.testing.assert_allclose(apart, 0.832294, atol=1e-6)
    errors = np.abs(cases.points - 10.0).sum(axis=1)
    shares = np.mean(bl.iou_score(cases.start, cases.target, format="cxcywh") == 0.0, axis=1)
    for sample, expected in ((errors, 8.0 / np.pi), (shares, apart)):
        assert abs(sample.mean() - expected) < 3.0 * sample.std() / np.sqrt(5000)
    (found,) = lab.simulate(bl.iou, points=50)
    np.testing.assert_allclose(found.error[0], errors_of(found).mean() + 1.330364, atol=1e-6)


def errors_of(found):
    """The distance of each point to the target."""
    return np.abs(found.points - 10.0).sum(axis=1)


def test_mixed_sizes_scale_everything():
    unit, scaled = diou2020(2000, "unit", 5), diou2020(2000, "mixed", 5)
    assert set(scaled.scale) == {1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8}
    assert np.bincount(np.log2(scaled.scale).astype(int) + 3).min() > 2000 / 7 * 0.8
    for a, b in ((unit.start, scaled.start), (unit.target, scaled.target)):
        a, b = (boxes - [10, 10, 0, 0] for boxes in (a, b))
        np.testing.assert_allclose(b, a * scaled.scale[:, None, None], atol=1e-12)


# --- Results --------------------------------------------------------------------------------------------------------


def test_a_plain_loop_gives_the_same():
    loss = bl.SmoothL1(coordinates="cxcywh")
    (found,) = lab.simulate(loss, points=2, seed=1)
    points, _, boxes, target, rates, *_ = diou2020(2, "unit", 1)
    errors, ious = [], []
    for rate in (*rates, None):
        iou = bl.iou_score(boxes, target, format="cxcywh")
        errors.append(np.abs(boxes - target).sum(axis=-1))
        ious.append(iou)
        if rate is not None:
            grad = loss.value_and_grad(boxes, target, format="cxcywh", engine="array")[1]
            boxes = boxes - rate * (2.0 - iou)[..., None] * grad
    np.testing.assert_allclose(found.error, np.mean(errors, axis=(1, 2)), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.iou, np.mean(ious, axis=(1, 2)), rtol=1e-9)
    np.testing.assert_allclose(found.final_error, errors[-1].sum(axis=1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.final_iou, ious[-1].mean(axis=1), rtol=1e-9)
    np.testing.assert_array_equal(found.points, points)


@pytest.mark.parametrize("how", [{}, {"sizes": "mixed"}, {"sizes": "mixed", "coordinates": "relative"}])
def test_means_and_maps_agree(how):
    for loss, found in zip((bl.giou, bl.l1), lab.simulate([bl.giou, bl.l1], points=30, **how), strict=True):
        assert found.loss is loss
        assert found.cases == 30 * 343
        assert found.error.shape == found.iou.shape == (201,)
        np.testing.assert_allclose(found.final_error.sum() / found.cases, found.error[-1], rtol=1e-9)
        np.testing.assert_allclose(found.final_iou.mean(), found.iou[-1], rtol=1e-9)


def test_the_iou_loss_does_not_move_a_box_apart():
    (found,) = lab.simulate(bl.iou, points=200)
    apart = np.hypot(*(found.points - 10.0).T) > 2.5  # no anchor reaches the target from there
    assert apart.any()
    np.testing.assert_allclose(found.final_error[apart], 343 * (errors_of(found)[apart] + 1.330364), rtol=1e-6)
    assert (found.final_iou[apart] == 0.0).all()


def test_relative_coordinates_make_scale_invariant_losses_blind_to_size():
    """Not bit for bit: rounding differs about the target's centre, and a fixed step never settles."""
    (unit,) = lab.simulate(bl.ciou, points=40)
    relative, l1 = lab.simulate([bl.ciou, bl.l1], sizes="mixed", coordinates="relative", points=40)
    absolute, l1_absolute = lab.simulate([bl.ciou, bl.l1], sizes="mixed", points=40)
    np.testing.assert_allclose(relative.iou, unit.iou, atol=3e-3)
    assert absolute.iou[-1] < unit.iou[-1] - 0.3
    assert l1.iou[50] < l1_absolute.iou[50]


# --- Later papers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "nearest", "furthest", "center", "area", "steps"),
    [
        ("inner2023", 0.0, 3.0, 100.0, 1.0, 200),
        ("inner2023-far", 6.0, 9.0, 100.0, 1.0, 200),
        ("wiou2023", 0.0, 0.5, 0.5, 1 / 32, 120),
        ("piou2024", 0.0, 0.5, 1.0, 1.0, 120),
    ],
)
def test_cases_of_later_papers(protocol, nearest, furthest, center, area, steps):
    cases = PROTOCOLS[protocol](400, "unit", 0)
    assert cases.start.shape == cases.target.shape == (400, 343, 4)
    assert len(cases.lr) == steps
    np.testing.assert_array_equal(cases.target[..., :2], center)
    np.testing.assert_allclose(cases.target[..., 2] * cases.target[..., 3], area)
    np.testing.assert_array_equal(cases.start[:, :, :2], np.broadcast_to(cases.points[:, None], (400, 343, 2)))
    radius = np.hypot(*(cases.points - center).T)
    assert nearest <= radius.min() <= nearest + 0.2
    assert furthest - 0.02 <= radius.max() <= furthest
    share = np.mean(radius <= (nearest + furthest) / 2)
    expected = {"inner2023-far": 5 / 12, "wiou2023": np.expm1(1.5) / np.expm1(3.0)}.get(protocol, 0.25)
    assert share == pytest.approx(expected, abs=0.07)


@pytest.mark.parametrize(("protocol", "form"), [("wiou2023", "xyxy"), ("piou2024", "cxcywh")])
def test_later_papers_descend_by_adam(protocol, form):
    (result,) = lab.simulate(bl.iou, protocol, points=3, seed=2)
    cases = PROTOCOLS[protocol](3, "unit", 2)
    run = lab.descend(bl.iou, cases.start, cases.target, "adam", 0.01, 120, form, record="curves")
    np.testing.assert_allclose(result.iou, run.iou, rtol=1e-12)
    assert result.iou[-1] > result.iou[0]
    assert result.center == tuple(cases.target[0, 0, :2])


def test_adam_on_relative_coordinates_takes_one_path_at_every_size():
    """Whose steps do not depend on the size of a gradient: those of boxes are as long as their targets."""
    mixed_sizes = lab.simulate(bl.giou, "piou2024", points=12, seed=1, sizes="mixed", coordinates="relative")[0]
    unit = lab.simulate(bl.giou, "piou2024", points=12, seed=1)[0]
    assert len(np.unique(mixed_sizes.scale)) > 3
    np.testing.assert_allclose(mixed_sizes.iou, unit.iou, rtol=0, atol=2e-3)


# --- Errors -----------------------------------------------------------------------------------------------------------


@table(
    (
        "protocol",
        lambda: lab.simulate(bl.iou, "wiou"),
        ValueError,
        "protocol must be one of 'diou2020', 'rotated', 'inner2023', 'inner2023-far', 'wiou2023', 'piou2024'; "
        "got 'wiou'",
    ),
    (
        "released gradient of another protocol",
        lambda: lab.simulate(bl.iou, "wiou2023", "released"),
        ValueError,
        "gradient='released' is of code for the protocol 'diou2020'; got protocol='wiou2023'",
    ),
    (
        "gradient",
        lambda: lab.simulate(bl.iou, gradient="own"),
        ValueError,
        "gradient must be one of 'true', 'released'; got 'own'",
    ),
    ("sizes", lambda: lab.simulate(bl.iou, sizes="all"), ValueError, "sizes must be one of 'unit', 'mixed'; got 'all'"),
    (
        "coordinates",
        lambda: lab.simulate(bl.iou, coordinates="xy"),
        ValueError,
        "coordinates must be one of 'absolute', 'relative'; got 'xy'",
    ),
    ("points", lambda: lab.simulate(bl.iou, points=0), ValueError, "points must be at least 1; got 0"),
    ("seed", lambda: lab.simulate(bl.iou, seed=-1), ValueError, "seed must not be negative; got -1"),
    ("loss", lambda: lab.simulate(["iou"]), TypeError, "loss must be a loss such as boxloss.giou; got str"),
    (
        "released",
        lambda: lab.simulate([bl.iou, bl.l1], gradient="released"),
        ValueError,
        "gradient='released' is there for IoU, GIoU, DIoU, CIoU, with default parameters; got L1(coordinates='xyxy')",
    ),
)
def test_errors(call, kind, text):
    check_error(call, kind, text)
