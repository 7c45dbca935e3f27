"""A block of pairs while a kernel is written: its arrays, and how many pairs it has."""

from typing import Any, NamedTuple


class Arrays(NamedTuple):
    """What is read and written, or the part of each that belongs to a block: pointers."""

    boxes: list[Any]
    weight: Any
    value: Any
    grads: list[Any]


class Block(NamedTuple):
    """The pairs under way.

    Attributes
    ----------
    count
        How many there are.
    groups
        How many vectors they fill, the last one maybe in part.
    is_in_part
        Whether that is so.
    """

    count: Any
    groups: Any
    is_in_part: Any
