"""The section on the simulation of the DIoU paper."""

from collections.abc import Sequence
from typing import Any

from boxloss import lab
from boxloss.cli.expressions import loss_of
from boxloss.cli.report.page import Part, Picture, Section, picture
from boxloss.cli.report.sections import Begin
from boxloss.cli.report.settings import Settings
from boxloss.cli.simulate import POINTS, QUICK_POINTS, table
from boxloss.cli.simulate import picture as draw
from boxloss.lab import Simulation
from boxloss.losses.loss import Loss
from boxloss.plot.style import name_of


def simulation(settings: Settings, begin: Begin) -> Section:
    """Make the section on the simulation."""
    text = [
        "1,715,000 anchors around 7 targets of area 1 take 200 steps of gradient descent (Zheng et al., AAAI 2020). "
        "The score is the sum of the absolute errors of x, y, w and h. An L1 loss minimises just that, "
        "so the IoU is shown too, and a run in which targets have sides from 1/8 to 8 and boxes move in "
        "coordinates relative to their target.",
        "The released gradients are those of the code published with the paper. They are not the gradients of the "
        "losses, but the published curves come from them: with all 5000 anchor centres the errors land on the points.",
    ]
    true = run(settings, begin, settings.losses, "true gradients")
    maps = [
        picture(
            draw([one], "error-map"), f"Final error on the {name_of(one.loss)} loss by the place where anchors started."
        )
        for one in true
        if settings.drawn(one.loss)
    ]
    relative = run(settings, begin, settings.losses, "mixed sizes", sizes="mixed", coordinates="relative")
    parts = [
        part("True gradients, unit targets", true, "error", maps),
        part("True gradients, unit targets", true, "iou"),
        part("True gradients, mixed target sizes, relative coordinates", relative, "iou"),
    ]
    mixed = ("--sizes", "mixed", "--coordinates", "relative", *settings.seeded)
    commands = [
        *(
            settings.command("simulate", *settings.seeded, "--plot", kind, "--out", f"{kind}.png")
            for kind in ("error", "error-map", "iou")
        ),
        settings.command("simulate", *mixed, "--plot", "iou", "--out", "mixed.png"),
    ]
    if names := settings.released:
        old = run(settings, begin, [loss_of(name) for name in names], "released gradients", gradient="released")
        parts.append(part("Released gradients, unit targets", old, "error"))
        options = ("--gradient", "released", *settings.seeded, "--out", "released.png")
        commands.append(settings.command("simulate", *options, names=names))
    return Section("simulation", "The experiment of the DIoU paper", text, parts, commands)


def run(settings: Settings, begin: Begin, losses: Sequence[Loss], what: str, **options: Any) -> list[Simulation]:
    """Simulate some losses."""
    found = []
    points = QUICK_POINTS if settings.quick else POINTS
    for loss in losses:
        begin(f"simulation of {name_of(loss)}, {what}")
        found += lab.simulate(loss, points=points, seed=settings.seed, **options)
    return found


def part(caption: str, found: Sequence[Simulation], quantity: Any, more: Sequence[Picture] = ()) -> Part:
    """Show curves and their values at some steps."""
    said = "error |dx| + |dy| + |dw| + |dh|" if quantity == "error" else "IoU"
    alt = f"{caption}: mean {said} against the step, a line for each loss."
    rows = table(found, [name_of(one.loss) for one in found], quantity)
    return Part(f"{caption}: mean {said}", rows, [picture(draw(found, quantity), alt), *more])
