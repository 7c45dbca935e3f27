"""What a kernel for pairs of boxes is made for."""

from collections.abc import Iterable
from typing import NamedTuple

from boxloss.engines.stages import stages
from boxloss.engines.trace import Trace

# What is made of boxes is long from so many operations on, as sine and cosine of an angle are: it has loops of its own,
# with AVX-512 too. In three loops value and gradient of the IoU take 0.91 of the time (float32, AVX2), in two 0.93.
LONG, STAGES = 60, 3


class Pairs(NamedTuple):
    """What pairs are computed from.

    Attributes
    ----------
    sizes
        How many numbers a pred and a target are given by.
    made
        For each of these what is made of its numbers and the size of the image, before a pair is looked at.
    weighted
        Whether each has a weight.
    lanes
        How many pairs are computed at a time.
    block
        How many pairs are under way: so many times `lanes`.
    group
        Within how many numbers these are moved when boxes are taken apart; see `Columns`.
    at_once
        Whether pairs go from boxes to gradients in one loop, in registers.
    """

    sizes: tuple[int, int]
    made: tuple[Trace, Trace]
    weighted: bool
    lanes: int
    block: int
    group: int
    at_once: bool

    @property
    def widths(self) -> tuple[int, ...]:
        """How many numbers of a pred and of a target there are with what is made of them."""
        return tuple(size + len(made.results) for size, made in zip(self.sizes, self.made, strict=True))

    @property
    def stages(self) -> list[tuple[Trace, Trace]]:
        """What is made of both, where that is long and the same in as many loops as take the least time."""
        if not self.is_alike or not is_long(self.made):
            return [self.made]
        return [(stage, stage) for stage in stages(self.made[0], self.sizes[0] + 2, STAGES)]

    @property
    def is_alike(self) -> bool:
        """Whether the same is made of preds and of targets."""
        return self.sizes[0] == self.sizes[1] and self.made[0] == self.made[1]


def is_long(made: Iterable[Trace]) -> bool:
    """Say whether what is made of boxes is a chain of operations that wait for each other, as sine and cosine are."""
    return any(len(own.nodes) >= LONG for own in made)
