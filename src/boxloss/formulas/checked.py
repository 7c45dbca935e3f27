"""What is wrong with a loss of somebody's own, said by name: a compiler or an array would say less."""

from inspect import get_annotations
from typing import Any


def is_number(value: Any) -> bool:
    """Say whether this is a number, the symbol of one or an array of them, and no truth."""
    if isinstance(value, int | float):
        return not isinstance(value, bool)
    kind = getattr(value, "kind", None)
    if isinstance(kind, str):  # of a symbol
        return kind == "number"
    return hasattr(value, "shape") and not str(value.dtype).endswith("bool") and not _is_complex(value)


def _is_complex(value: Any) -> bool:
    return isinstance(value, complex) or "complex" in str(getattr(value, "dtype", ""))


def told(value: Any, kind: type | None = None) -> str:
    """Describe a value by its kind, or as if it were of another one."""
    kind = kind or type(value)
    if hasattr(kind, "_fields"):
        return f"{kind.__name__}({', '.join(kind._fields)})"
    if isinstance(value, tuple | list):
        return f"a {'tuple' if isinstance(value, tuple) else 'list'} of {len(value)}"
    if value is None or isinstance(value, str):
        return "nothing" if value is None else f"the text {value!r}"
    if is_number(value):
        return "a number"
    if _is_complex(value):
        return "a complex number"
    return "a truth" if isinstance(value, bool) or hasattr(value, "kind") or hasattr(value, "dtype") else kind.__name__


def check_number(name: str, value: Any) -> None:
    """Check that something of a formula is a number."""
    if not is_number(value):
        how = ". Give xp.where(truth, 1.0, 0.0)" if told(value) == "a truth" else ""
        raise TypeError(f"{name} must be a number; got {told(value)}{how}")


def check_evaluation(name: str, found: Any) -> None:
    """Check what ``evaluate`` of a loss returned."""
    if not (isinstance(found, tuple) and len(found) == 2 and callable(found[1])):
        raise TypeError(f"{name}.evaluate must return a value and a function of its gradient; got {told(found)}")
    check_number(f"the value of {name}.evaluate", found[0])


def check_is_dataclass(kind: type) -> None:
    """Check that a class with parameters of its own is a dataclass: else they would be those of its base."""
    if "__dataclass_fields__" in vars(kind):
        return
    own = [name for name, told in get_annotations(kind).items() if "ClassVar" not in str(told)]
    if own:
        raise TypeError(f"{kind.__name__} has the parameter {own[0]!r} and must be a @dataclass(frozen=True)")
