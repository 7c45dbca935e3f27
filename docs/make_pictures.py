"""Make the pictures of the documentation that are not kept: python docs/make_pictures.py.

Thumbnails of the losses' landscapes for docs/losses/index.md, the cards of docs/index.md, and the figures of
docs/gallery.md, by the commands that stand below them. All go to docs/_build/pictures, and are the same each time.
Sphinx makes those that are missing.
"""

import re
import shlex
from pathlib import Path

from click.testing import CliRunner
from make_tables import instances
from markupsafe import Markup

import boxloss as bl
from boxloss.cli import app
from boxloss.cli.report import glance, measure
from boxloss.cli.report.page import environment
from boxloss.cli.report.settings import Settings
from boxloss.pictures.thumbnails import thumbnail

DOCS = Path(__file__).parent
MADE = DOCS / "_build" / "pictures"
STORY = MADE / "story.html"
FIGURE = re.compile(r"`boxloss ([^`]* --out docs/_build/pictures/([^`]*))`")
MODIFIED: dict[str, bl.Loss] = {
    "mpdiou": bl.MPDIoU(),
    "inner": bl.Inner(bl.ciou, ratio=0.7),
    "focaler": bl.Focaler(bl.ciou),
    "alpha": bl.Alpha(bl.ciou),
    "focal": bl.Focal(bl.ciou),
    "wise": bl.Wise(bl.ciou, mean=0.5),
    "scaled": bl.Scaled(bl.ciou, 2.0),
    "interpolated": bl.Interpolated(bl.ciou, 0.5),
}


def thumbnails() -> dict[Path, str]:
    """The landscape of each loss, and of CIoU under each modifier."""
    losses = instances() | MODIFIED
    return {MADE / "thumbnails" / f"{name}.svg": thumbnail(loss, name, side=88) for name, loss in losses.items()}


def story() -> Markup:
    """The cards of the report on L1, IoU and CIoU."""
    settings = Settings(("l1", "iou", "ciou"), None, seed=0, quick=False)

    def begin(step: str) -> None:
        """Say nothing: it takes a few seconds."""

    falls = [measure.fall(settings, loss, begin) for loss in settings.losses]
    pairs = {"mixed": measure.correlations(settings, begin, "mixed")}
    measured = measure.Measured(settings, falls, pairs, [], None, measure.Races([], [], []))
    template = environment().from_string((DOCS / "story.html").read_text(encoding="utf-8"))
    return Markup(template.render(cards=[glance.card(measured, index) for index in range(3)]))


def figures() -> dict[Path, str]:
    """The file of each figure of the gallery, and the command that draws it."""
    text = (DOCS / "gallery.md").read_text(encoding="utf-8")
    return {MADE / file: command for command, file in FIGURE.findall(text)}


def draw(path: Path, command: str) -> None:
    """Run a command that draws a figure, in this process; it is to go below `MADE`."""
    *words, _, _ = shlex.split(command)
    ran = CliRunner().invoke(app, [*words, "--out", str(path)])
    if ran.exit_code:
        raise SystemExit(f"boxloss {command}: {ran.output}")


def make(*, all_of_them: bool) -> None:
    """Make all of them, or those that are missing."""
    for path, picture in thumbnails().items():
        if all_of_them or not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(picture, encoding="utf-8")
    if all_of_them or not STORY.exists():
        STORY.write_text(story(), encoding="utf-8")
    for path, command in figures().items():
        if all_of_them or not path.exists():
            draw(path, command)


if __name__ == "__main__":
    make(all_of_them=True)
