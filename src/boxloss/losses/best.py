"""The verbs that keep the best of a matrix."""

from types import ModuleType
from typing import Any, ClassVar

from boxloss import dispatch
from boxloss.check import check_k
from boxloss.check_options import check_eps
from boxloss.formulas.program import Program
from boxloss.libraries.arrays import is_jax
from boxloss.libraries.derivatives import constant, with_derivative
from boxloss.request import pairwise_request
from boxloss.typing import Array, ArrayT, Engine, Format


class Best:
    """For each pred the targets that match it best, of a matrix that is never whole."""

    program: ClassVar[Program]
    is_score: ClassVar[bool]

    def nearest(
        self,
        pred: ArrayT,
        target: ArrayT,
        *,
        target_mask: Array | None = None,
        format: Format = "xyxy",
        image_size: tuple[float, float] | None = None,
        eps: float | None = None,
        engine: Engine = "auto",
    ) -> tuple[ArrayT, Any]:
        """Find the best target of each pred: that of the smallest loss, or of the largest score.

        Parameters
        ----------
        pred : array, shape (..., N, 4)
            Boxes.
        target : array, shape (..., M, 4)
            Boxes of the same library and device; axes before the last two broadcast.
        target_mask : array of bool, optional
            Which targets count, of a shape that broadcasts to (..., M), for batches that are filled up to one size.
            Anything may stand where it is False.
        format, image_size, eps, engine
            As in the call.

        Returns
        -------
        value : array, shape (..., N)
            ``pairwise(pred, target).min(-1)`` of a loss and ``.max(-1)`` of a score, to the last bit, and no matrix is
            written. Infinity where there is no target: -inf of a score. It is differentiable for tensors that require
            grad and for JAX: by the boxes of the pairs that were chosen, as the call is.
        index : array of integers, shape (..., N)
            The first target that has the value; -1 where there is none.

        Raises
        ------
        TypeError, ValueError
            As `pairwise` raises them, and for a `target_mask` that does not fit.

        Notes
        -----
        A NaN is passed over: a target with one is never chosen, and a pred with one has no target.

        Of axis-aligned boxes and the IoU family the ``"numba"`` engine looks among the targets around a pred first,
        where there are some thousand preds and some hundred targets, and at all of them only if it has to.

        Examples
        --------
        >>> import numpy as np
        >>> import boxloss as bl
        >>> boxes = np.asarray([[0.0, 0, 2, 2], [1, 1, 3, 3], [4, 4, 6, 6]])
        >>> value, index = bl.giou.nearest(boxes + 0.5, boxes[1:])
        >>> value.round(3), index
        (array([0.689, 0.689, 0.689]), array([0, 0, 1]))
        """
        value, index = self._best("nearest", pred, target, target_mask, format, image_size, eps, engine)
        return value, index

    def topk(
        self,
        pred: ArrayT,
        target: ArrayT,
        k: int,
        *,
        target_mask: Array | None = None,
        format: Format = "xyxy",
        image_size: tuple[float, float] | None = None,
        eps: float | None = None,
        engine: Engine = "auto",
    ) -> tuple[ArrayT, Any]:
        """Find the `k` best targets of each pred, the best first: of the smallest losses, or of the largest scores.

        Parameters
        ----------
        pred : array, shape (..., N, 4)
            Boxes.
        target : array, shape (..., M, 4)
            Boxes of the same library and device; axes before the last two broadcast.
        k : int
            How many, from 1 to 2**31 - 1; more than there are targets too. It is meant for a few: the time that is
            needed to keep them in order grows with its square.
        target_mask, format, image_size, eps, engine
            As in `nearest`.

        Returns
        -------
        value : array, shape (..., N, k)
            The best first. Infinity where there are fewer targets: -inf of a score. Differentiable as in `nearest`.
        index : array of integers, shape (..., N, k)
            Of equal values the first target comes first; -1 where there are fewer targets.

        Raises
        ------
        TypeError, ValueError
            As `nearest` raises them, and for a `k` that is no such whole number.

        Notes
        -----
        A NaN is passed over, as in `nearest`.

        Examples
        --------
        >>> import numpy as np
        >>> import boxloss as bl
        >>> boxes = np.asarray([[0.0, 0, 2, 2], [1, 1, 3, 3], [4, 4, 6, 6]])
        >>> value, index = bl.iou_score.topk(boxes, boxes, 2)
        >>> value.round(3)[0], index[0]
        (array([1.   , 0.143]), array([0, 1]))
        """
        k = check_k(k)
        value, index = self._best("topk", pred, target, target_mask, format, image_size, eps, engine, k)
        return value, index

    def _best(
        self,
        verb: str,
        pred: Array,
        target: Array,
        target_mask: Array | None,
        format: Format,
        image_size: tuple[float, float] | None,
        eps: float | None,
        engine: Engine,
        *k: int,
    ) -> tuple[Any, Any]:
        """Find value and index; where a library differentiates, give the value a derivative."""
        program = check_eps(self.program, eps)
        if dispatch.is_traced(pred, target):
            from array_api_compat import torch as namespace

            from boxloss.adapters.torch import traced

            arguments = pred, target, format, image_size, eps, engine
            found = traced.best(self.program, *arguments, target_mask, *k)
            return self._differentiable(namespace, arguments, *found)
        request = pairwise_request(program, pred, target, format, image_size, target_mask=target_mask).standard()
        run = dispatch.runner(verb, engine, request)
        more: Any = k or (self.without_overlap(),)  # type: ignore[attr-defined]
        value, index = run(program, request.constant(), self.is_score, *more)
        if request.is_tracked or is_jax(pred):
            arguments = request.pred, request.target, format, image_size, eps, engine
            return self._differentiable(request.xp, arguments, value, index)
        return value, index

    def _differentiable(self, xp: ModuleType, arguments: Any, value: Any, index: Any) -> tuple[Any, Any]:
        """Give the value the derivative that the call has for the pairs that were chosen."""
        pred, target, format, image_size, eps, engine = arguments
        several = index.ndim == max(pred.ndim, target.ndim)  # of topk
        if not target.shape[-2]:  # a derivative of 0, so that a step without targets is one
            nothing = 0.0 * xp.sum(xp.where(xp.isfinite(pred), pred, 0.0), axis=-1)
            return value + (nothing[..., None] if several else nothing), index
        of_pred = pred[..., None, :] if several else pred
        flat = xp.reshape(index, (*index.shape[:-2], -1)) if several else index
        boxes = xp.broadcast_to(target, (*flat.shape[:-1], *target.shape[-2:]))
        found = xp.take_along_axis(boxes, xp.where(flat < 0, 0, flat)[..., None], axis=-2)
        found = xp.reshape(found, (*index.shape, found.shape[-1]))
        # Where nothing was chosen, what stands there may be no box; zeros give a finite derivative to discard.
        found = xp.where(index[..., None] < 0, xp.zeros_like(found), found)
        loss: Any = self
        own = loss(of_pred, found, format=format, image_size=image_size, eps=eps, engine=engine)
        return xp.where(index < 0, constant(value), with_derivative(xp, value, own)), index
