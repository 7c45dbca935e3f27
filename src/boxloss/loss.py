"""The base of every loss: the verbs, and the arguments that they share."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, Unpack, overload

from boxloss import reduce
from boxloss.check import WRT, check_choice, check_no_boxes, check_parameter, check_reduction
from boxloss.check_arrays import broadcast_shape, check_matrix, check_out, check_pair, check_weight
from boxloss.engines import select
from boxloss.formula import Formula
from boxloss.text import to_text
from boxloss.typing import Array, ArrayT, Engine, Format, Options, Reduction

if TYPE_CHECKING:
    from boxloss.losses.weighted_sum import WeightedSum


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
    text: ClassVar[str]  # set on each instance; not a parameter
    __array_ufunc__: ClassVar[None] = None  # an array times a loss is an error, not an array of losses

    def __new__(cls, *parameters: Any, **named: Any) -> Self:
        """Before the parameters are bound: with boxes, Python's own message would say how many it counted."""
        check_no_boxes(cls, (*parameters, *named.values()))
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for parameter in fields(self):
            value = check_parameter(parameter.name, parameter.type, getattr(self, parameter.name))
            object.__setattr__(self, parameter.name, value)
        object.__setattr__(self, "text", to_text(self))  # torch.compile can guard on an attribute

    @abstractmethod
    def compose(self) -> Formula:
        """The functions that an engine runs."""

    @property
    def fields(self) -> tuple[Any, ...]:
        """The values of the parameters, in order."""
        return tuple(getattr(self, parameter.name) for parameter in fields(self))

    @property
    def structure(self) -> "Loss | tuple[Loss, ...]":
        """What a kernel is compiled for: everything but the weights of a sum."""
        return self

    @property
    def weights(self) -> tuple[float, ...]:
        """The weights of a sum; none for a single loss."""
        return ()

    def with_eps(self, eps: float) -> "Loss":
        """The same loss with another `eps`."""
        if all(parameter.name != "eps" for parameter in fields(self)):
            raise ValueError(f"eps pads a denominator and {type(self).__name__} has none; got eps={eps!r}")
        return replace(self, eps=eps)  # type: ignore[call-arg]

    def __add__(self, other: "Loss") -> "WeightedSum":
        """The sum of two losses."""
        from boxloss.losses.weighted_sum import WeightedSum

        if not isinstance(other, Loss):
            return NotImplemented
        return WeightedSum(((1.0, self), (1.0, other)))

    def __radd__(self, other: Any) -> "Loss":
        """0 + loss, so that `sum` adds losses up."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __mul__(self, weight: float) -> "WeightedSum":
        """The loss times a weight."""
        from boxloss.losses.weighted_sum import WeightedSum

        return NotImplemented if isinstance(weight, Loss) else WeightedSum(((weight, self),))

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
        if select.is_traced(pred, target):
            from boxloss.interop import torch_traced

            traced: ArrayT = torch_traced.values(
                self, pred, target, format, image_size, weight, reduction, avg_factor, eps, engine
            )
            return traced
        loss = self if eps is None else self.with_eps(eps)
        divisor = check_reduction(reduction, avg_factor)
        inputs = check_pair(pred, target, format, image_size)
        shape = broadcast_shape(inputs.pred.shape[:-1], inputs.target.shape[:-1])
        if weight is not None:
            weight = check_weight(inputs.xp, weight, inputs.pred, shape)
        run = select.engine(engine, inputs)
        if select.is_tracked(inputs.pred, inputs.target, weight):
            from boxloss.interop.torch import differentiable

            result: ArrayT = differentiable(loss, inputs, run, shape, weight, reduction, divisor)
        else:
            value, _ = run.elementwise(loss, inputs, shape, weight, 1.0, wrt=())
            result = reduce.values(inputs.xp, value, reduction, divisor)
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
        if select.is_traced(pred, target):
            from boxloss.interop import torch_traced

            return torch_traced.value_and_grad(
                self, pred, target, wrt, format, image_size, weight, reduction, avg_factor, eps, engine
            )
        loss = self if eps is None else self.with_eps(eps)
        divisor = check_reduction(reduction, avg_factor)
        check_choice("wrt", wrt, WRT)
        inputs = select.constant(check_pair(pred, target, format, image_size))
        shape = broadcast_shape(inputs.pred.shape[:-1], inputs.target.shape[:-1])
        if weight is not None:
            weight = check_weight(inputs.xp, weight, inputs.pred, shape)
        factor = reduce.gradient_factor(shape, reduction, divisor)
        boxes = ("pred", "target") if wrt == "both" else (wrt,)
        value, grads = select.engine(engine, inputs).elementwise(loss, inputs, shape, weight, factor, wrt=boxes)
        value = reduce.values(inputs.xp, value, reduction, divisor)
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
        if select.is_traced(pred, target):
            from boxloss.interop import torch_traced

            traced: ArrayT = torch_traced.pairwise(self, pred, target, format, image_size, eps, engine, out)
            return traced
        loss = self if eps is None else self.with_eps(eps)
        inputs = select.constant(check_pair(pred, target, format, image_size))
        check_matrix(inputs.pred, inputs.target)
        batch = broadcast_shape(inputs.pred.shape[:-2], inputs.target.shape[:-2])
        shape = (*batch, inputs.pred.shape[-2], inputs.target.shape[-2])
        buffer = None if out is None else check_out(out, inputs.pred, shape)
        matrix: ArrayT = select.engine(engine, inputs).pairwise(loss, inputs, shape, buffer)
        return matrix if out is None else out
