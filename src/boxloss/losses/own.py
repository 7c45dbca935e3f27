"""What the formula of somebody's own loss takes and returns, said by name where it does not fit."""

from collections.abc import Sequence
from dataclasses import fields
from inspect import signature
from typing import Any

from boxloss.engines.symbols import TRUTH
from boxloss.formulas.names import is_of_package
from boxloss.shapes.relations import AreaPartials, Areas
from boxloss.shapes.relative import Relative, RelativeGradient
from boxloss.shapes.shape import Relation


def check_signature(loss: Any, arguments: Sequence[Any]) -> None:
    """Check that the formula takes the namespace, a quantity for each relation and the fields of the loss."""
    name, names = type(loss).__name__, [*map(_name_of, loss.relations), *(field.name for field in fields(loss))]
    which = "formula" if "formula" in _own(loss) or not loss.has_iou_term else "terms"
    taken = signature(getattr(loss, which))
    try:
        taken.bind(None, *arguments)
    except TypeError:
        raise TypeError(
            f"{name}.{which} takes {taken} and is called with ({', '.join(['xp', *names])}): the quantities of the "
            f"relations{'' if loss.relations else ', of which it names none,'} and the fields of the loss, in their "
            "order. It is a @staticmethod of a class that is a @dataclass(frozen=True)"
        ) from None


def check_term(loss: Any, term: Any, quantities: Sequence[Any]) -> None:
    """Check that a formula returned a value, and for each relation a partial derivative like its quantity."""
    name, relations = type(loss).__name__, list(map(_name_of, loss.relations))
    if not (type(term) is tuple and len(term) == 2 and isinstance(term[1], tuple)):
        raise TypeError(
            f"{name}.formula must return a value and a tuple of partial derivatives, one for each relation; got "
            f"{_told(term)}"
        )
    value, partials = term
    if getattr(value, "kind", None) == TRUTH or str(getattr(value, "dtype", "")).endswith("bool"):
        raise TypeError(
            f"{name}.formula must return a number for its value; got a truth. Give xp.where(truth, 1.0, 0.0)"
        )
    if len(partials) != len(relations):
        raise TypeError(
            f"{name}.formula returned {len(partials)} partial derivatives for {len(relations)} relations, "
            f"{', '.join(relations)}: one each, in their order"
        )
    for relation, quantity, d in zip(relations, quantities, partials, strict=True):
        wanted = _like(quantity)
        if d is not None and not _fits(d, quantity):
            raise TypeError(f"the partial derivative of {name} by {relation} must be {wanted}; got {_told(d)}")


def check_slope(loss: Any, term: Any) -> None:
    """Check that the formula of one coordinate returned its value and its slope, each a number."""
    is_two = isinstance(term, tuple | list) and len(term) == 2
    if not is_two or any(part is None or isinstance(part, tuple | list | str) for part in term):
        name = type(loss).__name__
        raise TypeError(f"{name}.formula must return a value and its slope, (value, slope); got {_told(term)}")


def _own(loss: Any) -> set[str]:
    return {name for kind in type(loss).__mro__ if not is_of_package(kind) for name in vars(kind)}


def _name_of(which: str | Relation) -> str:
    return which if isinstance(which, str) else which.name


def _fits(d: Any, quantity: Any) -> bool:
    if isinstance(quantity, Areas):
        return isinstance(d, AreaPartials)
    if not isinstance(quantity, tuple):
        return not isinstance(d, tuple)
    if isinstance(quantity, Relative):
        return isinstance(d, RelativeGradient)
    names = getattr(quantity, "_fields", None)
    return isinstance(d, tuple) and len(d) == len(quantity) and (names is None or getattr(d, "_fields", None) == names)


def _like(quantity: Any) -> str:
    """What a partial derivative by a quantity is."""
    kind = {Areas: AreaPartials, Relative: RelativeGradient}.get(type(quantity), type(quantity))
    return _told(quantity, kind)


def _told(value: Any, kind: type | None = None) -> str:
    """A value by its kind, or as if it were of another one."""
    kind = kind or type(value)
    if hasattr(kind, "_fields"):
        return f"{kind.__name__}({', '.join(kind._fields)})"
    if isinstance(value, tuple | list):
        return f"a {'tuple' if isinstance(value, tuple) else 'list'} of {len(value)}"
    return "nothing" if value is None else f"the text {value!r}" if isinstance(value, str) else "a number"
