"""The section on the simulation of the DIoU paper."""

from collections.abc import Sequence
from typing import Any

from boxloss import lab, plot
from boxloss.cli.lab import cell
from boxloss.cli.report.page import Section, Table, picture
from boxloss.cli.report.sections import Begin
from boxloss.cli.report.settings import Settings
from boxloss.cli.simulate import STEPS, published
from boxloss.lab import Simulation
from boxloss.loss import Loss
from boxloss.plot.style import name_of

POINTS, QUICK_POINTS = 5000, 200
UNIT = "sides of a square target"


def simulation(settings: Settings, begin: Begin) -> Section:
    """Make the section on the simulation."""
    section = Section(
        "simulation",
        "The experiment of the DIoU paper",
        [
            "1,715,000 anchors around 7 targets of area 1 take 200 steps of gradient descent (Zheng et al., AAAI "
            "2020). The score is the sum of the absolute errors of x, y, w and h, which is what an L1 loss minimises: "
            "on unit targets that loss has the score for itself. So the IoU is shown beside it, and a run in which "
            "targets have sides from 1/8 to 8 and boxes move in coordinates relative to their target.",
            "The released gradients are those of the code published with the paper, which are not the gradients of "
            "the losses. They land on the published points.",
        ],
    )
    true = run(settings, begin, settings.losses, "true gradients")
    add(section, "True gradients, unit targets", true, ("error", "iou"))
    for result in true:
        alt = f"Final error on the {name_of(result.loss)} loss by the place where the anchor started."
        section.pictures.append(picture(plot.final_map(result), alt))
    relative = run(settings, begin, settings.losses, "mixed sizes", sizes="mixed", coordinates="relative")
    add(section, "True gradients, mixed target sizes, relative coordinates", relative, ("iou",))
    section.commands += [
        settings.command("simulate", *seed(settings), "--plot", kind, "--out", f"{kind}.png")
        for kind in ("error", "iou", "error-map")
    ]
    mixed = ("--sizes", "mixed", "--coordinates", "relative", *seed(settings))
    section.commands.append(settings.command("simulate", *mixed, "--plot", "iou", "--out", "mixed.png"))
    if names := settings.released:
        losses = [loss for name, loss in zip(settings.names, settings.losses, strict=True) if name in names]
        old = run(settings, begin, losses, "released gradients", gradient="released")
        add(section, "Released gradients, unit targets", old, ("error",))
        options = ("--gradient", "released", *seed(settings), "--out", "released.png")
        section.commands.append(settings.command("simulate", *options, names=names))
    return section


def seed(settings: Settings) -> tuple[str, str]:
    """Give the option."""
    return "--seed", str(settings.seed)


def run(settings: Settings, begin: Begin, losses: Sequence[Loss], what: str, **options: Any) -> list[Simulation]:
    """Simulate some losses."""
    found = []
    points = QUICK_POINTS if settings.quick else POINTS
    for loss in losses:
        begin(f"simulation of {name_of(loss)}, {what}")
        found += lab.simulate(loss, points=points, seed=settings.seed, **options)
    return found


def add(section: Section, caption: str, found: Sequence[Simulation], quantities: Sequence[Any]) -> None:
    """Add curves and their values at some steps."""
    for quantity in quantities:
        points = published(found) if quantity == "error" else None
        figure = plot.curves(found, quantity, unit=UNIT, published=points)
        said = "error |dx| + |dy| + |dw| + |dh|" if quantity == "error" else "IoU"
        section.pictures.append(picture(figure, f"{caption}: mean {said} against the step, a line for each loss."))
        section.tables.append(
            Table(
                f"{caption}: mean {said} after step",
                ["loss", *map(str, STEPS)],
                [[name_of(one.loss), *map(cell, getattr(one, quantity)[list(STEPS)].tolist())] for one in found],
            )
        )
