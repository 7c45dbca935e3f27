"""``boxloss losses``: which there are."""

import click

import boxloss as bl
from boxloss.cli import console

LEGEND = """
e: difference of a coordinate; w, h and W, H: sides of the predicted and of the target box
I, U, C: areas of intersection, union and the smallest enclosing box, which has the sides c_w, c_h and the diagonal c
rho: distance of the centres; v = 4 / pi^2 (atan(W / H) - atan(w / h))^2; alpha = v / (1 - I / U + v)"""


@click.command()
def losses() -> None:
    """List the losses with their formulas and ranges."""
    table = console.table("loss", "formula", "range")
    for name in bl.losses():
        kind = type(bl.get(name))
        table.add_row(name, kind.expression, kind.value_range)
    console.show(table, LEGEND)
