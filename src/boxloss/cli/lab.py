"""What the commands of the lab share: options, checks, and the files that ``--out`` writes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from boxloss.cli import export
from boxloss.cli.options import PATH, LossCommand, WholeNumber, loss_option
from boxloss.coco import CocoError

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.figure import Figure

LIBRARIES = ("matplotlib", "jinja2")  # beside those that the command line needs at all
LOSSES = ("l1", "iou", "giou", "diou", "ciou")


class Result(NamedTuple):
    """What a command found, in each form that a file may have."""

    draw: Callable[[], "Figure"]
    columns: Callable[[], export.Columns]
    statistics: Sequence[Mapping[str, Any]]
    animate: Callable[[], "FuncAnimation"] | None = None
    used: Mapping[str, Any] = MappingProxyType({})  # settings whose default depends on others


class LabCommand(LossCommand):
    """A command that says first which libraries are missing."""

    def invoke(self, context: click.Context) -> Any:
        """Run it."""
        if missing := [name for name in LIBRARIES if find_spec(name) is None]:
            raise click.ClickException(f'{context.info_name} needs {", ".join(missing)}: pip install "boxloss[lab]"')
        return super().invoke(context)


losses_option = loss_option(LOSSES, ", ".join(LOSSES))
out_option = click.option(
    "--out",
    "paths",
    multiple=True,
    type=PATH,
    metavar="FILE",
    help="Write a picture (.png, .svg), its data (.csv) or the statistics (.json); repeat it for more.",
)
seed_option = click.option("--seed", type=WholeNumber(min=0), default=0, show_default=True, help="Of random numbers.")
quick_option = click.option("--quick", is_flag=True, help="Less of everything, for a first look.")


def write_picture(path: Path, result: Result) -> None:
    """Write the picture in the format of its suffix."""
    from boxloss import plot

    plot.save(result.draw(), path)


def write_csv(path: Path, result: Result) -> None:
    """Write the data of the picture."""
    export.write_csv(path, [result.columns()])


def write_json(path: Path, result: Result) -> None:
    """Write the settings and the statistics."""
    export.write_json(path, result.statistics, result.used)


WRITERS: dict[str, Callable[[Path, Any], None]] = {
    ".png": write_picture,
    ".svg": write_picture,
    ".csv": write_csv,
    ".json": write_json,
}


def outputs(
    paths: Sequence[Path], writers: export.Writers = WRITERS
) -> AbstractContextManager[Callable[[Result], None]]:
    """Give a function that writes a `Result` to all files; see `export.outputs`."""
    return export.outputs(paths, writers)


@contextmanager
def checked() -> Iterator[None]:
    """Turn what the lab says about an argument into an error of the command."""
    try:
        yield
    except CocoError:  # of a file, not of an argument
        raise
    except ValueError as error:
        raise click.UsageError(str(error), click.get_current_context()) from error
