"""The command line."""

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click

import boxloss as bl
from boxloss.cli.correlate import correlate
from boxloss.cli.descend import descend
from boxloss.cli.info import info
from boxloss.cli.landscape import landscape
from boxloss.cli.losses import losses
from boxloss.cli.report import report
from boxloss.cli.score import score
from boxloss.cli.simulate import simulate
from boxloss.coco import CocoError


class OneLineErrors(click.Group):
    """A group that turns every error into one line on stderr and exit code 2."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Run a command and end the process."""
        try:
            with _interruptions_unwind():
                code = super().main(*args, **kwargs | {"standalone_mode": False})
        except click.Abort:
            sys.exit(130)
        except (click.ClickException, CocoError, MemoryError, OSError) as error:
            click.echo(f"boxloss: {_one_line(error)}", err=True)
            sys.exit(2)
        sys.exit(code or 0)


@contextmanager
def _interruptions_unwind() -> Iterator[None]:
    """Let SIGTERM, with which schedulers end processes, clean up on its way as Ctrl-C does; lose neither.

    LLVM calls back into Python while a kernel compiles. An exception that is raised there would be printed and
    forgotten, so its signal comes again after the callback.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    hook = sys.unraisablehook

    def again(lost: Any) -> None:
        number = {KeyboardInterrupt: signal.SIGINT, SystemExit: signal.SIGTERM}.get(lost.exc_type)
        if number is None:
            hook(lost)
        else:
            threading.Timer(0.1, _thread.interrupt_main, (number,)).start()

    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = hook
        signal.signal(signal.SIGTERM, before)


def _one_line(error: Exception) -> str:
    message = error.format_message() if isinstance(error, click.ClickException) else str(error)
    if isinstance(error, MemoryError):
        message = f"not enough memory: {message}".removesuffix(": ")
    if isinstance(error, click.UsageError) and error.ctx is not None:
        end = "" if message.endswith((".", "?")) else "."
        message = f"{message}{end} Try '{error.ctx.command_path} --help'."
    return " ".join(message.split())


@click.group(cls=OneLineErrors, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(bl.__version__, prog_name="boxloss")
@click.pass_context
def app(context: click.Context) -> None:
    """Bounding-box regression losses with closed-form gradients.

    Try it on the boxes that ship with the package: boxloss score --sample
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (score, losses, info, landscape, descend, correlate, simulate, report):
    app.add_command(command)
