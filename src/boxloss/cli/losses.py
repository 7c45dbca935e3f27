"""``boxloss losses``: which there are."""

from dataclasses import MISSING, fields

import click

import boxloss as bl
from boxloss.cli import console
from boxloss.cli.expressions import MPDIOU, loss_of, modifiers
from boxloss.cli.tables import Table
from boxloss.losses.letters import LETTERS
from boxloss.losses.listing import rows, written

NOTES = (
    "boxes: 2-D along the axes; rotated, with an angle; 3-D, with and without a yaw; a modifier takes those of L",
    "parameters have their defaults, but for the (height, width) of the image, which mpdiou has to be given",
)


@click.command()
def losses() -> None:
    """List the losses with parameters, boxes, ranges and formulas."""
    listed = rows({name: bl.get(name) for name in bl.losses()})
    listed += [row._replace(written=MPDIOU) for row in rows({"mpdiou": loss_of(MPDIOU)})]
    told = [[row.written, ", ".join(row.boxes), row.value_range] for row in listed]
    formulas = [[row.name, row.expression] for row in listed]
    modified = [[_written(name, kind), kind.summary] for name, kind in modifiers().items()]
    # Two tables, each of which fits into a terminal: a line with all of a loss would have 150 columns.
    console.show(Table(("loss", "boxes", "range"), (), told), "", Table(("loss", "formula"), (), formulas), "")
    console.show(Table(("made of a loss L", "formula"), (), modified), "\n".join(["", *NOTES, *LETTERS]))


def _written(name: str, kind: type[bl.Loss]) -> str:
    """Write a modifier with its parameters; those without a default by their names alone."""
    needed = [f.name for f in fields(kind) if f.default is MISSING]
    given = [(f.name, f.default) for f in fields(kind) if f.default is not MISSING]
    return written(name, given, ", ".join(needed))
