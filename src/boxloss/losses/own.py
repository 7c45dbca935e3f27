"""What the formula of somebody's own loss takes and returns, said by name where it does not fit."""

from collections.abc import Sequence
from dataclasses import fields
from inspect import signature
from typing import Any

from boxloss.check import check_not_negative
from boxloss.formulas.checked import check_number, told
from boxloss.shapes.formats import FORMATS
from boxloss.shapes.relations import AreaPartials, Areas
from boxloss.shapes.relative import Relative, RelativeGradient
from boxloss.shapes.shape import Relation
from boxloss.typing import Namespace


def check_stated(kind: type) -> None:
    """Check what the body of a class says of its losses; a descriptor says it later."""
    own = {name: value for name, value in vars(kind).items() if not hasattr(value, "__get__")}
    for name in ("expression", "value_range", "paper"):
        if not isinstance(own.get(name, ""), str):
            raise _wrongly_stated(kind, name, "text", own[name])
    if not isinstance(own.get("is_score", False), bool):
        raise _wrongly_stated(kind, "is_score", "True or False", own["is_score"])
    if "per_distance" in own:
        check_not_negative(f"per_distance of {kind.__name__}", own["per_distance"])
    if not isinstance(relations := own.get("relations", ()), tuple):
        how = f": ({relations!r},) with a comma; got a string" if isinstance(relations, str) else f"; got {relations!r}"
        raise TypeError(f"relations of {kind.__name__} must be a tuple{how}")
    shapes, known = own.get("shapes", ()), list(dict.fromkeys(format.shape.name for format in FORMATS.values()))
    if not isinstance(shapes, tuple | list) or any(shape not in known for shape in shapes):
        raise _wrongly_stated(kind, "shapes", f"a tuple of {', '.join(map(repr, known))}", shapes)
    if not isinstance(exponents := own.get("exponents", ()), tuple | list):
        raise _wrongly_stated(kind, "exponents", "a tuple of names of its parameters", exponents)


def check_exponents(loss: Any) -> None:
    """Check that a loss has the parameters that its class calls exponents."""
    names = [field.name for field in fields(loss)]
    if any(name not in names for name in loss.exponents):
        raise _wrongly_stated(type(loss), "exponents", "a tuple of names of its parameters", loss.exponents)


def _wrongly_stated(kind: type, name: str, wanted: str, got: object) -> TypeError:
    return TypeError(f"{name} of {kind.__name__} must be {wanted}; got {got!r}")


def called(loss: Any, which: str, xp: Namespace, quantities: Sequence[Any]) -> Any:
    """Call the formula or the terms of a loss and check what they return."""
    try:
        found = getattr(loss, which)(xp, *quantities, *loss.fields)
    except TypeError:
        check_takes_quantities(loss, which)
        raise
    (check_terms if which == "terms" else check_term)(loss, found, quantities)
    return found


def check_takes_quantities(loss: Any, which: str) -> None:
    """Check that the formula or the terms take the namespace, a quantity for each relation and the fields."""
    names = [*map(_name_of, loss.relations), *(field.name for field in fields(loss))]
    none = "" if loss.relations else ", of which it names none,"
    _check_signature(loss, which, names, f"the quantities of the relations{none} and the fields of the loss")


def check_takes_difference(loss: Any, names: Sequence[str]) -> None:
    """Check that the formula takes the namespace, the difference of one coordinate and the fields of these names."""
    what = "the difference of one coordinate and the fields of the loss but for `coordinates`"
    _check_signature(loss, "formula", ["e", *names], what)


def _check_signature(loss: Any, which: str, names: Sequence[str], what: str) -> None:
    """Check that a method takes the namespace and an argument for each name."""
    try:
        taken = signature(getattr(loss, which), follow_wrapped=False)
    except (TypeError, ValueError):  # of compiled code, say
        return
    try:
        taken.bind(None, *names)
    except TypeError:
        raise TypeError(
            f"{type(loss).__name__}.{which} takes {taken} and is called with ({', '.join(['xp', *names])}): {what}, in "
            "their order. It is a @staticmethod of a class that is a @dataclass(frozen=True)"
        ) from None


def check_term(loss: Any, term: Any, quantities: Sequence[Any], what: str = "formula") -> None:
    """Check that a formula returned a value, and for each relation a partial derivative like its quantity."""
    name, relations = type(loss).__name__, list(map(_name_of, loss.relations))
    if not (type(term) is tuple and len(term) == 2 and isinstance(term[1], tuple)):
        raise TypeError(
            f"{name}.{what} must return a value and a tuple of partial derivatives, one for each relation; got "
            f"{told(term)}"
        )
    value, partials = term
    if hasattr(partials, "_fields"):
        raise TypeError(f"{name}.{what} must return a tuple of partial derivatives, (d,) for one; got {told(partials)}")
    check_number(f"the value of {name}.{what}", value)
    if len(partials) != len(relations):
        raise TypeError(
            f"{name}.{what} returned {len(partials)} partial derivatives for {len(relations)} relations, "
            f"{', '.join(relations)}: one each, in their order"
        )
    for relation, quantity, d in zip(relations, quantities, partials, strict=True):
        if d is not None:
            _check_partial(f"the partial derivative of {name} by {relation}", quantity, d)


def check_terms(loss: Any, terms: Any, quantities: Sequence[Any]) -> None:
    """Check that there is a term at least, and that each is as what `formula` returns."""
    if not (isinstance(terms, tuple) and terms and isinstance(terms[0], tuple)):
        name = type(loss).__name__
        raise TypeError(f"{name}.terms must return a tuple of terms, 1 - IoU and the penalties; got {told(terms)}")
    for number, term in enumerate(terms):
        check_term(loss, term, quantities, f"terms[{number}]")


def _check_partial(of: str, quantity: Any, d: Any) -> None:
    if not _fits(d, quantity):
        raise TypeError(f"{of} must be {_like(quantity)}; got {told(d)}")
    if not isinstance(d, tuple):
        check_number(of, d)
    elif not isinstance(quantity, Relative):
        for part, number in zip(getattr(d, "_fields", range(len(d))), d, strict=True):
            check_number(f"{part} of {of}", number)


def check_slope(loss: Any, term: Any) -> None:
    """Check that the formula of one coordinate returned its value and its slope, each a number."""
    is_two, name = isinstance(term, tuple | list) and len(term) == 2, type(loss).__name__
    if not is_two or any(part is None or isinstance(part, tuple | list | str) for part in term):
        raise TypeError(f"{name}.formula must return a value and its slope, (value, slope); got {told(term)}")
    for what, part in zip(("value", "slope"), term, strict=True):
        check_number(f"the {what} of {name}.formula", part)


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
    """Say what a partial derivative by a quantity is."""
    kind = {Areas: AreaPartials, Relative: RelativeGradient}.get(type(quantity), type(quantity))
    return told(quantity, kind)
