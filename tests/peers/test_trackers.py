"""The page on trackers: their matrices, and tracks of a made sequence with both."""

from types import SimpleNamespace

import norfair
import numpy as np
import pytest
import supervision
import trackers
import ultralytics.trackers.utils.matching as matching
from norfair.distances import VectorizedDistance
from trackers.utils.iou import BaseIoU
from ultralytics.engine.results import Boxes
from ultralytics.trackers.byte_tracker import BYTETracker

import boxloss as bl
from peer_pages import names_of, random_pairs


@pytest.fixture
def distance(capsys):
    return names_of("trackers", capsys)["distance"]


def score(one, two, iou=True):
    return bl.iou_score.pairwise(one, two)


@pytest.fixture
def frames():
    """Boxes and scores of 12 frames: objects that move, noise, and a third that is missed."""
    rng = np.random.default_rng(0)
    corner, size, speed = rng.uniform(0, 900, (25, 2)), rng.uniform(20, 90, (25, 2)), rng.normal(0, 6, (25, 2))
    sequence = []
    for step in range(12):
        boxes = np.concatenate([corner + step * speed, corner + step * speed + size], 1) + rng.normal(0, 1.5, (25, 4))
        seen = rng.uniform(size=25) > 0.3
        sequence.append((boxes[seen].astype(np.float32), rng.uniform(0.2, 1, 25)[seen].astype(np.float32)))
    return sequence


def byte_tracks(frames):
    options = {"track_high_thresh": 0.5, "track_low_thresh": 0.1, "new_track_thresh": 0.6, "track_buffer": 30}
    tracker = BYTETracker(SimpleNamespace(**options, match_thresh=0.8, fuse_score=True))
    found = []
    for boxes, scores in frames:
        rows = np.concatenate([boxes, scores[:, None], np.zeros((len(boxes), 1), np.float32)], 1)
        found.append(np.asarray(tracker.update(Boxes(rows, (1000, 1000)))).reshape(-1, 8)[:, 4:].tolist())
    return found


def norfair_tracks(frames, function=None):
    tracker = norfair.Tracker(distance_function="iou", distance_threshold=0.7, initialization_delay=0)
    if function:
        tracker.distance_function = VectorizedDistance(function)
    found = []
    for boxes, _ in frames:
        tracks = tracker.update([norfair.Detection(box.reshape(2, 2)) for box in boxes])
        found.append([(track.id - min((t.id for t in tracks), default=0), track.estimate.tolist()) for track in tracks])
    return found


def roboflow_tracks(frames, iou=None):
    tracker = trackers.ByteTrackTracker(iou=iou)
    found = []
    for boxes, scores in frames:
        given = supervision.Detections(boxes, confidence=scores, class_id=np.zeros(len(boxes), int))
        found.append(tracker.update(given).tracker_id.tolist())
    return found


def test_matrices(distance):
    tracks, found = (boxes.numpy() for boxes in random_pairs(60))
    lists = list(tracks), list(found)
    wanted = [
        norfair.distances.iou(tracks.astype(float), found.astype(float)),
        1 - supervision.box_iou_batch(tracks, found),
        matching.iou_distance(*lists),
        1 - trackers.IoU().compute(tracks, found),
    ]
    for theirs in wanted:
        assert abs(distance(tracks, found) - theirs).max() <= 3e-7
    for kind, loss in ((trackers.GIoU, bl.giou), (trackers.DIoU, bl.diou), (trackers.CIoU, bl.ciou)):
        assert abs(kind().compute(tracks, found) - (1 - loss.pairwise(tracks, found))).max() <= 1e-5


def test_byte_tracker_of_ultralytics(frames, monkeypatch):
    wanted = byte_tracks(frames)
    assert sum(map(len, wanted)) > 100
    monkeypatch.setattr(matching, "bbox_ioa", score)
    assert byte_tracks(frames) == wanted


def test_byte_tracker_of_trackers(frames, distance):
    class Overlap(BaseIoU):
        def _compute(self, boxes_1, boxes_2):
            return 1 - distance(boxes_1, boxes_2)

    wanted = roboflow_tracks(frames)
    assert sum(track >= 0 for tracks in wanted for track in tracks) > 100
    assert roboflow_tracks(frames, Overlap()) == wanted


def test_norfair(frames, distance):
    wanted = norfair_tracks(frames)
    assert sum(map(len, wanted)) > 50
    assert norfair_tracks(frames, distance) == wanted


def test_boxes_without_area(distance):
    """0 / 0 is a choice: equal points match here."""
    point = np.ones((1, 4))
    assert distance(point, point) == 0.0
    assert supervision.box_iou_batch(point, point) == 0.0
    assert matching.iou_distance(list(point), list(point)) == 1.0
