"""Losses as modules of torch."""

from dataclasses import replace
from typing import Any, Self

try:
    import torch
    from torch import Tensor
except ModuleNotFoundError:
    raise ImportError('boxloss.torch needs PyTorch: pip install "boxloss[torch]"') from None

from boxloss.check import check_choice, check_formats, check_reduction, kind_of_object, relative_among
from boxloss.losses.iou import iou
from boxloss.losses.lookup import get
from boxloss.losses.loss import Loss
from boxloss.losses.modifiers import Wise, WiseState
from boxloss.typing import Engine, Format, Reduction
from boxloss.verbs.select import ENGINES

__all__ = ["BoxLoss", "WiseIoU"]


class BoxLoss(torch.nn.Module):  # type: ignore[misc]
    """A loss as a module: its options are set once, and its input is boxes.

    It has no parameters and no buffers, so its `state_dict` is empty, like those of the losses in ``torch.nn``: a
    checkpoint of a model does not depend on the loss that it was trained with.

    Parameters
    ----------
    loss : str or Loss
        A name, one of `boxloss.losses`, or a loss, such as ``5.0 * bl.L1() + 2.0 * bl.GIoU()``.
    format, image_size, reduction, eps, engine
        As in the call of a loss; `reduction` is ``"mean"`` unless it is given.

    Raises
    ------
    TypeError, ValueError
        If an option does not fit; the message says which.

    Examples
    --------
    >>> import torch
    >>> from boxloss.torch import BoxLoss
    >>> criterion = BoxLoss("ciou", reduction="sum")
    >>> criterion
    BoxLoss(CIoU(full_gradient=False, eps=0.0), reduction='sum')
    >>> pred = torch.tensor([[0.0, 0.0, 2.0, 2.0]], requires_grad=True)
    >>> criterion(pred, torch.tensor([[1.0, 1.0, 3.0, 3.0]])).backward()
    >>> pred.grad
    tensor([[-0.0593, -0.0593, -0.1780, -0.1780]])
    """

    def __init__(
        self,
        loss: str | Loss = "ciou",
        *,
        format: Format = "xyxy",
        image_size: tuple[float, float] | None = None,
        reduction: Reduction = "mean",
        eps: float | None = None,
        engine: Engine = "auto",
    ) -> None:
        super().__init__()
        if isinstance(loss, type):
            raise TypeError(f"loss must be a loss or the name of one; got {kind_of_object(loss)}")
        loss = loss if isinstance(loss, Loss) else get(loss)
        if loss.is_score:
            name = type(loss).__name__
            raise ValueError(f"loss must fall with the match, and {name} grows: a step would make boxes worse")
        check_formats(format, image_size, reader=loss.program.structure.image_reader)
        check_reduction(reduction, None)
        check_choice("engine", engine, ENGINES)
        self.loss = loss if eps is None else loss.with_eps(eps)
        self.format = format
        self.image_size = image_size
        self.reduction = reduction
        self.engine = engine

    def forward(
        self, pred: Tensor, target: Tensor, weight: "Tensor | float | None" = None, avg_factor: float | None = None
    ) -> Tensor:
        """Compute the loss of boxes.

        Parameters
        ----------
        pred, target : Tensor, shape (..., 4)
            Boxes; leading axes broadcast.
        weight : Tensor or float, optional
            A factor a pair, of a shape that broadcasts to the values.
        avg_factor : float, optional
            The divisor of the mean instead of the number of pairs.

        Returns
        -------
        Tensor
            One value, or one a pair for ``reduction="none"``; differentiable.
        """
        value: Tensor = self.loss(
            pred,
            target,
            format=self.format,
            image_size=self.image_size,
            weight=weight,
            reduction=self.reduction,
            avg_factor=avg_factor,
            engine=self.engine,
        )
        return value

    def extra_repr(self) -> str:
        """Write the loss, the reduction, and the options that are not the usual ones."""
        options = {"format": "xyxy", "image_size": None, "reduction": None, "engine": "auto"}
        told = [f"{name}={getattr(self, name)!r}" for name, usual in options.items() if getattr(self, name) != usual]
        return ", ".join([repr(self.loss), *told])


class WiseIoU(BoxLoss):
    """`boxloss.Wise` of a loss as a module, whose running mean of the IoU loss is a buffer: `mean`.

    In training each step first takes the mean of its IoU losses into the buffer, and then weighs its pairs by it, as
    the authors' code does; pairs of weight 0 count too. In evaluation the buffer stays as it is. It is saved with the
    module, so a training that goes on from a checkpoint goes on with the mean. It stays in float32 whatever type the
    module is given. Reading it waits for a GPU, and torch.compile leaves the module as it is: a graph breaks around it.

    Parameters
    ----------
    loss : str or Loss
        A name, one of `boxloss.losses`, or a loss; the paper's is ``"wiou"``.
    version, alpha, delta
        As in `boxloss.Wise`.
    momentum : float
        As in `boxloss.WiseState`.
    format, image_size, reduction, eps, engine
        As in `BoxLoss`.

    Raises
    ------
    TypeError, ValueError
        If an option does not fit; the message says which.

    Examples
    --------
    >>> import torch
    >>> from boxloss.torch import WiseIoU
    >>> criterion = WiseIoU(momentum=0.1)
    >>> pred = torch.tensor([[0.0, 0.0, 2.0, 2.0]], requires_grad=True)
    >>> criterion(pred, torch.tensor([[1.0, 1.0, 3.0, 3.0]])).backward()
    >>> round(criterion.mean.item(), 4)
    0.9857
    """

    mean: Tensor
    loss: Wise

    def __init__(
        self,
        loss: str | Loss = "wiou",
        *,
        version: int = 3,
        alpha: float = 1.9,
        delta: float = 3.0,
        momentum: float = WiseState().momentum,
        format: Format = "xyxy",
        image_size: tuple[float, float] | None = None,
        reduction: Reduction = "mean",
        eps: float | None = None,
        engine: Engine = "auto",
    ) -> None:
        super().__init__(loss, format=format, image_size=image_size, reduction=reduction, eps=eps, engine=engine)
        self.loss = Wise(self.loss, version=version, alpha=alpha, delta=delta)
        self.momentum = WiseState(momentum).momentum
        self.register_buffer("mean", torch.ones(()))

    def _apply(self, function: Any, recurse: bool = True) -> Self:
        """Move the module, and keep the mean in float32: half precision would lose its steps."""
        mean = self.mean
        super()._apply(function, recurse)
        self.mean = mean.to(self.mean.device)
        return self

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def forward(
        self, pred: Tensor, target: Tensor, weight: "Tensor | float | None" = None, avg_factor: float | None = None
    ) -> Tensor:
        """Compute the loss of boxes; see `BoxLoss.forward`."""
        state = WiseState(self.momentum, float(self.mean))
        if self.training:
            formats = self.format if isinstance(self.format, tuple) else (self.format,)
            size = self.image_size if relative_among(*formats) else None  # the IoU reads no other
            boxes = pred.detach(), target.detach()
            state = state.updated(iou(*boxes, format=self.format, image_size=size, engine=self.engine))
            self.mean.fill_(state.mean)
        self.loss = replace(self.loss, mean=state.mean)
        return super().forward(pred, target, weight, avg_factor)
