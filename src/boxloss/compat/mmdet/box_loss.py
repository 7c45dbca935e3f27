"""What the loss classes of ``mmdet.models.losses`` share."""

from typing import Any, ClassVar, cast

from boxloss.check import REDUCTIONS, check_choice, check_finite
from boxloss.compat.mmdet.reductions import weight_of_pairs
from boxloss.typing import Array, ArrayT, Reduction


class BoxLoss:
    """What the classes share: a weight of the loss, and a call with the arguments of mmdet."""

    _weighs_coordinates: ClassVar[bool] = False

    def __init__(self, function: Any, reduction: Reduction, loss_weight: float, **options: Any) -> None:
        check_choice("reduction", reduction, REDUCTIONS)
        self.reduction, self.loss_weight = reduction, check_finite("loss_weight", loss_weight)
        self._function, self._options = function, options
        vars(self).update(options)

    def __call__(
        self,
        pred: ArrayT,
        target: ArrayT,
        weight: Array | None = None,
        avg_factor: float | None = None,
        reduction_override: Reduction | None = None,
        **options: Any,
    ) -> ArrayT:
        """Compute the loss of corners `pred` and `target`, shape (N, 4), with a weight of shape (N,) or (N, 4)."""
        factor = weight if self._weighs_coordinates else weight_of_pairs(weight)
        loss: Any = self._function(
            pred, target, factor, reduction_override or self.reduction, avg_factor, **self._options, **options
        )
        return cast(ArrayT, self.loss_weight * loss)
