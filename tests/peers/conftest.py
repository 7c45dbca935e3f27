"""The tests of the pages on other people's programs, with these installed: ``nox -s peers``."""

import os
from importlib import import_module

import numpy as np
import pytest

os.environ.setdefault("YOLO_OFFLINE", "true")

PATCHED = (  # the pages assign to names of these
    "ultralytics.utils.loss",
    "ultralytics.utils.tal",
    "ultralytics.trackers.utils.matching",
    "transformers.loss.loss_for_object_detection",
    "transformers.loss.loss_for_object_detection:HungarianMatcher",
    "transformers.loss.loss_for_object_detection:ImageLoss",
    "transformers.loss.loss_deformable_detr",
    "torchvision.models.detection.fcos",
    "torchvision.models.detection._utils",
    "torchvision.ops.boxes",
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("filterwarnings", "default")  # those of the peers are their own
    import torch

    import torchvision_ops  # noqa: F401 - before transformers and ultralytics import torchvision

    printing = np.get_printoptions()
    import_module("ultralytics.utils.loss")  # which sets how arrays print
    np.set_printoptions(**printing)
    torch.set_printoptions(profile="default")


@pytest.fixture(autouse=True)
def _peers_as_they_come():
    """Take back what a test assigns to names of the peers."""
    kept = []
    for path in PATCHED:
        module, _, name = path.partition(":")
        owner = import_module(module)
        owner = getattr(owner, name) if name else owner
        kept.append((owner, dict(vars(owner))))
    yield
    for owner, names in kept:
        for name, value in names.items():
            if vars(owner)[name] is not value:
                setattr(owner, name, value)
