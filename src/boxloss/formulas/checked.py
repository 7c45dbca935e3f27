"""What a loss of somebody's own returns, said by name where it is no number: a compiler or an array would say less."""

from typing import Any


def is_number(value: Any) -> bool:
    """Whether this is a number, an array of them or the symbol of one, and no truth."""
    is_truth = getattr(value, "kind", None) == "truth" or str(getattr(value, "dtype", "")).endswith("bool")
    return not (is_truth or value is None or isinstance(value, bool | str | tuple | list))


def told(value: Any, kind: type | None = None) -> str:
    """A value by its kind, or as if it were of another one."""
    kind = kind or type(value)
    if hasattr(kind, "_fields"):
        return f"{kind.__name__}({', '.join(kind._fields)})"
    if isinstance(value, tuple | list):
        return f"a {'tuple' if isinstance(value, tuple) else 'list'} of {len(value)}"
    if value is None or isinstance(value, str):
        return "nothing" if value is None else f"the text {value!r}"
    return "a number" if is_number(value) else "a truth"


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
