"""The sections on landscapes, descents and correlations."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from boxloss import lab, plot
from boxloss.cli.descend import ARRIVED, FRAMES, QUICK_FRAMES, protocol_rate, random_starts, statistics
from boxloss.cli.lab import cell, percent
from boxloss.cli.report.page import Section, Table, motion, picture
from boxloss.cli.report.settings import Settings
from boxloss.lab import Landscape, Pairs
from boxloss.plot.style import name_of

Begin = Callable[[str], None]

TARGET, SIZE, EXTENT = (0.0, 0.0, 1.0, 1.0), (1.0, 1.0), 3.0  # as the commands have them
BALL = (2.2, 1.3, 0.6, 1.7)  # start of the animation: apart from the target, too narrow and too tall
BOXES, STEPS = 12, 200
PAIRS, QUICK_PAIRS = 200_000, 20_000
UNIT = "sides of the target"


def landscapes(settings: Settings, begin: Begin) -> tuple[Section, list[Landscape]]:
    """Make the section on landscapes; give its planes too."""
    planes, section = (
        [],
        Section(
            "landscape",
            "The slope under the box",
            [
                "A predicted box of the target's own size is moved over a plane. Colour is the loss, arrows point the way "
                "that gradient descent takes, and rings mark places where the gradient is zero and a box stays put.",
                "Mean cosine: of the angle between the way of descent and the way to the target, 1 if they are one. "
                "Slope: the norm of the gradient, from its 5th to its 95th percentile over the plane.",
            ],
        ),
    )
    for loss in settings.losses:
        begin(f"landscape of {name_of(loss)}")
        plane = lab.landscape(loss, TARGET, SIZE, EXTENT, 60 if settings.quick else 300)
        planes.append(plane)
        zero = percent(plane.statistics.zero_share)
        flat = plot.landscape(plane, unit=UNIT)
        section.pictures.append(
            picture(flat, f"{name_of(loss)} loss over the plane as filled contours; its gradient is zero on {zero}.")
        )
        if not settings.quick:
            relief = plot.surface(plane, unit=UNIT)
            section.pictures.append(picture(relief, f"{name_of(loss)} loss over the plane as a surface."))
    section.tables.append(
        Table(
            f"Gradient over a plane of {2 * EXTENT:g} by {2 * EXTENT:g} target sides",
            ["loss", "zero", "leads away", "mean cosine", "slope p5", "slope p50", "slope p95"],
            [
                [
                    name_of(plane.loss),
                    *map(percent, plane.statistics[:2]),
                    *map(cell, (plane.statistics.mean_cosine, *plane.statistics[4:7])),
                ]
                for plane in planes
            ],
        )
    )
    section.commands.append(settings.command("landscape", "--out", "landscape.png", "--out", "landscape.json"))
    if not settings.quick:
        section.commands.append(settings.command("landscape", "--plot", "surface", "--out", "surface.png"))
    return section, planes


def descents(settings: Settings, begin: Begin, planes: list[Landscape]) -> Section:
    """Make the section on descents."""
    section = Section(
        "descent",
        "The ball",
        [
            f"{BOXES} boxes of the target's size start at random places and roll down the loss for {STEPS} steps; only "
            "their centres move. Where the landscape is flat they stay where they are.",
            "In the animation one box starts apart from the target, too narrow and too tall, and centre and size both "
            "move.",
        ],
    )
    starts, rate = random_starts(np.asarray(TARGET), BOXES, EXTENT, settings.seed), protocol_rate(STEPS)
    balls, moving = [], []
    for plane in planes:
        name = name_of(plane.loss)
        begin(f"descent on {name}")
        ball = lab.descend(plane.loss, starts, TARGET, lr=rate, steps=STEPS, parametrisation="xy")
        balls.append(ball)
        moving.append(lab.descend(plane.loss, BALL, TARGET, lr=rate, steps=STEPS))
        paths = plot.descent(ball, plane, unit=UNIT)
        section.pictures.append(picture(paths, f"Paths of {BOXES} boxes down the {name} loss."))
    begin("animation")
    animation = plot.animate(moving, unit=UNIT, frames=QUICK_FRAMES if settings.quick else FRAMES)
    section.pictures.append(motion(animation, f"A box on its way to the target on each of {len(moving)} losses."))
    section.tables.append(
        Table(
            f"After {STEPS} steps: error is the mean |dx| + |dy| + |dw| + |dh| in sides of the target; "
            f"a box has arrived at an IoU of {ARRIVED:g}",
            ["loss", "error at start", "final error", "final IoU", "arrived"],
            [
                [name_of(ball.loss), *(cell(row[key]) for key in ("start_error", "final_error", "final_iou"))]
                + [f"{row['arrived']} of {row['boxes']}"]
                for ball, row in zip(balls, statistics(balls, settings.names), strict=True)
            ],
        )
    )
    seed = ("--seed", str(settings.seed))
    start = ("--start", *(f"{number:g}" for number in BALL), "--parametrisation", "cxcywh")
    section.commands += [
        settings.command("descend", *seed, "--out", "descent.png", "--out", "descent.json"),
        settings.command("descend", *start, "--out", "descent.gif"),
    ]
    return section


def correlations(settings: Settings, begin: Begin) -> Section:
    """Make the section on correlations over random pairs."""
    section = Section(
        "correlation",
        "Does the loss follow the IoU?",
        [
            "Random pairs of boxes, from matches to boxes apart: with targets of one size, 24 by 24 pixels, and with "
            "targets of sides from 8 to 512 pixels. A loss that orders pairs as the IoU does has a rank correlation "
            "of -1 with it. One whose value the IoU settles has a spread and a residual of 0.",
            "A loss of coordinates depends on how large the boxes are, the IoU does not: compare the two tables.",
        ],
    )
    count = QUICK_PAIRS if settings.quick else PAIRS
    for generator in ("fixed", "mixed"):
        pairs = lab.generate(generator, count, settings.seed)
        add_pairs(section, settings, begin, pairs)
        options = ("--pairs", generator, "--count", str(count), "--seed", str(settings.seed))
        section.commands.append(settings.command("correlate", *options, "--out", f"{generator}.png"))
    return section


def detector(settings: Settings, begin: Begin, files: tuple[Path, Path]) -> Section:
    """Make the section on the matches of a detector."""
    section = Section(
        "detector",
        "Your detector",
        ["The same on the matches of your files, from an IoU of 0.1 on."],
        commands=[settings.command("correlate", *map(str, files), "--out", "detector.png")],
    )
    add_pairs(section, settings, begin, lab.coco_pairs(*files))
    return section


def add_pairs(section: Section, settings: Settings, begin: Begin, pairs: Pairs) -> None:
    """Add a table and a picture for each loss."""
    rows = []
    for loss in settings.losses:
        begin(f"{name_of(loss)} and IoU of {pairs.name}")
        result = lab.correlate(loss, pairs)
        for which, measures in (("all", result.all), ("overlapping", result.overlapping)):
            numbers = (measures.spearman, measures.kendall, measures.spread, measures.residual)
            ends = (measures.low, measures.high)
            rows.append([f"{name_of(loss)}, {which}", f"{measures.size:,}", *map(cell, numbers + ends)])
        rho = cell(result.all.spearman)
        alt = f"{name_of(loss)} loss against IoU of {pairs.name}: Spearman's rank correlation {rho}."
        section.pictures.append(picture(plot.correlation(result), alt))
    header = ["loss", "pairs", "Spearman", "Kendall", "spread", "residual", "p5 at IoU 0.4", "p95 at IoU 0.4"]
    section.tables.append(Table(pairs.name, header, rows))
