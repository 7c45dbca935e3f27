"""What text stands for in this process: classes, and values of fields that are no literals.

Two classes may have one name, in a notebook or in a function that makes them. So all but the classes of this package
are kept, and told by their place.
"""

from threading import Lock
from typing import Any

from boxloss.libraries.arrays import is_compiling

PACKAGE = __name__.partition(".")[0]
LITERALS = (str, int, bool, bytes, type(None))

_kept: list[Any] = []
_places: dict[Any, int] = {}
_lock = Lock()  # a place is looked up and taken as one


def is_of_package(kind: type) -> bool:
    """Say whether a class is one of this package, which no other can have the name of."""
    return kind.__module__.partition(".")[0] == PACKAGE


def keep(value: Any) -> int:
    """Keep a value, and return its place among those that are kept."""
    if is_compiling():  # torch.compile can't take a lock in what it traces
        return _keep(value)
    with _lock:
        return _keep(value)


def _keep(value: Any) -> int:
    key = typed(value)
    place = _places.get(key)
    if place is None:
        place = _places[key] = len(_kept)
        _kept.append(value)
    return place


def kept(place: int) -> Any:
    """Return what is kept at a place."""
    try:
        return _kept[place]
    except IndexError:
        raise TypeError(
            "a loss with a field that is no number, text or tuple must be made outside of the function that "
            "torch.compile compiles"
        ) from None


def typed(value: Any) -> Any:
    """Make a value a key that tells apart what is equal but not the same, such as True and 1."""
    if isinstance(value, tuple):
        return type(value), tuple(map(typed, value))
    if isinstance(value, frozenset):
        return type(value), frozenset(map(typed, value))
    return type(value), value
