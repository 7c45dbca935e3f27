"""Options that commands share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

import boxloss as bl

PATH = click.Path(readable=False, path_type=Path)  # unchecked: whoever opens the file says what is wrong with it


def loss_option(default: Sequence[str], default_name: str) -> Callable[[Any], Any]:
    """Make the option that names losses: separated by commas, repeated, or both."""

    def names(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> list[str]:
        known = bl.losses()
        named = [name.strip() for value in values for name in value.split(",")] or list(default)
        if unknown := [name for name in named if name not in known]:
            raise click.BadParameter(f"{unknown[0]!r} is not one of {', '.join(known)}.")
        return list(dict.fromkeys(named))

    def complete(context: click.Context, option: click.Parameter, incomplete: str) -> list[str]:
        before, comma, begun = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in bl.losses() if name.startswith(begun)]

    return click.option(
        "--loss",
        "--losses",
        "losses",
        multiple=True,
        callback=names,
        shell_complete=complete,
        metavar="NAMES",
        help=f"Which losses, as giou,ciou.  [default: {default_name}]",
    )
