"""The section on the simulation of the DIoU paper."""

from collections.abc import Sequence
from typing import Any

from boxloss.cli.report import charts, tiles
from boxloss.cli.report.measure import Measured
from boxloss.cli.report.page import Part, Picture, Pictures, Section
from boxloss.cli.simulate import POINTS as ALL_POINTS
from boxloss.cli.simulate import published, table
from boxloss.lab import Simulation
from boxloss.plot.style import name_of

UNIT, MIXED = "True gradients, unit targets", "True gradients, mixed target sizes, relative coordinates"
RELEASED = "Released gradients, unit targets"
SAID = {"error": "error |dx| + |dy| + |dw| + |dh|", "iou": "IoU"}


def simulation(measured: Measured) -> Section:
    """Make the section, folded."""
    settings, races = measured.settings, measured.races
    highest = max(float(one.error.max()) for one in (*races.true, *races.released))
    shown = [(UNIT, races.true, "error"), (UNIT, races.true, "iou"), (MIXED, races.mixed, "iou")]
    shown += [(RELEASED, races.released, "error")] if races.released else []
    lines = [chart(measured, *one, highest) for one in shown]
    maps = [
        Picture(
            tiles.final_map(one, f"Final error on the {name_of(one.loss)} loss by the place where anchors started."),
            name_of(one.loss),
        )
        for one in races.true
    ]
    rows = [
        Pictures("", lines, charts.legend(settings.labels), "charts"),
        Pictures(
            "What is left of the error by where anchors started, with true gradients and unit targets: logarithmic "
            "colours from 0.001, dark, to 10, bright. The square is a target, to scale.",
            maps,
        ),
    ]
    parts = [Part(f"{title}: mean {SAID[quantity]}", rows_of(found, quantity)) for title, found, quantity in shown]
    return Section(
        "simulation",
        "The experiment of the DIoU paper",
        text(measured),
        rows=rows,
        parts=parts,
        commands=commands(measured),
        folded="Curves, maps and tables",
    )


def text(measured: Measured) -> list[str]:
    """Say what was run, and what is to be known about it."""
    settings, races = measured.settings, measured.races
    cases, points = races.true[0].cases, len(races.true[0].points)
    part = "" if points == ALL_POINTS else f", of the paper's 1,715,000 at {ALL_POINTS}"
    more = "" if points == ALL_POINTS else " boxloss report --full runs them all."
    ends = ", ".join(f"{name_of(one.loss)} {one.iou[-1]:.3f}" for one in races.true)
    told = [
        f"{cases:,} anchors at {points} centres{part}, around 7 targets of area 1, take 200 steps of gradient descent "
        f"(Zheng et al., AAAI 2020).{more} The score is the sum of the absolute errors of x, y, w and h. An L1 loss "
        "minimises just that, so the IoU is shown too, and a run in which targets have sides from 1/8 to 8 and boxes "
        "move in coordinates relative to their target. Mean IoU at the end, with true gradients and unit targets: "
        f"{ends}.",
    ]
    if settings.released:
        told.append(
            "The released gradients are those of the code published with the paper. They are not the gradients of the "
            "losses, but the published curves come from them: dots are published values, for all 5000 anchor centres.",
        )
    return told


def chart(measured: Measured, title: str, found: Sequence[Simulation], quantity: Any, highest: float) -> Picture:
    """Draw curves in the colours that their losses have everywhere."""
    names = measured.settings.labels
    places = [names.index(name_of(one.loss)) for one in found]
    values = (published(found) if quantity == "error" else None) or {}
    dots = {place: values.get(name_of(one.loss), {}) for place, one in zip(places, found, strict=True)}
    drawn = charts.curves(
        [getattr(one, quantity) for one in found],
        f"{title}: mean {SAID[quantity]} against the step, a line for each loss.",
        top=1.0 if quantity == "iou" else highest,
        styles=places,
        published=dots,
    )
    return Picture(drawn, title, f"mean {SAID[quantity]}")


def rows_of(found: Sequence[Simulation], quantity: str) -> Any:
    """Make the table of the command."""
    return table(found, [name_of(one.loss) for one in found], quantity)


def commands(measured: Measured) -> list[str]:
    """List the commands that make it."""
    settings = measured.settings
    points = () if settings.quick or settings.full else ("--points", str(settings.points))
    options = (*points, *settings.seeded)
    mixed = ("--sizes", "mixed", "--coordinates", "relative", *options)
    made = [
        *(
            settings.command("simulate", *options, "--plot", kind, "--out", f"{kind}.png")
            for kind in ("error", "error-map", "iou")
        ),
        settings.command("simulate", *mixed, "--plot", "iou", "--out", "mixed.png"),
    ]
    if settings.released:
        old = ("--gradient", "released", *options, "--out", "released.png")
        made.append(settings.command("simulate", *old, names=settings.released))
    return made
