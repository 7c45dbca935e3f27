"""``boxloss losses``: which there are."""

import click

import boxloss as bl
from boxloss.cli import console
from boxloss.cli.tables import Table

LEGEND = """
e: difference of a coordinate; w, h and W, H: sides of the predicted and of the target box
I, U, C: areas of intersection, union and the smallest enclosing box, which has the sides c_w, c_h and the diagonal c
rho: distance of the centres; v = 4 / pi^2 (atan(W / H) - atan(w / h))^2; alpha = v / (1 - I / U + v)"""


@click.command()
def losses() -> None:
    """List the losses with their formulas and ranges."""
    kinds = {name: type(bl.get(name)) for name in bl.losses()}
    rows = [[name, kind.expression, kind.value_range] for name, kind in kinds.items()]
    console.show(Table(("loss", "formula", "range"), (), rows), LEGEND)
