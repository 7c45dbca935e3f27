"""``boxloss report``: the whole story of some losses on one page."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from boxloss.cli import console, export, inputs
from boxloss.cli.lab import LabCommand, checked, losses_option, quick_option, seed_option
from boxloss.cli.options import PATH

FILE = "index.html"


@click.command(cls=LabCommand)
@click.argument("ground_truth", required=False, type=PATH)
@click.argument("detections", required=False, type=PATH)
@losses_option
@click.option(
    "--out", "folder", type=PATH, default=Path("boxloss-report"), metavar="DIR", show_default=True, help="The folder."
)
@inputs.format_option()
@inputs.max_detections_option
@inputs.lenient_option
@seed_option
@quick_option
@click.option("--full", is_flag=True, help="All 1,715,000 cases of the simulation; takes minutes.")
def report(
    ground_truth: Path | None,
    detections: Path | None,
    losses: list[str],
    folder: Path,
    format: str | None,
    max_detections: int,
    lenient: bool,
    seed: int,
    quick: bool,
    full: bool,
) -> None:
    """Make a page that shows and measures why one loss beats another.

    DIR/index.html holds everything: landscapes, what trainings came to, descents, correlation with the IoU and the
    simulation of the DIoU paper, with pictures, and folded below them tables and the commands that measure each. With
    GROUND_TRUTH and DETECTIONS, files as "boxloss score" takes them, it has a section on that detector too. It links
    to DIR/explore.html, the page of "boxloss explore".
    """
    from boxloss.cli.report import exploring
    from boxloss.cli.report.page import render
    from boxloss.cli.report.settings import Settings
    from boxloss.cli.report.story import story

    if quick and full:
        raise click.UsageError("Give --quick or --full, not both.", click.get_current_context())
    files, reading = inputs.both(ground_truth, detections), inputs.Reading(format, max_detections, lenient)
    inputs.check(files, reading)
    settings = Settings(tuple(losses), files, seed, quick, reading, full)
    path, beside = folder / FILE, folder / exploring.FILE
    writers = {".html": write_text}
    with (
        new_folder(folder),
        export.pending(path, writers) as write,
        export.pending(beside, writers) as write_beside,
    ):
        with console.progress(settings.steps, lines=True) as begin, checked():
            sections = story(settings, begin)
        write(render(sections, losses, seed, settings.report_command(folder)))
        write_beside(exploring.explorer(settings))
    console.show(f"{path}: {path.stat().st_size / 1e6:.1f} MB; open it in a browser")


def write_text(path: Path, text: str) -> None:
    """Write a text file."""
    path.write_text(text, encoding="utf-8", errors="backslashreplace")  # names of files that are not UTF-8


@contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """Make a folder unless it is there; leave none behind that would be empty."""
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"{folder}: cannot be made: {error.strerror or error}") from error
    try:
        yield
    finally:
        if made:
            with suppress(OSError):  # of a folder that is not empty
                folder.rmdir()
