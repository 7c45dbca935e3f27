"""Losses as modules of torch."""

import torch
from torch import Tensor

from boxloss.check import check_choice, check_formats, check_reduction
from boxloss.losses.loss import Loss
from boxloss.losses.registry import get
from boxloss.typing import Engine, Format, Reduction
from boxloss.verbs.select import ENGINES

__all__ = ["BoxLoss"]


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
        loss = loss if isinstance(loss, Loss) else get(loss)
        check_formats(format, image_size, needed=loss.program.structure.reads_image)
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
        """The loss of boxes.

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
        """The loss, the reduction, and the options that are not the usual ones."""
        options = {"format": "xyxy", "image_size": None, "reduction": None, "engine": "auto"}
        told = [f"{name}={getattr(self, name)!r}" for name, usual in options.items() if getattr(self, name) != usual]
        return ", ".join([repr(self.loss), *told])
