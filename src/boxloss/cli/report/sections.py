"""The sections on landscapes, descents and correlations."""

from boxloss.cli.correlate import table as correlation_table
from boxloss.cli.descend import ARRIVED
from boxloss.cli.descend import table as descent_table
from boxloss.cli.inputs import LOWEST
from boxloss.cli.landscape import table as landscape_table
from boxloss.cli.report import charts, tiles
from boxloss.cli.report.glance import flatness, interval, mean_iou, stayed
from boxloss.cli.report.measure import (
    APART,
    BOX,
    BOXES,
    EXTENT,
    GENERATORS,
    OPTIMIZERS,
    SIZE,
    STEPS,
    TARGET,
    Measured,
    top_of,
)
from boxloss.cli.report.page import Part, Picture, Pictures, Section
from boxloss.cli.tables import cell, percent

BOX_OPTION = ("--target", *(f"{number:g}" for number in TARGET))
PLANE_OPTIONS = (*BOX_OPTION, "--pred-size", *(f"{number:g}" for number in SIZE))
SIZES_OPTIONS = (*PLANE_OPTIONS, "--vary", "wh", "--pred-center", *(f"{number:g}" for number in APART))
FASTER = 0.1  # of mean IoU: by what Adam must be ahead for SGD to be called slow
DESCENT_OPTIONS = (*PLANE_OPTIONS, "--parametrisation", "cxcywh")


def slopes(measured: Measured) -> Section:
    """Make the section on landscapes."""
    settings, falls = measured.settings, measured.falls
    places = [
        Picture(
            tiles.landscape(one.places, f"{one.name} loss over places of the box, with arrows of descent."),
            one.name,
            flatness(one.places),
        )
        for one in falls
    ]
    sizes = [
        Picture(
            tiles.landscape(one.sizes, f"{one.name} loss over sizes of the box, with arrows of descent."),
            one.name,
            f"leads away on {percent(one.sizes.statistics.away_share)}",
        )
        for one in falls
    ]
    rows = [
        Pictures("A tall box is moved: to the right its place in x, upwards in y, the target outlined.", places),
        Pictures(
            f"The box takes every size, with its centre {APART[0]:g} to the right of the target's and {APART[1]:g} "
            "above: to the right its width, upwards its height, the target's own size marked.",
            sizes,
        ),
    ]
    text = [
        "Colour is the loss as a share of its own range on the plane, so steepness can be compared; arrows point the "
        "way that gradient descent takes, and dots mark places where the gradient is zero and a box stays put.",
        *difference(measured),
    ]
    parts = [
        Part(
            f"Over places, {2 * EXTENT:g} by {2 * EXTENT:g}. Mean cosine: of the angle between descent and the way to "
            "the target. Slope: norm of the gradient, from its 5th to its 95th percentile over the plane",
            landscape_table([one.places for one in falls], settings.labels),
        ),
        Part("Over sizes", landscape_table([one.sizes for one in falls], settings.labels)),
    ]
    commands = [
        settings.command("landscape", *PLANE_OPTIONS, "--out", "landscape.png", "--out", "landscape.json"),
        settings.command("landscape", *SIZES_OPTIONS, "--out", "sizes.png", "--out", "sizes.json"),
    ]
    return Section("landscape", "The slope under the box", text, rows=rows, parts=parts, commands=commands)


def difference(measured: Measured) -> list[str]:
    """Say what makes two losses differ that look alike."""
    falls = dict(zip(measured.settings.names, measured.falls, strict=True))
    if not {"diou", "ciou"} <= set(falls):
        return []
    over = []
    for plane in ("places", "sizes"):
        added = getattr(falls["ciou"], plane).value - getattr(falls["diou"], plane).value
        over.append((abs(added.min()), added.max()))
    (low, high), (least, most) = over
    return [
        "CIoU is DIoU plus a term for the aspect ratio, so the two differ only where the shapes of the boxes do. Over "
        f"places the shapes stay, and the term is nearly a constant, from {low:.3f} to {high:.3f}: the pictures agree. "
        f"Over sizes it is from {least:.3f} to {most:.3f}, and bends the arrows towards the target's shape.",
    ]


