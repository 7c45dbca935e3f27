"""The page on transformers: both functions, the matcher, the loss of a model, and where the names are bound."""

import importlib
import inspect

import pytest
import torch
import transformers.loss.loss_for_object_detection as theirs
from transformers import DetrConfig, DetrForObjectDetection, ResNetConfig

import boxloss.compat.transformers as ours
from peer_pages import assert_same, gradients, modules_with, names_of, random_pairs

FAMILIES = ("deformable_detr", "grounding_dino", "rt_detr", "lw_detr", "rf_detr", "d_fine", "deimv2")


@pytest.fixture
def page(capsys):
    return names_of("transformers", capsys)


@pytest.fixture
def batch():
    """Queries of two images and their targets."""
    generator = torch.Generator().manual_seed(0)
    pred = torch.rand(2, 20, 4, generator=generator)
    outputs = {"logits": torch.randn(2, 20, 7, generator=generator), "pred_boxes": pred.requires_grad_()}
    boxes = torch.rand(5, 4, generator=generator)
    return outputs, [
        {"class_labels": torch.tensor([1, 4]), "boxes": boxes[:2]},
        {"class_labels": torch.tensor([0, 2, 2]), "boxes": boxes[2:]},
    ]


def same_matches(found, wanted):
    return all(torch.equal(a, b) for pair in zip(found, wanted, strict=True) for a, b in zip(*pair, strict=True))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64, torch.int32])
def test_functions(dtype):
    """Half precision of theirs subtracts coordinates before it widens them; the union of theirs keeps integers."""
    pred, target = ((0.2 * boxes).to(dtype) for boxes in random_pairs(40))  # areas that fit into half precision
    rtol = 2e-3 if dtype == torch.float16 else 2e-6
    for found, wanted in zip(ours.box_iou(pred, target), theirs.box_iou(pred, target), strict=True):
        assert found.shape == wanted.shape
        assert (found - wanted).abs().max() <= rtol * wanted.abs().max()
    found, wanted = (module.generalized_box_iou(pred, target) for module in (ours, theirs))
    assert found.dtype == wanted.dtype
    assert (found - wanted).abs().max() <= rtol


def test_gradients_of_functions():
    pred, target = (boxes.double() for boxes in random_pairs(30))
    pred.requires_grad_()
    for call in (
        lambda module: module.box_iou(pred, target)[0],
        lambda module: module.box_iou(pred, target)[1],
        lambda module: module.generalized_box_iou(pred, target),
    ):
        found, wanted = (torch.autograd.grad(call(module).sum(), pred)[0] for module in (ours, theirs))
        assert (found - wanted).abs().max() <= 1e-10 * wanted.abs().max()


def test_signatures_and_errors():
    boxes = torch.tensor([[0.0, 0, 1, 1]])
    for name in ours.__all__:
        found, wanted = (inspect.signature(getattr(module, name)) for module in (ours, theirs))
        assert list(found.parameters) == list(wanted.parameters)
    for wrong in (boxes.flip(-1), torch.full((1, 4), torch.nan)):
        for pair in ((wrong, boxes), (boxes, wrong)):
            for module in (ours, theirs):
                with pytest.raises(ValueError, match=f"^boxes{1 if pair[0] is wrong else 2} must be "):
                    module.generalized_box_iou(*pair)


def test_matcher(page, batch):
    for costs in ((1, 5, 2), (2.0, 5.0, 0.0), (0, 0, 1)):
        matcher = theirs.HungarianMatcher(*costs)
        assert same_matches(page["match"](matcher, *batch), matcher(*batch))


def test_matcher_of_nan(page, batch):
    """A query of NaN is matched last; theirs raises, and so does SciPy without `nan_to_num`."""
    outputs, targets = batch
    matcher = theirs.HungarianMatcher(1, 5, 2)
    spoilt = outputs | {"pred_boxes": outputs["pred_boxes"].detach().clone()}
    first = int(matcher(outputs, targets)[0][0][0])
    spoilt["pred_boxes"][0, first] = torch.nan
    assert first not in page["match"](matcher, spoilt, targets)[0][0]
    with pytest.raises(ValueError, match="corner"):
        matcher(spoilt, targets)


def test_losses_of_matched_boxes(page, batch):
    outputs, targets = batch
    criterion = theirs.ImageLoss(theirs.HungarianMatcher(1, 5, 2), 6, 0.1, ["boxes"])
    arguments = (outputs, targets, criterion.matcher(outputs, targets), 5.0)
    found, wanted = page["loss_boxes"](criterion, *arguments), criterion.loss_boxes(*arguments)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name].item() == pytest.approx(value.item(), rel=1e-5)
        pair = [
            torch.autograd.grad(loss[name], outputs["pred_boxes"], retain_graph=True)[0] for loss in (found, wanted)
        ]
        assert (pair[0] - pair[1]).abs().max() <= 1e-5 * pair[1].abs().max()


def test_a_model_trains_on_the_same_losses(page, batch, monkeypatch):
    backbone = ResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], out_features=["stage4"])
    sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "num_queries": 12, "num_labels": 6}
    config = DetrConfig(
        backbone_config=backbone,
        use_timm_backbone=False,
        backbone=None,
        auxiliary_loss=True,
        dropout=0.0,
        **sizes,
        **heads,
    )
    torch.manual_seed(0)
    model = DetrForObjectDetection(config)
    pixels = torch.rand(2, 3, 64, 64)

    def step():
        return gradients(model, model(pixel_values=pixels, labels=batch[1]).loss)

    wanted = step()
    monkeypatch.setattr(theirs.HungarianMatcher, "forward", page["match"])
    monkeypatch.setattr(theirs.ImageLoss, "loss_boxes", page["loss_boxes"])
    assert_same(step(), wanted)


def test_the_page_names_every_class():
    """Those with a `loss_boxes` of their own, and those that match."""
    modules = [importlib.import_module(f"transformers.loss.loss_{family}") for family in FAMILIES] + [theirs]
    assert modules_with("transformers.loss", "generalized_box_iou") == {
        f"transformers.loss.loss_{family}" for family in (*FAMILIES[:5], "for_object_detection")
    }
    classes = {value for module in modules for value in vars(module).values() if inspect.isclass(value)}
    losses = {c.__name__ for c in classes if "loss_boxes" in vars(c)}
    assert losses == {"ImageLoss", "RTDetrLoss", "LwDetrImageLoss"}
    assert {c.__name__ for c in classes if c.__name__.endswith("Matcher")} == {
        "HungarianMatcher",
        "DeformableDetrHungarianMatcher",
        "GroundingDinoHungarianMatcher",
        "RTDetrHungarianMatcher",
        "LwDetrHungarianMatcher",
        "RfDetrHungarianMatcher",
    }
