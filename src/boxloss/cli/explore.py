"""``boxloss explore``: a page to drag a box on."""

from pathlib import Path

import click

from boxloss.cli import console, export
from boxloss.cli.expressions import loss_of
from boxloss.cli.lab import checked
from boxloss.cli.options import PATH, LossCommand, loss_option


@click.command(cls=LossCommand)
@loss_option(["ciou"], "ciou", help="What the page shows first, as inner(ciou) or 5*l1+2*giou.")
@click.option(
    "--out", "path", type=PATH, default=Path("explore.html"), show_default=True, metavar="FILE", help="The page, .html."
)
def explore(losses: list[str], path: Path) -> None:
    """Make a page to drag a box on.

    FILE needs no network and no other file. On it are two boxes to move and to resize; every loss and modifier, with
    its parameters as sliders; the value with its terms, the gradient as arrows, and the landscape below; and a ball
    that rolls by SGD, momentum or Adam, step by step.
    """
    from boxloss import lab

    if len(losses) > 1:
        raise click.UsageError(
            f"the page shows one loss first, and others when they are chosen; got {', '.join(losses)}. "
            f"A sum is written with +, as {'+'.join(losses[:2])}",
            click.get_current_context(),
        )
    with checked(), export.pending(path, {".html": write_text}) as write:
        write(lab.explore(loss_of(losses[0])))
    console.show(f"{path}: {path.stat().st_size / 1e3:.0f} kB; open it in a browser")


def write_text(path: Path, document: str) -> None:
    """Write the page."""
    path.write_text(document, encoding="utf-8")
