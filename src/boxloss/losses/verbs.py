"""The verbs of every loss, and the arguments that they share."""

from typing import Any, ClassVar, Literal, Unpack, overload

from boxloss import dispatch, reduce
from boxloss.check import check_wrt
from boxloss.check_options import check_eps
from boxloss.formulas.program import Program
from boxloss.losses.best import Best
from boxloss.losses.within import Within
from boxloss.request import Elementwise, pairwise_request, request_of
from boxloss.typing import Array, ArrayT, Engine, Format, Options, Reduction


class Verbs(Best, Within):
    """What can be asked of a loss: values, values with gradients, matrices, and what matters of a matrix."""

    program: ClassVar[Program]  # set on each instance: what engines know of it

    def __call__(
        self,
        pred: ArrayT,
        target: ArrayT,
        *,
        format: Format = "xyxy",
        image_size: tuple[float, float] | None = None,
        weight: Array | float | None = None,
        reduction: Reduction = "none",
        avg_factor: float | None = None,
        eps: float | None = None,
        engine: Engine = "auto",
    ) -> ArrayT:
        """Compute the loss of each pair of boxes.

        Parameters
        ----------
        pred, target : array, shape (..., 4), or as many as numbers of the format
            Boxes of one array library, on one device, of floats or integers. Leading axes broadcast.
        format : str or (str, str)
            The format of both, or of pred and of target: ``"xyxy"``, ``"xywh"`` (corner and size), ``"cxcywh"``,
            ``"yxyx"``; with five numbers of rotated boxes ``"cxcywha"`` (radians from +x towards +y), ``"cxcywhd"``
            (degrees), ``"cxcywhr"`` and ``"xywhr"`` (torchvision's, degrees counter-clockwise); or one of these with
            ``"rel_"`` before it for coordinates that are fractions of the image. Boxes in space: ``"xyzxyz"`` (two
            corners), ``"cxcyczwlh"`` (centre, and sides along x, y and z) and ``"cxcyczwlha"`` (these and a yaw in
            radians, from +x towards +y). See `boxloss.convert`.
        image_size : (height, width), optional
            The size of the image in pixels; a relative format needs it.
        weight : array or float, optional
            A factor a pair, of a shape that broadcasts to the values.
        reduction : {"none", "mean", "sum"}
            What becomes of the weighted values. The mean of nothing is 0.
        avg_factor : float, optional
            The divisor of the mean instead of the number of pairs; 0 makes the mean 0.
        eps : float, optional
            Another `eps` than the loss's own, for this call: it is added to denominators, for parity with libraries
            that do so. The default, 0, guards denominators without changing any value.
        engine : {"auto", "array", "numba", "cuda"}
            ``"numba"`` runs the compiled CPU kernels on NumPy arrays and CPU tensors, ``"cuda"`` runs kernels on CuPy
            arrays and CUDA tensors, ``"array"`` runs the formula by the array library itself, ``"auto"`` takes the
            faster of those that can.

        Returns
        -------
        array
            Values of the leading shape of the boxes, or one value if reduced. A torch tensor that requires grad gives
            a differentiable result, and JAX differentiates it wherever it asks.

        Raises
        ------
        TypeError
            If an argument is not an array, the libraries differ, or a type is not supported.
        ValueError
            If a shape, a name or a number does not fit; the message says which.
        RuntimeError
            If ``engine="cuda"`` is asked for and the machine lacks what it needs; the message says what.
        """
        if dispatch.is_traced(pred, target, weight, avg_factor):
            from boxloss.adapters.torch import traced

            values: ArrayT = traced.values(
                self.program, pred, target, format, image_size, weight, reduction, avg_factor, eps, engine
            )
            return values
        program = check_eps(self.program, eps)
        request = request_of(program, pred, target, format, image_size, weight, reduction, avg_factor)
        run: Elementwise = dispatch.runner("elementwise", engine, request)
        if request.is_tracked:
            from boxloss.adapters.torch.node import differentiable

            result: ArrayT = differentiable(program, request, run)
        else:
            value, _ = run(program, request, ())
            result = reduce.values(request, value)
        return result

    @overload
    def value_and_grad(
        self, pred: ArrayT, target: ArrayT, *, wrt: Literal["pred", "target"] = "pred", **options: Unpack[Options]
    ) -> tuple[ArrayT, ArrayT]: ...

    @overload
    def value_and_grad(
        self, pred: ArrayT, target: ArrayT, *, wrt: Literal["both"], **options: Unpack[Options]
    ) -> tuple[ArrayT, tuple[ArrayT, ArrayT]]: ...

    def value_and_grad(
        self,
        pred: ArrayT,
        target: ArrayT,
        *,
        wrt: Literal["pred", "target", "both"] = "pred",
        format: Format = "xyxy",
        image_size: tuple[float, float] | None = None,
        weight: Array | float | None = None,
        reduction: Reduction = "none",
        avg_factor: float | None = None,
        eps: float | None = None,
        engine: Engine = "auto",
    ) -> tuple[Any, Any]:
        """Compute the loss of each pair and its gradient, in one pass.

        Takes the arguments of the call, and `wrt`.

        Parameters
        ----------
        pred, target, format, image_size, weight, reduction, avg_factor, eps, engine
            As in the call.
        wrt : {"pred", "target", "both"}
            Which boxes the gradient is with respect to.

        Returns
        -------
        value : array
            As the call returns it.
        grad : array, shape (..., 4), or a pair of them for ``wrt="both"``
            One row a pair (the broadcast shape), in the format of the boxes: the derivative of that pair's own value,
            times its weight, divided by the divisor of the mean. The sum over pairs of a box that was broadcast is
            its gradient. At a kink each component is the mean of its one-sided derivatives (boxes without area, where
            several kinks may meet, excepted).

        Raises
        ------
        TypeError, ValueError
            As the call raises them.

        Examples
        --------
        >>> import numpy as np
        >>> import boxloss as bl
        >>> value, grad = bl.giou.value_and_grad(np.asarray([[0.0, 0, 2, 2]]), np.asarray([[1.0, 1, 3, 3]]))
        >>> value.round(4), grad.round(4)
        (array([1.0794]), array([[-0.0779, -0.0779, -0.2336, -0.2336]]))
        """
        if dispatch.is_traced(pred, target, weight, avg_factor):
            from boxloss.adapters.torch import traced

            return traced.value_and_grad(
                self.program, pred, target, wrt, format, image_size, weight, reduction, avg_factor, eps, engine
            )
        boxes = check_wrt(wrt)
        program = check_eps(self.program, eps)
        request = request_of(program, pred, target, format, image_size, weight, reduction, avg_factor)
        request = request.constant()
        run: Elementwise = dispatch.runner("elementwise", engine, request)
        value, grads = run(program, request, boxes)
        value = reduce.values(request, value)
        return value, grads if wrt == "both" else grads[0]

    def pairwise(
        self,
        pred: ArrayT,
        target: ArrayT,
        *,
        format: Format = "xyxy",
        image_size: tuple[float, float] | None = None,
        eps: float | None = None,
        engine: Engine = "auto",
        out: ArrayT | None = None,
    ) -> ArrayT:
        """Compute the loss of each pred with each target.

        Parameters
        ----------
        pred : array, shape (..., N, 4)
            Boxes.
        target : array, shape (..., M, 4)
            Boxes of the same library and device; axes before the last two broadcast.
        format, image_size, eps, engine
            As in the call.
        out : array, shape (..., N, M), optional
            A buffer for the result, of the result's type; the ``"numba"`` and ``"cuda"`` engines want it
            C-contiguous.

        Returns
        -------
        array, shape (..., N, M)
            The matrix, or `out`. It is differentiable for torch tensors that require grad, which `out` excludes, and
            for JAX. Its backward pass computes the gradients of some rows at a time.

        Raises
        ------
        TypeError, ValueError
            As the call raises them, and for an `out` that does not fit.

        Examples
        --------
        >>> import numpy as np
        >>> import boxloss as bl
        >>> boxes = np.asarray([[0.0, 0, 2, 2], [1, 1, 3, 3], [4, 4, 6, 6]])
        >>> bl.giou.pairwise(boxes[:1], boxes).round(3)
        array([[0.   , 1.079, 1.778]])
        """
        if dispatch.is_traced(pred, target):
            from boxloss.adapters.torch import traced

            matrix: ArrayT = traced.pairwise(self.program, pred, target, format, image_size, eps, engine, out)
            return matrix
        program = check_eps(self.program, eps)
        request = pairwise_request(program, pred, target, format, image_size, out)
        run = dispatch.runner("pairwise", engine, request)
        if request.is_tracked:
            from boxloss.adapters.torch.node import differentiable_matrix

            of_pairs = dispatch.runner("elementwise", engine, request)
            result: ArrayT = differentiable_matrix(program, request, run, of_pairs)
        else:
            result = run(program, request.constant())
        return result if out is None else out
