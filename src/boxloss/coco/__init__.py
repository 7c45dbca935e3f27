"""Read and check COCO files, or tables like them, and match detections to ground truth as COCO's evaluation does.

Tables, Parquet and CSV, need pyarrow.
"""

from boxloss.coco.columns import Detections, GroundTruth
from boxloss.coco.hints import hint
from boxloss.coco.matching import Matches, match
from boxloss.coco.read import LoadedJson, read_detections, read_ground_truth
from boxloss.coco.sources import CocoError, Source

__all__ = [
    "CocoError",
    "Detections",
    "GroundTruth",
    "LoadedJson",
    "Matches",
    "Source",
    "hint",
    "match",
    "read_detections",
    "read_ground_truth",
]
