"""Options that commands share, and their types."""

import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import numpy as np
from click.core import ParameterSource

import boxloss as bl
from boxloss.check import did_you_mean
from boxloss.cli.expressions import loss_of, refusals, split, words_after
from boxloss.formulas.defined import told_losses
from boxloss.shapes.formats import FORMATS
from boxloss.shapes.rotated.formats import FARTHEST_RADIANS

PATH = click.Path(readable=False, path_type=Path)  # unchecked: whoever opens the file says what is wrong with it


def refuse(names: Sequence[str], why: str) -> None:
    """Refuse options of the command that runs, where they were given."""
    context = click.get_current_context()
    options = {option.name: option.opts[0] for option in context.command.params}
    for name in names:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise click.UsageError(f"{options[name]} {why}", context)


class Choice(click.Choice):  # type: ignore[type-arg]  # not generic before click 8.2
    """One of some words; the error has the one that was meant."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check a word."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            self.fail(
                f"{error.message}{did_you_mean(str(value), [str(choice) for choice in self.choices])}", param, ctx
            )


class WholeNumber(click.IntRange):
    """An integer, which may be written as 1e6."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a number."""
        if isinstance(value, str):
            try:
                value = int(value)
            except ValueError:
                with suppress(ValueError):
                    value = int(float(value)) if float(value).is_integer() else value
        if isinstance(value, str):
            self.fail(f"{value!r} is not a whole number.", param, ctx)
        return super().convert(value, param, ctx)


def finite(context: click.Context, option: click.Parameter, value: Any) -> Any:
    """Check for numbers that are neither NaN nor infinite."""
    numbers = [] if value is None else np.ravel(value).tolist()
    if wrong := [number for number in numbers if not math.isfinite(number)]:
        raise click.BadParameter(f"{wrong[0]} is not a finite number.")
    return value


class Numbers(click.FloatRange):
    """Numbers of a range, separated by commas: rising, and each once."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read them."""
        parts: list[Any] = value.split(",") if isinstance(value, str) else value
        return sorted({super(Numbers, self).convert(part, param, ctx) for part in parts})


def within_reach(context: click.Context, option: click.Parameter, value: float | None) -> float | None:
    """Check for an angle that losses take: of one that is larger too few digits are left."""
    if value is not None and abs(finite(context, option, value)) > FARTHEST_RADIANS:
        raise click.BadParameter(f"{value:g} is more than {FARTHEST_RADIANS:.0f} radians.")
    return value


NUMBER: dict[str, Any] = {"type": float, "callback": finite}
SIZE = NUMBER | {"nargs": 2, "metavar": "W H"}
PLACE = NUMBER | {"nargs": 2, "metavar": "X Y"}
BOX = NUMBER | {"nargs": 4, "metavar": "X Y W H"}
ANGLE: dict[str, Any] = {"type": float, "callback": within_reach, "metavar": "RADIANS"}


class LossCommand(click.Command):
    """A command with `loss_option`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; a loss among the files is one that was separated by a space."""
        for place, option in enumerate(args[:-2]):
            value, word = args[place + 1 : place + 3]
            if option in ("--loss", "--losses") and word in bl.losses() and not Path(word).exists():
                value = value.rstrip(",")
                raise click.UsageError(f"losses are separated by commas: {option} {value},{word}", ctx)
        return super().parse_args(ctx, args)


def check_losses(losses: Sequence[str], format: str) -> None:
    """Check that every loss is defined for boxes of a format; the error names losses that are."""
    if refused := refusals(losses, format):
        told = "; ".join(f"{name}: {why}" for name, why in refused.items())
        told += told_losses(FORMATS[format].shape, loss_of(next(iter(refused))).program.structure.relations)
        raise click.BadParameter(told, click.get_current_context(silent=True), param_hint="'--loss'")


def loss_option(
    default: Sequence[str], default_name: str, help: str = "Which losses, as giou,ciou or 5*l1+2*giou."
) -> Callable[[Any], Any]:
    """Make the option that says which losses: separated by commas, repeated, or both."""

    def read(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> list[str]:
        try:
            losses = [loss for value in values for loss in split(value)]
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
        return list(dict.fromkeys(losses or default))

    def complete(context: click.Context, option: click.Parameter, incomplete: str) -> list[str]:
        before, begun = re.fullmatch(r"(.*?)((?:[a-z]\w*)?)", incomplete, re.DOTALL).groups()  # type: ignore[union-attr]
        return [f"{before}{name}" for name in words_after(before) if name.startswith(begun)]

    return click.option(
        "--loss",
        "--losses",
        "losses",
        multiple=True,
        callback=read,
        shell_complete=complete,
        metavar="LOSSES",
        help=f"{help}  [default: {default_name}]",
    )
