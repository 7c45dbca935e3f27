"""Files that ship with the package: a small synthetic COCO sample."""

from importlib.resources import files
from importlib.resources.abc import Traversable


def sample() -> tuple[Traversable, Traversable]:
    """Return the files of the embedded sample.

    Returns
    -------
    tuple
        Ground truth and detections, as paths that `boxloss.coco` reads. Both are made by `boxloss.data.make_sample`.
    """
    folder = files("boxloss") / "data" / "sample"
    return folder / "ground_truth.json", folder / "detections.json"
