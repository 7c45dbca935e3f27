"""The first screen: what a loss is like, in pictures of one scale with a line of result each."""

import numpy as np
from markupsafe import Markup

from boxloss.cli.descend import table as descent_table
from boxloss.cli.landscape import table as landscape_table
from boxloss.cli.report import tiles
from boxloss.cli.report.measure import BOXES, EXTENT, OPTIMIZERS, STEPS, Fall, Measured, relative_slope
from boxloss.cli.report.page import Card, Part, Picture, Section
from boxloss.cli.tables import Table, cell, percent
from boxloss.lab import Correlation, Descent, Landscape
from boxloss.lab.correlation import LEVEL
from boxloss.pictures.formulas import with_signs
from boxloss.pictures.rasters import raster

NARROW = 0.25  # the conditional spread up to which a loss keeps to the IoU


def glance(measured: Measured) -> Section:
    """Make the section: the first two losses and the last, and folded a row for each loss."""
    count = len(measured.falls)
    chosen = sorted({0, min(1, count - 1), count - 1})
    text = [
        "A loss should lead every box home, and say what the IoU says, by which detectors are scored. "
        "Each card tries both on one loss; all tiles of a kind have one scale.",
    ]
    cards = [card(measured, index) for index in chosen]
    return Section(
        "glance", "At a glance", text, cards, parts=[Part("One row for each loss", table(measured))], key=key(measured)
    )


def card(measured: Measured, index: int) -> Card:
    """Show a loss in four tiles."""
    one, pairs = measured.falls[index], measured.pairs["mixed"][index]
    name = one.name
    lines = {
        "Landscape": flatness(one.places),
        "Steepness": f"median {np.median(relative_slope(one.places)):.2f} of a straight ramp",
        "Ball": homecoming(one),
        "Loss and IoU": interval(pairs),
    }
    drawings = {
        "Landscape": tiles.landscape(one.places, f"Landscape of the {name} loss: {lines['Landscape']}."),
        "Steepness": tiles.slope(one.places, f"Steepness of the {name} loss: {lines['Steepness']}."),
        "Ball": tiles.balls(
            one.places, one.balls, f"glance{index}", f"{BOXES} boxes on the {name} loss: {lines['Ball']}."
        ),
        "Loss and IoU": tiles.pairs(
            pairs, measured.top(index), f"The {name} loss against the IoU: {lines['Loss and IoU']}."
        ),
    }
    pictures = [Picture(drawings[title], title, line) for title, line in lines.items()]
    formula = with_signs(one.places.loss.expression)
    return Card(name, formula, verdict(one, pairs), pictures)


def flatness(plane: Landscape) -> str:
    """Say on how much of a plane there is no slope."""
    zero = plane.statistics.zero_share
    return f"no slope on {percent(zero)} of the plane" if zero > 0.0 else "a slope everywhere"


def verdict(one: Fall, found: Correlation) -> str:
    """Say in words what the tiles show: whether boxes come home, and whether the loss says what the IoU is."""
    homes = {label: int(arrived(ball)) for label, ball in one.balls.items()}
    lost = BOXES - max(homes.values())
    with_all = [label for label, home in homes.items() if home == BOXES]
    optimizer = "" if len(with_all) != 1 else f" with {with_all[0]}"
    home = f"leads every box home{optimizer}" if with_all else f"leaves {lost} of {BOXES} boxes behind"
    follows = found.all.spread <= NARROW
    range_ = f"{short(found.all.low)} to {short(found.all.high)}"
    iou = (
        f"keeps to the IoU, {range_} where that is {LEVEL:g}"
        if follows
        else f"is anything from {range_} at an IoU of {LEVEL:g}"
    )
    return f"{home[0].upper()}{home[1:]}{' and ' if bool(with_all) == follows else ', but '}{iou}."


