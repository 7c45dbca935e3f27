"""Losses and scores of `boxloss.compat.torchvision` by name, and autograd's gradients of them."""

LOSSES = ("generalized_box_iou_loss", "distance_box_iou_loss", "complete_box_iou_loss")
SCORES = ("box_iou", "generalized_box_iou", "distance_box_iou", "complete_box_iou")


def values_and_grads(function, pred, target, *rest, **options):
    """Values of tensors, and autograd's gradients of an uneven sum of them."""
    import torch

    pred, target = (torch.tensor(side, requires_grad=True) for side in (pred, target))
    value = function(pred, target, *rest, **options)
    upstream = torch.linspace(0.5, 2.0, value.numel(), dtype=value.dtype).reshape(value.shape)
    grads = torch.autograd.grad((value * upstream).sum(), (pred, target))
    return [value.detach().numpy(), *(grad.numpy() for grad in grads)]
