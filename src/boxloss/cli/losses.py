"""``boxloss losses``: which there are."""

from dataclasses import MISSING, fields

import click

import boxloss as bl
from boxloss.cli import console
from boxloss.cli.expressions import modifiers
from boxloss.cli.tables import Table
from boxloss.losses.letters import LETTERS


@click.command()
def losses() -> None:
    """List the losses with their formulas and ranges."""
    kinds = {name: type(bl.get(name)) for name in bl.losses()}
    rows = [[name, kind.expression, kind.value_range] for name, kind in kinds.items()]
    rows.append(["mpdiou(image_size=(H, W))", bl.MPDIoU.expression, bl.MPDIoU.value_range])
    console.show(Table(("loss", "formula", "range"), (), rows))
    modified = [[_written(name, kind), kind.summary] for name, kind in modifiers().items()]
    console.show(Table(("made of a loss L", "formula"), (), modified), "\n".join(["", *LETTERS]))


def _written(name: str, kind: type[bl.Loss]) -> str:
    """A modifier with its parameters, as `--loss` takes it."""
    parameters = [f.name if f.default is MISSING else f"{f.name}={f.default}" for f in fields(kind)]
    return f"{name}({', '.join(parameters)})"
