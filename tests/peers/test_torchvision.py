"""The page's section on torchvision's detectors: their losses, and where the names are bound."""

import pytest
import torch
import torchvision.models.detection as detection
import torchvision.ops
import torchvision.ops.boxes
import torchvision.transforms.v2._geometry

import boxloss.compat.torchvision as compat
from peer_pages import assert_same, gradients, modules_with

LOSSES = ("generalized_box_iou_loss", "distance_box_iou_loss", "complete_box_iou_loss")
OPTIONS = {"weights": None, "weights_backbone": None, "num_classes": 3}
SMALL = {"min_size": 64, "max_size": 64}


def nms(boxes, scores, threshold):
    """Greedy, by score: torchvision's operator needs its own build of torch."""
    kept = []
    for index in scores.argsort(descending=True).tolist():
        if all(compat.box_iou(boxes[index][None], boxes[other][None]) <= threshold for other in kept):
            kept.append(index)
    return torch.tensor(kept, dtype=torch.int64)


def roi_pool(self, features, boxes, image_shapes):
    """As many features a proposal as the heads expect, differentiable, and without a compiled operator."""
    count, (height, width) = sum(map(len, boxes)), self.output_size
    pooled = next(iter(features.values())).mean((0, 2, 3))
    return pooled[None, :, None, None].expand(count, -1, height, width)


def step_of(name, monkeypatch):
    """A training step of a detector made anew, with the same weights and the same draws."""
    boxes = torch.tensor([[8.0, 8, 40, 50], [30, 20, 60, 44]])
    target = {"boxes": boxes, "labels": torch.tensor([1, 2])}
    torch.manual_seed(0)
    if name == "ssd":
        model = detection.ssdlite320_mobilenet_v3_large(**OPTIONS)
    else:
        model = getattr(detection, name)(**OPTIONS, **SMALL)
    if name == "fasterrcnn_resnet50_fpn":
        monkeypatch.setattr(torchvision.ops.boxes, "batched_nms", lambda b, s, i, t: nms(b[:50], s[:50], t))
        monkeypatch.setattr(torchvision.ops.MultiScaleRoIAlign, "forward", roi_pool)
    torch.manual_seed(1)
    return gradients(model, sum(model([torch.rand(3, 64, 64)] * 2, [target] * 2).values()))


@pytest.mark.parametrize(
    ("name", "used"),
    [
        ("fcos_resnet50_fpn", {"generalized_box_iou_loss"}),
        ("retinanet_resnet50_fpn_v2", {"generalized_box_iou_loss", "box_iou"}),
        ("ssd", {"box_iou"}),
        ("fasterrcnn_resnet50_fpn", {"box_iou"}),
    ],
)
def test_a_detector_trains_on_the_same_losses(name, used, monkeypatch):
    """The functions of `torchvision.ops` are not called; those of the modules that the page names are."""
    wanted, called = step_of(name, monkeypatch), set()

    def counted(module, function):
        def run(*args, **kwargs):
            called.add(function if module is not torchvision.ops else f"ops.{function}")
            return getattr(compat, function)(*args, **kwargs)

        return run

    for module in (torchvision.ops, detection.fcos, detection._utils, torchvision.ops.boxes):
        for function in ("box_iou", *LOSSES):
            if hasattr(module, function):
                monkeypatch.setattr(module, function, counted(module, function))
    assert_same(step_of(name, monkeypatch), wanted)
    assert called == used


def test_the_page_names_every_module_that_has_the_functions():
    bound = {function: modules_with("torchvision", function) for function in ("box_iou", *LOSSES)}
    own = {"torchvision.ops", "torchvision.ops.boxes"}
    own |= {"torchvision.ops.giou_loss", "torchvision.ops.diou_loss", "torchvision.ops.ciou_loss"}
    assert bound["box_iou"] - own == {"torchvision.transforms.v2._geometry"}
    utils = "torchvision.models.detection._utils"
    assert bound["generalized_box_iou_loss"] - own == {utils, "torchvision.models.detection.fcos"}
    assert bound["distance_box_iou_loss"] - own == bound["complete_box_iou_loss"] - own == {utils}


def test_the_proposals_keep_the_function_that_they_were_made_with(monkeypatch):
    model = detection.fasterrcnn_resnet50_fpn(**OPTIONS, **SMALL)
    theirs = torchvision.ops.boxes.box_iou
    monkeypatch.setattr(torchvision.ops.boxes, "box_iou", compat.box_iou)
    assert model.rpn.box_similarity is theirs
