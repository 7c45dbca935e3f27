"""What a training sees and predicts: canvases, proposals, deltas, and gradients by the weights."""

import numpy as np
import pytest

import boxloss as bl
from boxloss.lab.training import proposals, regressor, scenes
from boxloss.lab.training.contenders import contenders
from boxloss.lab.training.proposals import Jitter, decode, encode


def central(function, at, step=1e-6):
    """The gradient of a number by central differences."""
    found = np.empty_like(at)
    for place in np.ndindex(at.shape):
        move = np.zeros_like(at)
        move[place] = step
        found[place] = (function(at + move) - function(at - move)) / (2 * step)
    return found


# --- Canvases and proposals -----------------------------------------------------------------------------------------


def test_boxes_are_those_of_the_ink(monkeypatch):
    monkeypatch.setattr(scenes, "NOISE", 0.0)
    monkeypatch.setattr(scenes, "DIGITS", (1, 2))
    drawn = scenes.draw("test", 5, (12.0, 96.0), np.random.default_rng(3))
    assert drawn.image.tolist() == [0, 1, 2, 3, 4]
    for canvas, box in zip(drawn.canvas, drawn.box, strict=True):
        rows, columns = (np.flatnonzero(canvas.any(axis=axis)) for axis in (1, 0))
        ink = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
        assert bl.convert(box, "cxcywh", "xyxy").tolist() == list(ink)


def test_sizes_and_overlaps_are_within_their_limits():
    drawn = scenes.draw("train", 20, (12.0, 96.0), np.random.default_rng(0))
    longer = drawn.box[:, 2:].max(axis=1)
    assert longer.min() >= 12
    assert longer.max() <= 96
    assert longer.min() < 20 < 70 < longer.max()
    overlap = bl.iou_score.pairwise(drawn.box, drawn.box, format="cxcywh")
    others = (drawn.image[:, None] == drawn.image) & ~np.eye(len(drawn.box), dtype=bool)
    assert 0.0 < overlap[others].max() <= scenes.MOST_OVERLAP


def test_splits_share_no_digit():
    parts = [set(range(*part.indices(1797))) for part in scenes.SPLITS.values()]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(scenes.load())


def test_stretching_keeps_a_ramp():
    ramp = np.arange(8.0)[:, None] + 10.0 * np.arange(4.0)
    stretched = scenes.resize(ramp, 16, 8)
    inner = np.arange(0.25, 7.0, 0.5)[:, None] + 10.0 * np.arange(0.25, 3.0, 0.5)
    np.testing.assert_allclose(stretched[1:-1, 1:-1], inner[:14, :6], rtol=1e-6)


def test_what_is_seen_of_a_ramp_is_where_the_cells_are():
    ramp = np.arange(scenes.CANVAS, dtype=np.float32) + np.zeros((2, scenes.CANVAS, 1), np.float32)
    seen = proposals.see(ramp, np.asarray([1]), np.asarray([[80.0, 60, 28, 14]]), context=1.0).reshape(14, 14)
    np.testing.assert_allclose(seen, np.broadcast_to(80 - 14 + 2 * np.arange(14) + 0.5, (14, 14)), rtol=1e-5)


def test_proposals_without_a_digit_meet_none():
    rng = np.random.default_rng(0)
    drawn = scenes.draw("test", 6, (24.0, 48.0), rng)
    made = proposals.propose(drawn, 2, 5, Jitter(0.1, 0.1, 1.5), rng)
    np.testing.assert_array_equal(made.image[made.full], np.repeat(drawn.image, 2))
    np.testing.assert_array_equal(made.target[made.full], np.repeat(drawn.box, 2, axis=0))
    empty = ~made.full
    overlap = bl.iou_score.pairwise(made.box[empty], drawn.box, format="cxcywh")
    assert empty.any()
    assert overlap[made.image[empty][:, None] == drawn.image].max() < 0.2


# --- Deltas and their gradients -------------------------------------------------------------------------------------


def test_deltas_there_and_back(rng):
    proposal = np.column_stack([rng.uniform(0, 99, (5, 2)), rng.uniform(5, 50, (5, 2))])
    deltas = rng.normal(size=(5, 4))
    box, slope = decode(deltas, proposal)
    np.testing.assert_allclose(encode(box, proposal), deltas, rtol=1e-9)
    numerical = [(decode(deltas + e, proposal)[0] - decode(deltas - e, proposal)[0]) / 2e-6 for e in 1e-6 * np.eye(4)]
    np.testing.assert_allclose(slope, np.stack([d[:, i] for i, d in enumerate(numerical)], axis=1), rtol=1e-6)


def test_a_size_has_an_upper_end():
    proposal = np.asarray([[0.0, 0, 10, 10]])
    (box,), (slope,) = decode(np.asarray([[0.0, 0, 1e6, 0]]), proposal)
    assert box[2] == pytest.approx(10 * 1000 / 16)
    assert slope[2] == 0.0


@pytest.mark.parametrize("contender", contenders([bl.L1(coordinates="cxcywh"), bl.giou]), ids=lambda c: c.name)
def test_gradient_by_the_weights(contender, rng):
    weights = [w.astype(np.float64) for w in regressor.start(6, rng)]
    weights[2] += rng.normal(scale=0.1, size=weights[2].shape)
    seen = rng.normal(size=(3, 6))
    proposal = np.asarray([[10.0, 10, 8, 6], [40, 30, 20, 30], [5, 5, 4, 4]])
    target = proposal + [[1.0, 2, 3, 1]]

    def loss(deltas):
        if contender.of == "deltas":
            return contender.loss(deltas, encode(target, proposal), format="cxcywh", reduction="mean")
        return contender.loss(decode(deltas, proposal)[0], target, format="cxcywh", reduction="mean")

    deltas, hidden = regressor.predict(weights, seen)
    d_deltas = regressor.loss_gradient(contender, deltas, proposal, target)
    found = regressor.pull_back(weights, seen, hidden, d_deltas)
    for i in (1, 2, 3):

        def moved(w, i=i):
            return loss(regressor.predict([*weights[:i], w, *weights[i + 1 :]], seen)[0])

        np.testing.assert_allclose(found[i], central(moved, weights[i]), rtol=1e-5, atol=1e-8)
