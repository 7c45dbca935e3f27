"""The command line."""

import signal
import sys
from collections import UserDict
from importlib import import_module
from typing import Any, NoReturn

import click

import boxloss as bl
from boxloss.cli.interruption import unwinding
from boxloss.coco.sources import CocoError
from boxloss.printable import printable

COMMANDS = (
    "correlate", "descend", "evaluate", "explore", "info", "landscape", "losses", "report", "score", "simulate",
    "train",
)  # fmt: skip


class OnDemand(UserDict[str, Any]):
    """Commands by name. One that is a text is in the module of that name, which is imported when it is asked for.

    All of them take three quarters as long as NumPy.
    """

    def __getitem__(self, name: str) -> Any:
        command = self.data[name]
        if isinstance(command, str):
            command = self.data[name] = getattr(import_module(command), name)
        return command


class OneLineErrors(click.Group):
    """A group that turns every error into one line on stderr and exit code 2."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Run a command and end the process."""
        with unwinding() as received:
            try:
                code = super().main(*args, **kwargs | {"standalone_mode": False})
            except BaseException as error:
                if received:  # whatever a library that was interrupted made of it
                    sys.exit(128 + received[0])
                if isinstance(error, click.Abort):
                    sys.exit(128 + signal.SIGINT)
                if not isinstance(error, click.ClickException | CocoError | MemoryError | OSError):
                    raise
                click.echo(f"boxloss: {_one_line(error)}", err=True)
                sys.exit(2)
        sys.exit(code or 0)


def _one_line(error: Exception) -> str:
    message = error.format_message() if isinstance(error, click.ClickException) else str(error)
    if isinstance(error, MemoryError):
        message = f"not enough memory: {message}".removesuffix(": ")
    if isinstance(error, click.UsageError) and error.ctx is not None:
        end = "" if message.endswith((".", "?")) else "."
        message = f"{message}{end} Try '{error.ctx.command_path} --help'."
    return printable(" ".join(message.split()))


@click.group(
    cls=OneLineErrors,
    commands=OnDemand({name: f"boxloss.cli.{name}" for name in COMMANDS}),
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(bl.__version__, prog_name="boxloss")
@click.pass_context
def app(context: click.Context) -> None:
    """Bounding-box regression losses with closed-form gradients.

    Try it on the boxes that ship with the package: boxloss score --sample
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
    elif context.invoked_subcommand != "info":  # which shows it
        try:
            bl.get_num_threads()
        except ValueError as error:
            raise click.ClickException(str(error)) from error
