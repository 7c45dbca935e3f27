"""The base of every loss, and sums of losses."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from inspect import get_annotations, isfunction
from typing import Any, ClassVar, Self

from boxloss.check import check_finite
from boxloss.check_parameters import (
    check_no_boxes,
    check_one_direction,
    check_pairs,
    check_parameter,
    check_parameter_names,
)
from boxloss.formulas.checked import check_is_dataclass
from boxloss.formulas.evaluation import Evaluation, weighted_sum
from boxloss.formulas.names import is_of_package, keep
from boxloss.formulas.program import program_of
from boxloss.formulas.structure import tuple_like
from boxloss.losses.best import Best
from boxloss.losses.verbs import Verbs
from boxloss.losses.within import Within
from boxloss.shapes.shape import GradientOf, Pair, Relation
from boxloss.typing import Namespace, Number


@dataclass(frozen=True)
class Loss(Verbs, ABC):
    """A bounding-box regression loss: call it for values, or take values and gradients in one pass.

    A loss is an immutable object whose fields are its parameters. Its verbs share their arguments: calling it,
    `value_and_grad`, `pairwise`, and what keeps the best of a matrix without writing it: `nearest`, `topk`, `below`
    and `above`. The array library, the device and the float type of a result are those of the
    input: float16 and bfloat16 are computed in float32 (the value comes back float32, the gradient in the input's
    type), integers from 32 bits on in float64, and of two float types the wider one is taken.

    Losses add up: ``5.0 * bl.L1() + 2.0 * bl.GIoU()`` is a loss.
    """

    is_score: ClassVar[bool] = False  # a larger value is a better match
    expression: ClassVar[str] = ""  # the formula, as lists and notebooks show it
    value_range: ClassVar[str] = ""  # as "[0, inf)"; suppression takes no threshold out of it
    paper: ClassVar[str] = ""
    relations: ClassVar[tuple[str | Relation, ...]]  # of the two boxes, which the loss is computed from
    shapes: ClassVar[tuple[str, ...]] = ()  # the kinds of box that it is defined for; if empty, all with its relations
    exponents: ClassVar[tuple[str, ...]] = ()  # parameters in `xp.pow`; of 1 and more, if they stand there less 1
    __array_ufunc__: ClassVar[None] = None  # an array times a loss is an error, not an array of losses

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        check_parameter_names(cls, get_annotations(cls), Loss)
        keep(cls)
        if not is_of_package(cls):
            from boxloss.losses.own import check_stated

            check_stated(cls)

    def __new__(cls, *parameters: Any, **named: Any) -> Self:
        """Refuse boxes before the parameters are bound: Python's own message would say how many it counted."""
        check_no_boxes(cls, (*parameters, named.get("pred"), named.get("target")))
        check_is_dataclass(cls)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for parameter in fields(self):
            value = check_parameter(parameter.name, parameter.type, getattr(self, parameter.name))
            object.__setattr__(self, parameter.name, value)
        if self.exponents and not is_of_package(type(self)):
            from boxloss.losses.own import check_exponents

            check_exponents(self)
        object.__setattr__(self, "program", program_of(self))

    @abstractmethod
    def evaluate(self, xp: Namespace, pair: Pair) -> tuple[Number, GradientOf]:
        """Compute the value for a pair of boxes, and a function that gives its gradient.

        ``gradient(exchanged) -> Gradient`` is with respect to the first box, or to the other.
        """

    @property
    def has_iou_term(self) -> bool:
        """Whether the loss is 1 - IoU and penalties; if not, `iou_term` and these are not to be called."""
        return False

    @property
    def has_powers(self) -> bool:
        """Whether 1 - IoU and the penalties, each to a power, add up to a loss."""
        return self.has_iou_term

    def iou_term(self, xp: Namespace, pair: Pair) -> Evaluation:
        """Compute the term 1 - IoU."""
        raise NotImplementedError

    def penalties(self, xp: Namespace, pair: Pair) -> tuple[Evaluation, ...]:
        """Compute the other terms, each by itself."""
        raise NotImplementedError

    def penalty(self, xp: Namespace, pair: Pair) -> Evaluation | None:
        """Compute the sum of the other terms; None if there is none."""
        raise NotImplementedError

    @property
    def fields(self) -> tuple[Any, ...]:
        """The values of the parameters, in order."""
        return tuple(getattr(self, parameter.name) for parameter in fields(self))

    @property
    def told(self) -> str:
        """The formula, or the name of a loss that does not state it, in that of a loss made of it."""
        return self.expression or type(self).__name__

    def _repr_html_(self) -> str:
        """Make what a notebook shows: the formula, and a thumbnail of the landscape."""
        from boxloss.pictures.thumbnails import card

        return card(self)

    def with_eps(self, eps: float) -> Self:
        """Take another `eps`, in each loss of a sum that has one."""
        self.program.with_eps(eps)  # raises if there is none
        changed = {
            f.name: eps if f.name == "eps" else _with_eps(getattr(self, f.name), eps) for f in fields(self) if f.init
        }
        return replace(self, **changed)

    def __add__(self, other: "Loss") -> "WeightedSum":
        """Add two losses."""
        return WeightedSum(((1.0, self), (1.0, other))) if isinstance(other, Loss) else NotImplemented

    def __radd__(self, other: object) -> "Loss":
        """Return 0 + loss, so that `sum` adds losses up."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __sub__(self, other: "Loss") -> "WeightedSum":
        """Subtract one loss from another."""
        return self + -other if isinstance(other, Loss) else NotImplemented

    def __neg__(self) -> "WeightedSum":
        """Multiply the loss by -1."""
        return -1.0 * self

    def __truediv__(self, divisor: float) -> "WeightedSum":
        """Divide the loss by a number."""
        if isinstance(divisor, Loss):
            return NotImplemented
        number = check_finite("divisor of a loss", divisor)
        if number == 0.0:
            raise ValueError("divisor of a loss must not be 0")
        terms = self.terms if isinstance(self, WeightedSum) else ((1.0, self),)
        return WeightedSum(tuple((weight / number, loss) for weight, loss in terms))

    def __mul__(self, weight: float) -> "WeightedSum":
        """Multiply the loss by a weight."""
        return NotImplemented if isinstance(weight, Loss) else WeightedSum(((weight, self),))

    __rmul__ = __mul__


for _part in (Verbs, Best, Within):  # Python's errors name a method by it, and nobody knows these
    for _method in filter(isfunction, vars(_part).values()):
        _method.__qualname__ = f"{Loss.__name__}.{_method.__name__}"


def _can_be_negative(loss: Loss) -> bool:
    """Say whether a loss, or one in it, has a negative weight or a formula of its own of which it states no bound."""
    if isinstance(loss, WeightedSum):
        return any(weight < 0.0 or _can_be_negative(term) for weight, term in loss.terms)
    inside = [part for part in vars(loss).values() if isinstance(part, Loss)]
    is_own = not (loss.per_distance > 0.0 or is_of_package(type(loss)))
    return is_own or any(map(_can_be_negative, inside))


def _with_eps(value: Any, eps: float) -> Any:
    """Let a field take the `eps` where it can: a loss, or a tuple with losses in it."""
    if isinstance(value, Loss):
        return value.with_eps(eps) if value.program.structure.eps_places else value
    return tuple_like(value, [_with_eps(item, eps) for item in value]) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class WeightedSum(Loss):
    """A weighted sum of losses, compiled into one kernel, gradient included.

    Write it as arithmetic: ``5.0 * bl.L1() + 2.0 * bl.GIoU()``. Weights are run-time arguments of the kernel, as the
    numbers of every loss are: another weight compiles nothing.

    Attributes
    ----------
    terms : tuple of (float, Loss)
        Each weight with its loss. A sum of sums is one flat sum.

    Raises
    ------
    TypeError, ValueError
        If there is no term, a weight is not a finite number, or a term is not a loss.

    Examples
    --------
    The matching cost of DETR:

    >>> import numpy as np
    >>> import boxloss as bl
    >>> cost = 5.0 * bl.L1(coordinates="cxcywh") + 2.0 * bl.GIoU()
    >>> pred = np.asarray([[0.5, 0.5, 0.2, 0.2], [0.3, 0.3, 0.2, 0.4]])
    >>> cost.pairwise(pred, pred[:1], format="cxcywh").round(3)
    array([[0. ],
           [5.8]])
    """

    terms: tuple[tuple[float, Loss], ...]

    def __post_init__(self) -> None:
        flat: list[tuple[float, Loss]] = []
        for weight, loss in check_pairs(self.terms):
            weight = check_finite("weight of a sum", weight)
            if not isinstance(loss, Loss):
                raise TypeError(f"terms must be pairs (weight, loss); got {type(loss).__name__} for a loss")
            if isinstance(loss, WeightedSum):
                flat += [(check_finite("weight of a sum", weight * inner), term) for inner, term in loss.terms]
            else:
                flat.append((weight, loss))
        check_one_direction(flat)
        object.__setattr__(self, "terms", tuple(flat))
        super().__post_init__()

    def __repr__(self) -> str:
        return " + ".join(f"{weight!r} * {loss!r}" for weight, loss in self.terms)

    @property
    def expression(self) -> str:  # type: ignore[override]
        """The formula, from those of the terms."""
        return " + ".join(f"{weight:g} ({loss.told})" for weight, loss in self.terms)

    @property
    def value_range(self) -> str:  # type: ignore[override]
        """The range, from those of the terms."""
        ranges = [loss.value_range for _, loss in self.terms]
        if not all(ranges):
            return ""
        return " + ".join(f"{weight:g} {own}" for (weight, _), own in zip(self.terms, ranges, strict=True))

    @property
    def is_score(self) -> bool:  # type: ignore[override]
        """Whether each term grows with the match: a score with a positive weight, or a loss with a negative one."""
        grows = [loss.is_score == (weight > 0.0) for weight, loss in self.terms if weight != 0.0]
        return bool(grows) and all(grows)

    @property
    def per_distance(self) -> float:  # type: ignore[override]
        """The sum of those of the terms, unless one may be negative: by its weight, or with a formula of its own."""
        total = sum(weight * loss.per_distance for weight, loss in self.terms)
        return 0.0 if _can_be_negative(self) else total * (1.0 - 1e-6)

    @property
    def relations(self) -> tuple[str | Relation, ...]:  # type: ignore[override]
        """Those of the terms; what several read is computed once."""
        return tuple(relation for _, loss in self.terms for relation in loss.relations)

    def evaluate(self, xp: Namespace, pair: Pair) -> tuple[Number, GradientOf]:
        """Add up the terms, each times its weight."""
        return weighted_sum((weight, loss.evaluate(xp, pair)) for weight, loss in self.terms)
