"""A loss that is not known yet: what modifiers and sums are written down over, once for all losses that they take.

A modifier asks its loss for evaluations, of the pair or of another one. Of a placeholder each of these is a call, which
the page makes of whatever loss stands there. So a modifier is one piece of JavaScript, and nesting is left to the page.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from boxloss.formulas.evaluation import Evaluation
from boxloss.lab.explorer.boxes import derivatives_of, has_image_axes
from boxloss.lab.explorer.javascript import call
from boxloss.losses.loss import Loss
from boxloss.shapes.shape import Gradient, Pair
from boxloss.typing import Namespace

# Arguments of functions of the page beside the pair: the numbers of a loss, the losses that it is made of, and these
# with enclosing boxes along the image.
NUMBERS, INNER, INNER_ALONG_IMAGE = "n", "f", "a"


class Traits(NamedTuple):
    """What differs between losses for those who are made of them.

    Attributes
    ----------
    upright, given
        Whether the gradient has derivatives of that kind; see `boxloss.shapes.shape.Gradient`.
    penalties
        How many there are beside the term 1 - IoU; None for a loss without that term.
    has_powers
        See `boxloss.Loss`.
    """

    upright: bool
    given: bool
    penalties: int | None
    has_powers: bool

    @property
    def key(self) -> str:
        """The traits as a word."""
        terms = "" if self.penalties is None else f"{self.penalties}{'p' if self.has_powers else ''}"
        return self.derivatives + terms

    @property
    def derivatives(self) -> str:
        """The kinds of derivatives as a word."""
        return "u" * self.upright + "g" * self.given


# What sums and gradients depend on: they read no terms.
WITHOUT_TERMS = tuple(Traits(*kinds, None, False) for kinds in ((True, False), (False, True), (True, True)))


@dataclass(frozen=True)
class Placeholder(Loss):
    """A loss of which only the traits are known.

    Parameters
    ----------
    traits : Traits
        What it is like.
    place : int
        Which it is of the losses that a loss is made of.
    """

    traits: Traits
    place: int = 0
    relations = ()
    expression = "L"
    value_range = ""

    @property
    def has_iou_term(self) -> bool:
        """Whether the loss is 1 - IoU and penalties."""
        return self.traits.penalties is not None

    @property
    def has_powers(self) -> bool:
        """As its traits say."""
        return self.traits.has_powers

    def evaluate(self, xp: Namespace, pair: Pair) -> Evaluation:
        """Compute the loss with all of its terms."""
        return self._called(xp, pair, "evaluate")

    def iou_term(self, xp: Namespace, pair: Pair) -> Evaluation:
        """Compute the term 1 - IoU."""
        return self._called(xp, pair, "iou_term")

    def penalties(self, xp: Namespace, pair: Pair) -> tuple[Evaluation, ...]:
        """Compute the other terms."""
        return tuple(self._called(xp, pair, f"penalty_{k}") for k in range(self.traits.penalties or 0))

    def penalty(self, xp: Namespace, pair: Pair) -> Evaluation | None:
        """Compute the sum of the other terms."""
        return self._called(xp, pair, "penalty") if self.traits.penalties else None

    def _called(self, xp: Any, pair: Pair, method: str) -> Evaluation:
        box, traits = derivatives_of(pair), self.traits
        size = len(box._fields)
        operands = [*pair.given, *pair.given_other, *pair.image]
        inner = INNER_ALONG_IMAGE if has_image_axes(pair) else INNER
        count = 1 + size * (traits.upright + traits.given)
        value, *d = call(xp, f"{inner}[{self.place}].{method}", operands, count)
        gradient = Gradient(box(*d[:size]) if traits.upright else None, box(*d[-size:]) if traits.given else None)
        return Evaluation(value, lambda exchanged: gradient)
