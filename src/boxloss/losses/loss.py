"""The base of every loss: the verbs, and the arguments that they share."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal, Self, Unpack, overload

from boxloss import dispatch, reduce
from boxloss.check import check_no_boxes, check_not_negative, check_parameter, check_wrt
from boxloss.formulas.program import Program, program_of
from boxloss.request import pairwise_request, request_of
from boxloss.shapes.shape import Pair, Relation
from boxloss.typing import Array, ArrayT, Engine, Format, Options, Reduction


@dataclass(frozen=True)
class Loss(ABC):
    """A bounding-box regression loss: call it for values, or take values and gradients in one pass.

    A loss is an immutable object whose fields are its parameters. Three verbs share their arguments: calling it,
    `value_and_grad` and `pairwise`. The array library, the device and the float type of a result are those of the
    input: float16 and bfloat16 are computed in float32 (the value comes back float32, the gradient in the input's
    type), integers in the library's default float type.

    Losses add up: ``5.0 * bl.L1() + 2.0 * bl.GIoU()`` is a loss.
    """

    expression: ClassVar[str]
    value_range: ClassVar[str]
    paper: ClassVar[str] = ""
    relations: ClassVar[tuple[str | Relation, ...]]  # of the two boxes, which the loss is computed from
    sum_of: ClassVar[Callable[..., "Loss"]]  # makes a `WeightedSum`, which is a loss itself and sets this
    program: ClassVar[Program]  # set on each instance: what engines know of it; not a parameter
    __array_ufunc__: ClassVar[None] = None  # an array times a loss is an error, not an array of losses

    def __new__(cls, *parameters: Any, **named: Any) -> Self:
        """Before the parameters are bound: with boxes, Python's own message would say how many it counted."""
        check_no_boxes(cls, (*parameters, *named.values()))
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for parameter in fields(self):
            value = check_parameter(parameter.name, parameter.type, getattr(self, parameter.name))
            object.__setattr__(self, parameter.name, value)
        object.__setattr__(self, "program", program_of(self))

    @abstractmethod
    def evaluate(self, xp: Any, pair: Pair) -> tuple[Any, Any]:
        """The value for a pair of boxes, and a function that gives its gradient.

        ``gradient(exchanged) -> Gradient`` is with respect to the first box, or to the other.
        """

    @property
    def fields(self) -> tuple[Any, ...]:
        """The values of the parameters, in order."""
        return tuple(getattr(self, parameter.name) for parameter in fields(self))

    def with_eps(self, eps: float) -> Self:
        """Take another `eps`, in each loss of a sum that has one."""
        self.program.with_eps(eps)  # raises if there is none
        changed = {f.name: eps if f.name == "eps" else _with_eps(getattr(self, f.name), eps) for f in fields(self)}
        return replace(self, **changed)

    def __add__(self, other: "Loss") -> "Loss":
        """The sum of two losses."""
        return self.sum_of(((1.0, self), (1.0, other))) if isinstance(other, Loss) else NotImplemented

    def __radd__(self, other: Any) -> "Loss":
        """0 + loss, so that `sum` adds losses up."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __mul__(self, weight: float) -> "Loss":
        """The loss times a weight."""
        return NotImplemented if isinstance(weight, Loss) else self.sum_of(((weight, self),))

    __rmul__ = __mul__

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
        """The loss of each pair of boxes.

        Parameters
        ----------
        pred, target : array, shape (..., 4)
            Boxes of one array library, on one device, in one float type (or integers). Leading axes broadcast.
        format : str or (str, str)
            The format of both, or of pred and of target: ``"xyxy"``, ``"xywh"`` (corner and size), ``"cxcywh"``,
            ``"yxyx"``, or one of these with ``"rel_"`` before it for coordinates that are fractions of the image.
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
            If an argument is not an array, the libraries or the float types differ, or a type is not supported.
        ValueError
            If a shape, a name or a number does not fit; the message says which.
        RuntimeError
            If ``engine="cuda"`` is asked for and the machine lacks what it needs; the message says what.
        """
        if dispatch.is_traced(pred, target):
            from boxloss.adapters.torch import traced

            values: ArrayT = traced.values(
                self.program, pred, target, format, image_size, weight, reduction, avg_factor, eps, engine
            )
            return values
        program = self._program(eps)
        request = request_of(program, pred, target, format, image_size, weight, reduction, avg_factor)
        run = dispatch.runner("elementwise", engine, request)
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
        """The loss of each pair and its gradient, in one pass.

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
        if dispatch.is_traced(pred, target):
            from boxloss.adapters.torch import traced

            return traced.value_and_grad(
                self.program, pred, target, wrt, format, image_size, weight, reduction, avg_factor, eps, engine
            )
        boxes = check_wrt(wrt)
        program = self._program(eps)
        request = request_of(program, pred, target, format, image_size, weight, reduction, avg_factor)
        value, grads = dispatch.runner("elementwise", engine, request)(program, request, boxes)
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
        """The loss of each pred with each target.

        Parameters
        ----------
        pred : array, shape (..., N, 4)
            Boxes.
        target : array, shape (..., M, 4)
            Boxes of the same library, device and float type; axes before the last two broadcast.
        format, image_size, eps, engine
            As in the call.
        out : array, shape (..., N, M), optional
            A buffer for the result, of the result's type; the ``"numba"`` and ``"cuda"`` engines want it
            C-contiguous.

        Returns
        -------
        array, shape (..., N, M)
            The matrix, or `out`. Tensors count as constants; JAX differentiates it.

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
        program = self._program(eps)
        request = pairwise_request(program, pred, target, format, image_size, out)
        result: ArrayT = dispatch.runner("pairwise", engine, request)(program, request)
        return result if out is None else out

    def _program(self, eps: float | None) -> Program:
        return self.program if eps is None else self.program.with_eps(check_not_negative("eps", eps))


def _with_eps(value: Any, eps: float) -> Any:
    """What a field becomes: a loss, or a tuple with losses in it, takes the `eps` where it can."""
    if isinstance(value, Loss):
        return value.with_eps(eps) if value.program.structure.eps_places else value
    return tuple(_with_eps(item, eps) for item in value) if isinstance(value, tuple) else value
