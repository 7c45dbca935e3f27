"""What the commands of the lab share: options, checks, and the files that ``--out`` writes."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import numpy as np

import boxloss as bl
from boxloss.cli import export
from boxloss.cli.options import PATH, loss_option
from boxloss.coco import CocoError
from boxloss.printable import printable

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.figure import Figure

LIBRARIES = ("matplotlib", "jinja2")  # beside those that the command line needs at all
LOSSES = ("l1", "iou", "giou", "diou", "ciou")
SIZE: dict[str, Any] = {"type": float, "nargs": 2, "metavar": "W H"}
BOX: dict[str, Any] = {"type": float, "nargs": 4, "metavar": "X Y W H"}


class Result(NamedTuple):
    """What a command found, in each form that a file may have."""

    draw: Callable[[], "Figure"]
    columns: Callable[[], export.Columns]
    statistics: Sequence[Mapping[str, Any]]
    animate: Callable[[], "FuncAnimation"] | None = None
    used: Mapping[str, Any] = MappingProxyType({})  # settings whose default depends on others


class LabCommand(click.Command):
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
seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of random numbers."
)
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
    context = click.get_current_context()
    settings = {name: value for name, value in context.params.items() if name != "paths"}
    document = {"command": context.info_name, "boxloss": bl.__version__, "settings": settings | dict(result.used)}
    text = json.dumps(plain(document | {"results": result.statistics}), indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


WRITERS: dict[str, Callable[[Path, Any], None]] = {
    ".png": write_picture,
    ".svg": write_picture,
    ".csv": write_csv,
    ".json": write_json,
}


@contextmanager
def outputs(paths: Sequence[Path], writers: export.Writers = WRITERS) -> Iterator[Callable[[Result], None]]:
    """Give a function that writes a result to all files; each appears when it is whole."""
    with ExitStack() as stack:
        writes = [stack.enter_context(export.pending(path, writers)) for path in paths]

        def write(result: Result) -> None:
            for one in writes:
                one(result)

        yield write


@contextmanager
def checked() -> Iterator[None]:
    """Turn what the lab says about an argument into an error of the command."""
    try:
        yield
    except CocoError:  # of a file, not of an argument
        raise
    except ValueError as error:
        raise click.UsageError(str(error), click.get_current_context()) from error


def plain(value: Any) -> Any:
    """Make a value of what JSON has: NaN becomes null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return printable(str(value)) if isinstance(value, Path) else value


def cell(value: float) -> str:
    """Write a number for a table: "-" if there is none."""
    return "-" if math.isnan(value) else f"{value:.4g}"


def percent(value: float) -> str:
    """Write a share as a percentage."""
    return f"{100 * value:.1f} %"
