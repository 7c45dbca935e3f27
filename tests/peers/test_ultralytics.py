"""The page on ultralytics: the losses of a model, the box term, and where the name is bound."""

import importlib
import pkgutil
from types import SimpleNamespace

import pytest
import torch

from peer_pages import assert_same, gradients, modules_with, names_of, random_pairs


@pytest.fixture
def page(capsys):
    return names_of("ultralytics", capsys)


def test_a_model_trains_on_the_same_losses(page, monkeypatch):
    import ultralytics.utils.loss
    import ultralytics.utils.tal
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    model = DetectionModel("yolov8n.yaml", nc=3, verbose=False)
    model.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5, overlap_mask=True)
    boxes = torch.tensor([[0.4, 0.4, 0.3, 0.5], [0.6, 0.5, 0.2, 0.2], [0.5, 0.5, 0.8, 0.6]])
    batch = {
        "img": torch.rand(2, 3, 128, 128),
        "batch_idx": torch.tensor([0.0, 0, 1]),
        "cls": torch.tensor([[0.0], [1], [2]]),
        "bboxes": boxes,
    }

    def step():
        return gradients(model, model.loss(batch)[0].sum())

    wanted = step()
    monkeypatch.setattr(ultralytics.utils.loss, "bbox_iou", page["bbox_iou"])
    assert_same(step(), wanted, rtol=1e-3)
    monkeypatch.setattr(ultralytics.utils.tal, "bbox_iou", page["bbox_iou"])
    assert_same(step(), wanted, rtol=1e-3)


def test_box_term(page):
    from ultralytics.utils.metrics import bbox_iou

    pred, target = random_pairs(2_000)
    weight = torch.rand(len(pred), 1, generator=torch.Generator().manual_seed(1))
    pred.requires_grad_()
    found = []
    for term in (
        lambda: ((1 - bbox_iou(pred, target, xywh=False, CIoU=True)) * weight).sum() / weight.sum(),
        lambda: ((1 - page["bbox_iou"](pred, target, xywh=False, CIoU=True)) * weight).sum() / weight.sum(),
        lambda: page["box_term"](pred, target, weight, weight.sum()),
    ):
        value = term()
        found.append((value.item(), torch.autograd.grad(value, pred)[0]))
    (wanted, theirs), *others = found
    for value, grad in others:
        assert value == pytest.approx(wanted, rel=1e-5)
        assert (grad - theirs).abs().max() <= 2e-6 * theirs.abs().max()


def test_the_page_names_every_module_that_has_the_function():
    import ultralytics.models.utils
    import ultralytics.utils

    for package in (ultralytics.utils, ultralytics.models.utils):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            if module.name.rpartition(".")[2] in ("loss", "tal", "ops", "metrics"):
                importlib.import_module(module.name)
    assert modules_with("ultralytics", "bbox_iou") - {"ultralytics.utils.metrics"} == {
        "ultralytics.utils.loss",
        "ultralytics.utils.tal",
        "ultralytics.models.utils.loss",
        "ultralytics.models.utils.ops",
    }
