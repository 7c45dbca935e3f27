"""Wise-IoU, versions 2 and 3: a weight that depends on how a box compares with the others."""

import math
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

from boxloss.check import check_finite, check_positive
from boxloss.formulas.evaluation import Evaluation, gained
from boxloss.losses.modifiers.modifier import Modifier, iou_of
from boxloss.shapes.shape import Pair
from boxloss.typing import Namespace

VERSIONS = (2, 3)


@dataclass(frozen=True)
class Wise(Modifier):
    r"""A loss times a gain that depends on the outlier degree of the pair: its IoU loss over the mean of all.

    .. math::

        r(\beta)\,L, \qquad \beta = \frac{1 - IoU}{mean}, \qquad
        r_2(\beta) = \sqrt{\beta}, \quad r_3(\beta) = \frac{\beta}{\delta\,\alpha^{\beta - \delta}}

    Tong et al., "Wise-IoU: Bounding Box Regression Loss with Dynamic Focusing Mechanism", 2023 (arXiv:2301.10051), of
    `WIoU`. The gain counts as constant in the gradient. Version 2 weighs hard boxes more; version 3 those of medium
    quality: for alpha = 1.9 and delta = 3 it is more than 1 for beta from 0.67 to 3, and 1.31 at most. Boxes that do
    not overlap all have the gain of beta = 1 / mean. The mean is a number of the loss, and another one compiles
    nothing: `WiseState` keeps it. Kinks are those of the loss.

    Parameters
    ----------
    loss : Loss
        Any loss that is no score; the paper's is ``bl.wiou``.
    version : {3, 2}
        The gain.
    mean : float
        The running mean of the IoU loss, greater than 0.
    alpha, delta : float
        Of version 3; alpha is greater than 1, delta greater than 0.

    Raises
    ------
    TypeError, ValueError
        If `loss` is no loss, or a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 0, 3, 2]])
    >>> bl.Wise(bl.wiou, mean=0.5)(pred, target).round(4)
    array([0.9327])
    """

    version: int = 3
    mean: float = 1.0
    alpha: float = 1.9
    delta: float = 3.0
    summary = "r(beta) L, with beta = (1 - I / U) / mean"
    paper = "Tong et al. 2023"

    def __post_init__(self) -> None:
        if not isinstance(self.version, Real) or isinstance(self.version, bool) or self.version not in VERSIONS:
            raise ValueError(f"version must be 2 or 3; version 1 is bl.wiou itself. Got {self.version!r}")
        object.__setattr__(self, "version", int(self.version))  # 2.0 is equal to 2, and no constant of a formula
        for name in ("mean", "alpha", "delta"):
            check_positive(name, getattr(self, name))
        if self.alpha <= 1.0:
            raise ValueError(f"alpha must be greater than 1; got {self.alpha!r}")
        super().__post_init__()
        if self.loss.is_score:
            name = type(self.loss).__name__
            raise ValueError(f"loss of Wise must be smaller for a better match; got {name}, which grows with the match")

    @property
    def expression(self) -> str:  # type: ignore[override]
        """The formula of the loss, and its factor."""
        beta = f"((1 - I / U) / {self.mean:g})"
        gain = f"{beta}^0.5" if self.version == 2 else f"r{beta}"
        return f"{gain} ({self.loss.told})"

    @property
    def value_range(self) -> str:  # type: ignore[override]
        """From 0 at a match."""
        return "[0, inf)"

    def evaluate(self, xp: Namespace, pair: Pair) -> Evaluation:
        """Multiply the loss by the gain."""
        _, distance, _ = iou_of(xp, pair)
        beta = distance * (1.0 / self.mean)
        if self.version == 2:
            return gained(self.loss.evaluate(xp, pair), xp.sqrt(beta))
        rate = math.log(self.alpha) if isinstance(self.alpha, float) else xp.log(self.alpha)
        gain = beta * (1.0 / self.delta) * xp.exp((self.delta - beta) * rate)
        return gained(self.loss.evaluate(xp, pair), gain)


@dataclass(frozen=True)
class WiseState:
    """The running mean of the IoU loss that `Wise` compares with: a value, of which `updated` makes the next.

    A loss keeps no state: make one with the mean of each step, and save the state with a checkpoint.
    ``boxloss.torch.WiseIoU`` does so as a module with a buffer.

    Parameters
    ----------
    momentum : float
        The share of a step in the mean, greater than 0 and at most 1. Tong et al. take 1 - 0.05^(1 / (t n)): after t
        epochs of n steps the start counts 5 %. The default is that for 34 epochs of 890 steps.
    mean : float
        The mean so far, greater than 0.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> import boxloss as bl
    >>> pred, target = np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 0, 3, 2]])
    >>> state = bl.WiseState(momentum=0.1)
    >>> for step in range(3):
    ...     state = state.updated(bl.iou(pred, target))
    ...     loss = bl.Wise(bl.wiou, mean=state.mean)
    >>> round(state.mean, 4), loss(pred, target).round(4)
    (0.9097, array([0.7537]))
    """

    momentum: float = 1.0 - 0.05 ** (1.0 / (890 * 34))
    mean: float = 1.0

    def __post_init__(self) -> None:
        for name in ("momentum", "mean"):
            object.__setattr__(self, name, check_positive(name, getattr(self, name)))
        if self.momentum > 1.0:
            raise ValueError(f"momentum must be at most 1; got {self.momentum!r}")

    def updated(self, iou_losses: Any) -> "WiseState":
        """Compute the state after a step.

        Parameters
        ----------
        iou_losses : array or float
            The values of the IoU loss of the step, of any array library, or their mean. No values change nothing.

        Returns
        -------
        WiseState

        Raises
        ------
        ValueError
            If a value is not finite.
        """
        values = iou_losses.detach() if hasattr(iou_losses, "detach") else iou_losses
        if getattr(values, "shape", ()) != ():
            if 0 in values.shape:
                return self
            from array_api_compat import array_namespace

            values = array_namespace(values).mean(values)
        mean = check_finite("the mean of iou_losses", values)
        return replace(self, mean=max((1.0 - self.momentum) * self.mean + self.momentum * mean, 1e-30))
