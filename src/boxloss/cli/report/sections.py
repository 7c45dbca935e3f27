"""The sections on landscapes, descents and correlations."""

from collections.abc import Callable

import numpy as np

from boxloss import lab, plot
from boxloss.cli.correlate import QUICK_PAIRS
from boxloss.cli.correlate import table as correlation_table
from boxloss.cli.descend import ARRIVED, FRAMES, QUICK_FRAMES, protocol_rate, random_starts
from boxloss.cli.descend import table as descent_table
from boxloss.cli.inputs import LOWEST, Matched, some_pairs
from boxloss.cli.landscape import CELLS, QUICK_CELLS
from boxloss.cli.landscape import table as landscape_table
from boxloss.cli.report.page import Part, Section, motion, picture
from boxloss.cli.report.settings import Settings
from boxloss.cli.tables import cell, percent
from boxloss.lab import Landscape, Pairs
from boxloss.plot.style import name_of

Begin = Callable[[str], None]

TARGET, SIZE, EXTENT = (0.0, 0.0, 1.0, 1.0), (1.0, 1.0), 3.0  # as the commands have them
BALL = (2.2, 1.3, 0.6, 1.7)  # start of the animation: apart from the target, too narrow and too tall
BOXES, STEPS = 12, 200
PAIRS = 200_000
UNIT = "sides of the target"


def landscapes(settings: Settings, begin: Begin) -> tuple[Section, list[Landscape]]:
    """Make the section on landscapes; give its planes too."""
    planes, pictures = [], []
    for loss in settings.losses:
        name = name_of(loss)
        begin(f"landscape of {name}")
        plane = lab.landscape(loss, TARGET, SIZE, EXTENT, QUICK_CELLS if settings.quick else CELLS)
        planes.append(plane)
        if settings.drawn(loss):
            zero = percent(plane.statistics.zero_share)
            alt = f"{name} loss over the plane as filled contours. Its gradient is zero on {zero} of it."
            pictures.append(picture(plot.landscape(plane, unit=UNIT), alt))
        if not settings.quick:
            pictures.append(picture(plot.surface(plane, unit=UNIT), f"{name} loss over the plane as a surface."))
    caption = f"Gradient over a plane of {2 * EXTENT:g} by {2 * EXTENT:g} target sides"
    table = landscape_table(planes, settings.labels)
    text = [
        "A predicted box of the target's own size is moved over a plane. Colour is the loss, arrows point the way that "
        "gradient descent takes, and rings mark places where the gradient is zero and a box stays put.",
        "Mean cosine: of the angle between the way of descent and the way to the target, 1 if they are one. Slope: the "
        "norm of the gradient, from its 5th to its 95th percentile over the plane.",
    ]
    commands = [settings.command("landscape", "--out", "landscape.png", "--out", "landscape.json")]
    if not settings.quick:
        commands.append(settings.command("landscape", "--plot", "surface", "--out", "surface.png"))
    return Section("landscape", "The slope under the box", text, [Part(caption, table, pictures)], commands), planes


def descents(settings: Settings, begin: Begin, planes: list[Landscape]) -> Section:
    """Make the section on descents."""
    starts = random_starts(np.asarray(TARGET), BOXES, EXTENT, settings.seed)
    rate = protocol_rate(STEPS)
    balls, moving, pictures = [], [], []
    for plane in planes:
        name = name_of(plane.loss)
        begin(f"descent on {name}")
        ball = lab.descend(plane.loss, starts, TARGET, lr=rate, steps=STEPS, parametrisation="xy")
        balls.append(ball)
        if settings.drawn(plane.loss):
            paths = plot.descent(ball, plane, unit=UNIT)
            pictures.append(picture(paths, f"Paths of {BOXES} boxes down the {name} loss."))
            moving.append(lab.descend(plane.loss, BALL, TARGET, lr=rate, steps=STEPS))
    begin("animation")
    animation = plot.animate(moving, unit=UNIT, frames=QUICK_FRAMES if settings.quick else FRAMES)
    names = ", ".join(name_of(ball.loss) for ball in moving)
    pictures.append(motion(animation, f"Animation: a box on its way to the target on {names}."))
    caption = (
        f"After {STEPS} steps. Error: mean |dx| + |dy| + |dw| + |dh| in sides of the target. Arrived: boxes with an "
        f"IoU of {ARRIVED:g} or more."
    )
    table = descent_table(balls, settings.labels)
    text = [
        f"{BOXES} boxes of the target's size start at random places and roll down the loss for {STEPS} steps; only "
        "their centres move. Where the landscape is flat they stay where they are.",
        "In the animation one box starts apart from the target, too narrow and too tall. Centre and size both move.",
    ]
    start = ("--start", *(f"{number:g}" for number in BALL), "--parametrisation", "cxcywh")
    commands = [
        settings.command("descend", *settings.seeded, "--out", "descent.png", "--out", "descent.json"),
        settings.command("descend", *start, "--out", "descent.gif"),
    ]
    return Section("descent", "The ball", text, [Part(caption, table, pictures)], commands)


def correlations(settings: Settings, begin: Begin) -> Section:
    """Make the section on correlations over random pairs."""
    count = QUICK_PAIRS if settings.quick else PAIRS
    parts, commands = [], []
    for generator in ("fixed", "mixed"):
        parts.append(correlation(settings, begin, lab.generate(generator, count, settings.seed)))
        options = ("--pairs", generator, "--count", str(count), *settings.seeded)
        commands.append(settings.command("correlate", *options, "--out", f"{generator}.png"))
    text = [
        "Random pairs of boxes, from matches to boxes apart: with targets of one size, 24 by 24 pixels, and with "
        "targets of sides from 8 to 512 pixels. A loss that orders pairs as the IoU does has a rank correlation of "
        "-1 with it. One whose value the IoU settles has a spread and a residual of 0. The columns p5 and p95 are "
        "percentiles of the loss at an IoU of 0.4.",
        "A loss of coordinates depends on how large the boxes are, the IoU does not: compare the two tables.",
    ]
    return Section("correlation", "Does the loss follow the IoU?", text, parts, commands)


def detector(settings: Settings, begin: Begin, matched: Matched) -> Section:
    """Make the section on the matches of a detector."""
    part = correlation(settings, begin, some_pairs(matched))
    command = settings.command("correlate", *settings.file_words, "--out", "detector.png")
    notes = [f"Note: {text}." for text in (*matched.remarks(), matched.hint()) if text]
    text = [f"The same on the matches of your files, from an IoU of {LOWEST:g} on.", *notes]
    return Section("detector", "Your detector", text, [part], [command])


def correlation(settings: Settings, begin: Begin, pairs: Pairs) -> Part:
    """Measure and draw each loss on some pairs."""
    found, pictures = [], []
    for loss in settings.losses:
        name = name_of(loss)
        begin(f"{name} and IoU of {pairs.name}")
        result = lab.correlate(loss, pairs)
        found.append(result)
        if settings.drawn(loss):
            rho = cell(result.all.spearman)
            alt = f"{name} loss against IoU of {pairs.name}: Spearman's rank correlation {rho}."
            pictures.append(picture(plot.correlation(result), alt))
    return Part(pairs.name, correlation_table(found, settings.labels), pictures)
