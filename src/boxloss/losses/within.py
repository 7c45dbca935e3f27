"""The verbs that keep the pairs of a matrix within a threshold."""

from typing import Any, ClassVar

from boxloss import dispatch
from boxloss.check import check_finite
from boxloss.check_options import check_eps, check_two_axes
from boxloss.formulas.program import Program
from boxloss.libraries.arrays import is_jax
from boxloss.libraries.derivatives import with_derivative
from boxloss.request import pairwise_request
from boxloss.typing import Array, ArrayT, Engine, Format


class Within:
    """The pairs with a value below or above a threshold, of a matrix that is never whole."""

    program: ClassVar[Program]
    # The value is at least this times 1 - IoU, so boxes without overlap have at least this; 0 says nothing of them.
    per_distance: ClassVar[float] = 0.0

    def below(
        self,
        pred: ArrayT,
        target: ArrayT,
        threshold: float,
        *,
        format: Format = "xyxy",
        image_size: tuple[float, float] | None = None,
        eps: float | None = None,
        engine: Engine = "auto",
    ) -> tuple[Any, Any, ArrayT]:
        """Find the pairs with a value below a threshold.

        Parameters
        ----------
        pred : array, shape (N, 4)
            Boxes.
        target : array, shape (M, 4)
            Boxes of the same library and device.
        threshold : float
            The values are less than this, in the float type that they are computed in.
        format, image_size, eps, engine
            As in the call.

        Returns
        -------
        i, j : arrays of integers, shape (K,)
            Which pred and which target, in the order of ``numpy.nonzero(pairwise(pred, target) < threshold)``.
        value : array, shape (K,)
            The loss of each pair, to the last bit of the matrix; no matrix is written. It is differentiable for tensors
            that require grad and for JAX.

        Raises
        ------
        TypeError, ValueError
            As `pairwise` raises them, for boxes with other axes and for a `threshold` that is no finite number.
        RuntimeError
            If torch.compile or torch.func traces the call: no graph knows how many pairs there are. Neither does
            ``jax.jit``.

        Notes
        -----
        A NaN is below nothing. A loss that is 1 - IoU and penalties is 1 or more for boxes without overlap, and
        `LogIoU` is -ln(min_iou). So for thresholds up to that the ``"numba"`` engine looks only at boxes near each
        other: of 100,000 by 100,000 pairs it computes a few in a thousand. For other losses, modified ones among them,
        it looks at all.

        Examples
        --------
        >>> import numpy as np
        >>> import boxloss as bl
        >>> boxes = np.asarray([[0.0, 0, 2, 2], [1, 0, 3, 2], [4, 4, 6, 6]])
        >>> i, j, value = bl.giou.below(boxes[:2], boxes, 0.9)
        >>> i, j, value.round(3)
        (array([0, 0, 1, 1]), array([0, 1, 0, 1]), array([0.   , 0.667, 0.667, 0.   ]))
        """
        return self._within(pred, target, threshold, format, image_size, eps, engine, False)

    def above(
        self,
        pred: ArrayT,
        target: ArrayT,
        threshold: float,
        *,
        format: Format = "xyxy",
        image_size: tuple[float, float] | None = None,
        eps: float | None = None,
        engine: Engine = "auto",
    ) -> tuple[Any, Any, ArrayT]:
        """Find the pairs with a value above a threshold: for `iou_score` those that overlap by more.

        Parameters
        ----------
        pred, target, format, image_size, eps, engine
            As in `below`.
        threshold : float
            The values are greater than this, in the float type that they are computed in.

        Returns
        -------
        i, j, value : arrays, shape (K,)
            As in `below`.

        Raises
        ------
        TypeError, ValueError, RuntimeError
            As `below` raises them.

        Notes
        -----
        A NaN is above nothing. For `iou_score` and thresholds from 0 on, the ``"numba"`` engine looks only at boxes
        near each other.

        Examples
        --------
        >>> import numpy as np
        >>> import boxloss as bl
        >>> boxes = np.asarray([[0.0, 0, 2, 2], [1, 0, 3, 2], [4, 4, 6, 6]])
        >>> i, j, value = bl.iou_score.above(boxes, boxes[1:], 0.3)
        >>> i, j, value.round(3)
        (array([0, 1, 2]), array([0, 0, 1]), array([0.333, 1.   , 1.   ]))
        """
        return self._within(pred, target, threshold, format, image_size, eps, engine, True)

    def __init_subclass__(cls, **options: Any) -> None:
        """Give a class with another formula its own bound, or none."""
        super().__init_subclass__(**options)
        # A formula may come from a class that is no loss.
        own = set().union(*(vars(kind) for kind in cls.__mro__ if kind is cls or not issubclass(kind, Within)))
        if {"formula", "terms", "evaluate", "relations"} & own and "per_distance" not in own:
            cls.per_distance = 0.0
            if "needed_overlap" not in own:
                cls.needed_overlap = Within.needed_overlap  # type: ignore[method-assign]

    def needed_overlap(self, threshold: float, above: bool) -> float | None:
        """Find the IoU that any pair below a threshold, or above it, exceeds; None if it may have none."""
        slope = self.per_distance
        return 1.0 - threshold / slope if not above and slope > 0.0 and threshold <= slope else None

    def without_overlap(self) -> float | None:
        """Find the best value that boxes without overlap may have; None if that may be any."""
        is_score: bool = self.is_score  # type: ignore[attr-defined]
        bound = 0.0 if is_score else self.per_distance
        return None if self.needed_overlap(bound, is_score) is None else bound

    def _within(
        self,
        pred: Array,
        target: Array,
        threshold: float,
        format: Format,
        image_size: tuple[float, float] | None,
        eps: float | None,
        engine: Engine,
        above: bool,
    ) -> tuple[Any, Any, Any]:
        threshold = check_finite("threshold", threshold)
        if dispatch.is_traced(pred, target):
            raise _no_counts(pred, target)
        program = check_eps(self.program, eps)
        request = pairwise_request(program, pred, target, format, image_size).standard()
        check_two_axes(request.pred, request.target)
        run = dispatch.runner("within", engine, request)
        overlap = self.needed_overlap(threshold, above)
        i, j, value = run(program, request.constant(), threshold, above, overlap)
        if request.is_tracked or is_jax(pred):
            loss: Any = self
            boxes = request.xp.take(request.pred, i, axis=0), request.xp.take(request.target, j, axis=0)
            own = loss(*boxes, format=format, image_size=image_size, eps=eps, engine=engine)
            value = with_derivative(request.xp, value, own)
        return i, j, value


def _no_counts(pred: Array, target: Array) -> Exception:
    """Make the error of a call whose results torch would have to know the sizes of."""
    for boxes in (pred, target):
        if dispatch.is_subclass(boxes):
            came = type(boxes).__name__
            return TypeError(f"below and above take plain tensors; got {came}. Give boxes.as_subclass(torch.Tensor)")
    return RuntimeError(
        "below and above give as many pairs as there are, which no graph and no transform of torch knows: "
        "call them outside of torch.compile and torch.func"
    )