def homecoming(one: Fall) -> str:
    """Say how many boxes each optimizer brought to the target, and how many never moved."""
    homes = {label: arrived(ball) for label, ball in one.balls.items()}
    first, *others = (f"{label} {home}" for label, home in homes.items())
    still = {label: stayed(ball) for label, ball in one.balls.items()}
    rest = f"; {min(still.values())} never move" if min(still.values()) else ""
    return f"of {BOXES} arrive: {', '.join([first, *others])}{rest}"


def arrived(ball: Descent) -> str:
    """Write how many boxes came to the target."""
    return descent_table([ball], [""]).column("arrived")[0].split()[0]


def stayed(ball: Descent) -> int:
    """Count boxes that are where they began."""
    return int(np.sum(np.all(ball.final == ball.start, axis=-1)))


def mean_iou(ball: Descent) -> np.ndarray:
    """Return the curve of the IoU, which a descent with its path has."""
    assert ball.iou is not None
    return ball.iou


def interval(found: Correlation) -> str:
    """Say between which values the loss is at one IoU, and how wide it is at all."""
    low, high, spread = found.all.low, found.all.high, found.all.spread
    if not np.isfinite([low, high, spread]).all():
        return f"no pairs at IoU {LEVEL:g}"
    return f"{short(low)} to {short(high)} at IoU {LEVEL:g}; spread {spread:.2f}"


def short(value: float) -> str:
    """Write a number with three digits."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def key(measured: Measured) -> list[Picture]:
    """Say how to read the tiles."""
    viridis, teal = (raster(np.linspace(0, 1, 64)[None], colour) for colour in (None, tiles.TEAL))

    def bar(address: str) -> Markup:
        return Markup(f'<img class="bar" src="{address}" alt="" width="96" height="12">')

    lines = "".join(f'<span class="swatch {label.lower()}"></span>' for label in OPTIMIZERS)
    pairs = len(measured.pairs["mixed"][0].iou)
    return [
        Picture(
            bar(viridis),
            "Landscape",
            "The loss of a tall box, 1 by 2, over places around a wide target, 2 by 1, outlined; the plane is "
            f"{2 * EXTENT:g} by {2 * EXTENT:g}. From the lowest to the highest value on the plane. Arrows: where "
            "descent goes; dots: nowhere.",
        ),
        Picture(
            bar(teal),
            "Steepness",
            "The slope towards the target over the mean slope of the way that is left: empty is flat, the middle of "
            "the bar a straight ramp, its end twice as steep or more.",
        ),
        Picture(
            Markup(lines),
            "Ball",
            f"{BOXES} boxes take {STEPS} steps with SGD (blue) and with Adam (orange), centre and size, at one "
            "learning rate: 0.1, at the end 0.01 and 0.001. Arrived: an IoU of 0.9. Below, faint: the landscape at the "
            "start.",
        ),
        Picture(
            Markup('<span class="swatch interval"></span>'),
            "Loss and IoU",
            f"{pairs:,} random pairs of boxes with targets from 8 to 512 pixels. To the right the IoU, from 0 to 1; "
            f"upwards the loss, to its 99.5th percentile. The bar holds the middle nine tenths at an IoU of {LEVEL:g}. "
            "Spread: the mean length of such bars over that of all pairs at once; 0 if the IoU says what the loss is, "
            "1 if it says nothing.",
        ),
    ]


def table(measured: Measured) -> Table:
    """Put the most telling number of each section side by side."""
    falls, names = measured.falls, measured.settings.labels
    planes = landscape_table([one.places for one in falls], names)
    columns = {
        "no slope on": planes.column("zero gradient"),
        **{
            f"arrived, {label}": descent_table([one.balls[label] for one in falls], names).column("arrived")
            for label in OPTIMIZERS
        },
        "Spearman, one size": [cell(found.all.spearman) for found in measured.pairs["fixed"]],
        "Spearman, mixed sizes": [cell(found.all.spearman) for found in measured.pairs["mixed"]],
        "simulated IoU, unit targets": [cell(found.iou[-1]) for found in measured.races.true],
        "simulated IoU, mixed targets": [cell(found.iou[-1]) for found in measured.races.mixed],
    }
    return Table(("loss",), tuple(columns), list(zip(names, *columns.values(), strict=True)))
