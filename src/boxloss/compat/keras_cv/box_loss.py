"""What the loss classes of ``keras_cv.losses`` share: the weights and reductions of Keras."""

from typing import Any, cast

from boxloss.check import check_choice
from boxloss.check_arrays import array_namespace
from boxloss.compat.arrays import library, reduced
from boxloss.typing import Array, ArrayT

NAMES = ("y_true", "y_pred")
REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none")


class BoxLoss:
    """What the classes share: a reduction, and a call with the arguments of Keras.

    `name` and `dtype` are kept and change nothing.
    """

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        self.name, self.dtype = name or type(self).__name__, dtype
        self.reduction = check_choice("reduction", "none" if reduction is None else reduction, REDUCTIONS)

    def call(self, y_true: ArrayT, y_pred: ArrayT) -> ArrayT:
        """Compute the values before weights and reduction."""
        raise NotImplementedError

    def __call__(self, y_true: ArrayT, y_pred: ArrayT, sample_weight: Array | None = None) -> ArrayT:
        """Compute the loss of boxes, shape (N, 4), the true ones first, with weights for the values of `call`."""
        values: Any = self.call(y_true, y_pred)
        if sample_weight is not None:
            xp = array_namespace(y_true=y_true, sample_weight=sample_weight)
            values, sample_weight = of_one_rank(values, xp.astype(sample_weight, values.dtype))
            values = values * sample_weight
        return cast(ArrayT, _reduced(library(y_true, y_pred, NAMES), values, sample_weight, self.reduction))


def of_one_rank(one: Any, other: Any) -> tuple[Any, Any]:
    """Return two arrays, of which one may have a last axis of 1 too many: it goes, but beside a single axis."""
    if one.ndim > other.ndim:
        other, one = of_one_rank(other, one)
        return one, other
    if other.ndim != one.ndim + 1 or other.shape[-1] != 1:
        return one, other
    return (one[..., None], other) if one.ndim == 1 else (one, other[..., 0])


def _reduced(xp: Any, values: Any, sample_weight: Any, reduction: str) -> Any:
    if reduction == "none" or values.ndim == 0:
        return values
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        total = xp.sum(sample_weight)
        is_zero = total == 0.0
        return xp.where(is_zero, 0.0, xp.sum(values) / xp.where(is_zero, 1.0, total))
    return reduced(xp, values, "sum" if reduction == "sum" else "mean")
