"""What every kind of box has: how many numbers, formats, and relations of two boxes that losses are stated over."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, overload

from boxloss.shapes.box import Box, Image, Vector
from boxloss.typing import Namespace, Number, Truth

Numbers = tuple[Number, ...]


class Relation(NamedTuple):
    """A quantity of two boxes and the way back from it to the boxes.

    Attributes
    ----------
    name
        What losses call it.
    forward
        ``forward(xp, pair)``: the quantity. It may read `pair.image`, the size of the image; see `reads_image`.
    pullback
        ``pullback(xp, pair, d)``: the derivatives `d` of a loss by the quantity as derivatives of the pair:
        `Partials` of axis-aligned boxes. What these say of the first box holds for either, once the pair is exchanged.
    exchange
        ``exchange(d)``: `d` as it is with the two boxes exchanged. Of what types these are is a matter of the relation.
    part, combine
        For a quantity that combines something of each box: ``part(xp, box, image)``, a number, and
        ``combine(xp, pair, pred_part, target_part)``, the quantity. A matrix needs the first once a box, not once a
        pair.
    reads_image
        Whether a call has to give `image_size`.
    """

    name: str
    forward: Callable[..., Any]
    pullback: Callable[..., Any]
    exchange: Callable[[Any], Any]
    part: Callable[[Namespace, Any, Image], Number] | None = None
    combine: Callable[[Namespace, Any, Number, Number], Any] | None = None
    reads_image: bool = False


class Partials(NamedTuple):
    """Derivatives by the ways that a quantity of a pair depends on its first box; None where it does not.

    `box` is by the corners of the first box, `inner` and `outer` by the sides of the intersection and of the
    enclosing box.
    """

    box: Box | None = None
    inner: Vector | None = None
    outer: Vector | None = None


class Gradient(NamedTuple):
    """Derivatives of a loss with respect to one box: as it was given, and made upright; None where there are none."""

    upright: Any = None  # those of what kind of box, its shape knows
    given: Any = None


GradientOf = Callable[[bool], Gradient]  # of the first box, or of the other if the boxes are exchanged
# Numbers, in tuples or not: derivatives of the form that a quantity has; None where a loss does not depend on it.
Derivatives = Number | tuple[Any, ...] | None
D = TypeVar("D", bound=Number | tuple[Any, ...])


@overload
def plus(a: D, b: D | None) -> D: ...
@overload
def plus(a: None, b: D) -> D: ...
@overload
def plus(a: None, b: None) -> None: ...
def plus(a: Any, b: Any) -> Any:
    """Add derivatives of one form, where None counts as 0."""
    if a is None or b is None:
        return b if a is None else a
    if isinstance(a, tuple):
        return type(a)(*map(plus, a, b)) if hasattr(a, "_fields") else tuple(map(plus, a, b))
    return a + b


@overload
def times(a: D, factor: Number) -> D: ...
@overload
def times(a: None, factor: Number) -> None: ...
def times(a: Any, factor: Number) -> Any:
    """Multiply derivatives by a number; None stays None."""
    if isinstance(a, tuple):
        scaled = (times(item, factor) for item in a)
        return type(a)(*scaled) if hasattr(a, "_fields") else tuple(scaled)
    return None if a is None else a * factor


Parts = Mapping[Relation, tuple[Number, Number]]  # those of the two boxes
NO_PARTS: Parts = MappingProxyType({})


class Pair:
    """Two boxes, and the relations between them, each computed once.

    Attributes
    ----------
    given, given_other : tuple
        The two boxes as they came, in the numbers of their shape.
    image : Image
        The size of the image.
    """

    shape: "Shape"

    def __init__(
        self,
        xp: Namespace,
        given: Any,
        given_other: Any,
        image: Image,
        parts: Parts = NO_PARTS,
    ) -> None:
        self.xp, self.given, self.given_other, self.image = xp, given, given_other, image
        self._parts = parts
        self._quantities: dict[Relation, Any] = {}

    def quantity(self, relation: Relation) -> Any:
        """Compute the quantity of a relation, from its parts where they are known."""
        if relation not in self._quantities:
            if relation in self._parts and relation.combine is not None:
                found = relation.combine(self.xp, self, *self._parts[relation])
            else:
                found = relation.forward(self.xp, self)
            self._quantities[relation] = found
        return self._quantities[relation]

    def exchanged(self) -> "Pair":
        """Make the pair with its other box first."""
        raise NotImplementedError

    def along_image(self) -> "Pair":
        """Make the pair with enclosing boxes along the axes of the image: the same, unless its boxes have an angle."""
        return self

    def gradient(self, partials: Any) -> Gradient:
        """Compute the gradient with respect to the first box, from the sum of what pullbacks gave, or None."""
        raise NotImplementedError

    def pull_back(self, gradient: Gradient) -> Any:
        """Compute the gradient with respect to the first box as it was given."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Shape:
    """A kind of box.

    Attributes
    ----------
    name
        The word for it in an error.
    size
        How many numbers a box has.
    box
        Puts the numbers together.
    pair
        The `Pair` of two boxes of this kind.
    ordinary
        ``ordinary(box)``: whether formulas need no guard for a box.
    relations
        What losses are stated over, by name.
    scaled
        ``scaled(pair, ratio) -> Mapped``: both boxes scaled about their own centres.
    interpolated
        ``interpolated(pair, alpha) -> Mapped``: the first box moved towards the other by a share of the way.
    differences
        ``differences(xp, pair, coordinates)``: the differences of the numbers of pred and target as they were given,
        and ``back(partials)``, from the derivatives of a loss with respect to each to those of the first box.
    enclosing
        ``enclosing(xp, box)``: the axis-aligned `Box` around a box, or around what it stands on, as long as its
        negative sides make it; boxes are found by where it is.
    least_extent
        Of a convex part of a box that has a share of its area, or volume, each extent in the plane is at least this
        times that share of the box's own.
    """

    name: str
    size: int
    box: Callable[..., Any]
    pair: type[Pair]
    ordinary: Callable[[Any], Truth]
    relations: Mapping[str, Relation]
    scaled: Callable[[Any, Number], Any]
    interpolated: Callable[[Any, Number], Any]
    differences: Callable[[Namespace, Any, str], tuple[Numbers, Callable[[Numbers], Any]]]
    enclosing: Callable[[Namespace, Any], Box]
    least_extent: float = 1.0

    def relation(self, which: str | Relation) -> Relation:
        """Find a relation by its name; one of somebody's own is given as it is."""
        if isinstance(which, Relation):
            return which
        try:
            return self.relations[which]
        except KeyError:
            names = ", ".join(map(repr, self.relations))
            raise ValueError(f"relations of {self.name} boxes are {names}; got {which!r}") from None


Decode = Callable[[Namespace, Numbers, Image], Any]
Pullback = Callable[[Namespace, Numbers, Any, Image], Numbers]


class Format(NamedTuple):
    """A format of boxes: the numbers that an array holds of each, and what becomes of them.

    Attributes
    ----------
    shape
        The kind of box.
    size
        How many numbers an array holds of each.
    decode
        ``decode(xp, numbers, image)``: the box.
    pullback
        ``pullback(xp, numbers, d, image)``: the gradient with respect to the numbers, from that with respect to the
        box.
    encode
        ``encode(xp, box, image)``: the numbers of a box.
    relative
        Whether coordinates are fractions of the image.
    per_radian
        Of a format of a plane whose last number is an angle from +x towards +y: how much of it a radian is. None for
        others, those of boxes in space with a yaw among them, which is in radians.
    """

    shape: Shape
    size: int
    decode: Decode
    pullback: Pullback
    encode: Callable[[Namespace, Any, Image], Numbers]
    relative: bool = False
    per_radian: float | None = None