def descents(measured: Measured) -> Section:
    """Make the section on descents."""
    settings, falls = measured.settings, measured.falls
    reach = tiles.reach_of([ball for one in falls for ball in one.box.values()])
    ends = [{label: mean_iou(ball)[-1] for label, ball in one.box.items()} for one in falls]
    boxes = []
    for index, (one, end) in enumerate(zip(falls, ends, strict=True)):
        said = ", ".join(f"{label} {iou:.2f}" for label, iou in end.items())
        alt = f"A box on its way to the target on the {one.name} loss; IoU at the end: {said}."
        boxes.append(Picture(tiles.boxes(one.box, reach, f"box{index}", alt), one.name, f"IoU: {said}"))
    lines = [
        Picture(
            charts.curves(
                [mean_iou(one.balls[label]) for one in falls],
                f"Mean IoU of {BOXES} boxes against the step with {label}, a line for each loss.",
                top=1.0,
            ),
            f"Mean IoU of {BOXES} boxes, {label}",
        )
        for label in OPTIMIZERS
    ]
    rows = [
        Pictures("", lines, charts.legend(settings.labels), "charts"),
        Pictures("One box from the same start, dashed, to the target, filled: SGD in blue, Adam in orange.", boxes),
    ]
    text = [
        f"{BOXES} boxes start at random places, tall where the target is wide, and descend for {STEPS} steps on centre "
        "and size. " + reached(measured),
    ]
    parts = [
        Part(
            f"{label}, after {STEPS} steps. Error: mean |dx| + |dy| + |dw| + |dh|. Arrived: an IoU of {ARRIVED:g} or "
            "more",
            descent_table([one.balls[label] for one in falls], settings.labels),
        )
        for label in OPTIMIZERS
    ]
    single = ("--start", *(f"{number:g}" for number in BOX), *BOX_OPTION, "--parametrisation", "cxcywh")
    commands = []
    for label, optimizer in OPTIMIZERS.items():
        by, file = ("--optimizer", optimizer), label.lower()
        commands += [
            settings.command("descend", *DESCENT_OPTIONS, *by, *settings.seeded, "--out", f"{file}.json"),
            settings.command("descend", *single, *by, "--out", f"{file}.gif"),
        ]
    return Section("descent", "The ball", text, rows=rows, parts=parts, commands=commands)


def reached(measured: Measured) -> str:
    """Say on which losses boxes never moved, and where the rest is slow and not stuck."""
    stuck = {one.name: min(stayed(ball) for ball in one.balls.values()) for one in measured.falls}
    said = [f"on {name} {count}" for name, count in stuck.items() if count]
    first = f"Some never move with either optimizer: {', '.join(said)}." if said else "On each loss every one moves."
    slow = []
    for one in measured.falls:
        sgd, adam = (mean_iou(ball)[-1] for ball in one.balls.values())
        if not stuck[one.name] and adam - sgd > FASTER:
            slow.append(f"{one.name} (mean IoU {sgd:.2f} with SGD, {adam:.2f} with Adam)")
    return first + (f" Boxes that SGD leaves on the way are slow, not stuck: {', '.join(slow)}." if slow else "")


def correlations(measured: Measured) -> Section:
    """Make the section on correlations over random pairs."""
    settings, rows, parts, commands = measured.settings, [], [], []
    for generator in GENERATORS:
        found = measured.pairs[generator]
        pictures = [
            Picture(
                tiles.pairs(one, measured.top(index), f"{name} loss against IoU, {one.pairs.name}."),
                name,
                f"rank correlation {cell(one.all.spearman)}; {interval(one)}",
            )
            for index, (name, one) in enumerate(zip(settings.labels, found, strict=True))
        ]
        rows.append(Pictures(found[0].pairs.name + ".", pictures))
        parts.append(Part(found[0].pairs.name, correlation_table(found, settings.labels)))
        options = ("--pairs", generator, "--count", str(settings.pairs), *settings.seeded)
        commands.append(settings.command("correlate", *options, "--out", f"{generator}.png"))
    text = [
        "Random pairs of boxes, from matches to boxes apart: with targets of one size, 24 by 24 pixels, and with "
        "targets of sides from 8 to 512 pixels. To the right the IoU, upwards the loss, on one scale for both rows of "
        "a loss. A loss that orders pairs as the IoU does has a rank correlation of \N{MINUS SIGN}1 with it; the bar "
        "holds the middle nine tenths of its values at an IoU of 0.4.",
    ]
    return Section("correlation", "Does the loss follow the IoU?", text, rows=rows, parts=parts, commands=commands)


def detector(measured: Measured) -> Section | None:
    """Make the section on the matches of a detector, if there are files of one."""
    found, settings = measured.detector, measured.settings
    if not found or measured.matched is None:
        return None
    pictures = [
        Picture(
            tiles.pairs(one, top_of(one), f"{name} loss against IoU of {one.pairs.name}."),
            name,
            f"rank correlation {cell(one.all.spearman)}; {interval(one)}",
        )
        for name, one in zip(settings.labels, found, strict=True)
    ]
    matched = measured.matched
    notes = [f"Note: {text}." for text in (*matched.remarks(), *matched.assumed(), matched.hint()) if text]
    text = [f"The same on the matches of your files, from an IoU of {LOWEST:g} on.", *notes]
    parts = [Part(found[0].pairs.name, correlation_table(found, settings.labels))]
    command = settings.command("correlate", *settings.file_words, "--out", "detector.png")
    rows = [Pictures("", pictures)]
    return Section("detector", "Your detector", text, rows=rows, parts=parts, commands=[command])
