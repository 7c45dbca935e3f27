"""What the report measures, all of it before anything is drawn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from boxloss import lab
from boxloss.cli.descend import protocol_rate, random_starts
from boxloss.cli.expressions import loss_of
from boxloss.cli.inputs import Matched, some_pairs
from boxloss.cli.landscape import CELLS, QUICK_CELLS
from boxloss.cli.report.settings import Settings
from boxloss.lab import Correlation, Descent, Landscape, Simulation
from boxloss.losses.loss import Loss
from boxloss.plot.style import name_of

Begin = Callable[[str], None]

TARGET, SIZE, EXTENT = (0.0, 0.0, 2.0, 1.0), (1.0, 2.0), 3.0  # of unlike shapes: each term of a loss counts
APART = (0.5, 0.5)  # the centre of boxes of all sizes: not the target's, or a centre distance would be 0
BOX = (2.2, 1.8, 0.6, 1.7)  # the start of one box that moves
BOXES, STEPS = 12, 200
TOP = 99.5  # the percentile of the loss that a picture of pairs reaches up to
OPTIMIZERS = {"SGD": "sgd", "Adam": "adam"}
GENERATORS = ("fixed", "mixed")


@dataclass(frozen=True)
class Fall:
    """A loss over the plane of places and over that of sizes, and the boxes that descend on it by each optimizer."""

    name: str
    places: Landscape
    sizes: Landscape
    balls: dict[str, Descent]
    box: dict[str, Descent]


@dataclass(frozen=True)
class Races:
    """The simulation of the DIoU paper with true gradients, with mixed sizes, and with the released gradients."""

    true: list[Simulation]
    mixed: list[Simulation]
    released: list[Simulation]


@dataclass(frozen=True)
class Measured:
    """Everything that the page shows."""

    settings: Settings
    falls: list[Fall]
    pairs: dict[str, list[Correlation]]  # by generator
    detector: list[Correlation]
    matched: Matched | None
    races: Races

    def top(self, index: int) -> float:
        """Find the value of a loss that its pictures of pairs reach up to, all of one scale."""
        return max(top_of(found[index]) for found in self.pairs.values())


def measure(settings: Settings, matched: Matched | None, begin: Begin) -> Measured:
    """Measure all of it; `begin` is told each step of the work."""
    falls = [fall(settings, loss, begin) for loss in settings.losses]
    pairs = {generator: correlations(settings, begin, generator) for generator in GENERATORS}
    detector = detections(settings, begin, matched) if matched else []
    return Measured(settings, falls, pairs, detector, matched, races(settings, begin))


def fall(settings: Settings, loss: Loss, begin: Begin) -> Fall:
    """Move a box over both planes, and let boxes roll."""
    name = name_of(loss)
    begin(f"landscapes of {name}")
    cells = QUICK_CELLS if settings.quick else CELLS
    places = lab.landscape(loss, TARGET, SIZE, EXTENT, cells)
    sizes = lab.landscape(loss, TARGET, SIZE, EXTENT, cells, "wh", pred_center=APART)
    starts = random_starts(np.asarray(TARGET), BOXES, EXTENT, settings.seed, SIZE)
    balls, box, rate = {}, {}, protocol_rate(STEPS)
    for label, optimizer in OPTIMIZERS.items():
        begin(f"descent on {name} with {label}")
        balls[label] = lab.descend(loss, starts, TARGET, optimizer, rate, STEPS)  # type: ignore[arg-type]
        box[label] = lab.descend(loss, BOX, TARGET, optimizer, rate, STEPS)  # type: ignore[arg-type]
    return Fall(name, places, sizes, balls, box)


def correlations(settings: Settings, begin: Begin, generator: str) -> list[Correlation]:
    """Compare each loss with the IoU over random pairs."""
    pairs = lab.generate(generator, settings.pairs, settings.seed)
    found = []
    for loss in settings.losses:
        begin(f"{name_of(loss)} and IoU, {generator} sizes")
        found.append(lab.correlate(loss, pairs))
    return found


def detections(settings: Settings, begin: Begin, matched: Matched) -> list[Correlation]:
    """Compare each loss with the IoU over the matches of a detector."""
    pairs, found = some_pairs(matched), []
    for loss in settings.losses:
        begin(f"{name_of(loss)} and IoU of {pairs.name}")
        found.append(lab.correlate(loss, pairs))
    return found


def races(settings: Settings, begin: Begin) -> Races:
    """Simulate the experiment of the DIoU paper."""

    def run(losses: Sequence[Loss], what: str, **options: Any) -> list[Simulation]:
        found = []
        for loss in losses:
            begin(f"simulation of {name_of(loss)}, {what}")
            found += lab.simulate(loss, points=settings.points, seed=settings.seed, **options)
        return found

    true = run(settings.losses, "true gradients")
    mixed = run(settings.losses, "mixed sizes", sizes="mixed", coordinates="relative")
    old = run([loss_of(name) for name in settings.released], "released gradients", gradient="released")
    return Races(true, mixed, old)


def top_of(found: Correlation) -> float:
    """Find a percentile of the loss, above 0."""
    top = float(np.percentile(found.value, TOP))
    return top if top > 0.0 else 1.0


def relative_slope(plane: Landscape) -> np.ndarray:
    """Compute the slope towards the target over the mean slope of the way that is left; 0 where it leads away.

    1 is that of a straight ramp down to the lowest value of the plane, 0 is flat.
    """
    along = np.einsum("...k,...k", -plane.grad, plane.to_target)
    left = plane.value - plane.value.min()
    slope: np.ndarray = np.divide(np.maximum(along, 0.0), left, out=np.zeros_like(left), where=left > 0.0)
    return slope
