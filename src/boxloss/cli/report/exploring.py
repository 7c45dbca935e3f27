"""The page beside the report on which a box is dragged."""

import shlex
from contextlib import suppress

from markupsafe import Markup

from boxloss import lab
from boxloss.cli.report.measure import Measured
from boxloss.cli.report.page import Section
from boxloss.cli.report.settings import Settings
from boxloss.lab.explorer.state import not_registered
from boxloss.losses.ciou import ciou
from boxloss.printable import printable

FILE = "explore.html"


def exploring(measured: Measured) -> Section:
    """Make the section: a link, since the report itself has no script."""
    place = shown_first(measured.settings)
    name = "ciou" if place is None else measured.settings.names[place]
    command = printable(shlex.join(["boxloss", "explore", "--loss", name, "--out", FILE]))
    link = Markup(
        '<a href="{0}">{0}</a>, a file beside this one, opens in the browser: two boxes to drag, to resize and to '
        "turn, any loss and its sliders, terms, gradient and landscape, and a ball that rolls step by step. "
        "<code>{1}</code> makes it alone."
    ).format(FILE, command)
    return Section("explore", "Drag a box", [link])


def explorer(settings: Settings) -> str:
    """Write the page, with the last of the losses that it can show."""
    place = shown_first(settings)
    return lab.explore(ciou if place is None else settings.losses[place])


def shown_first(settings: Settings) -> int | None:
    """Find the number of the last loss that the page can show; it cannot show modifiers of a sum."""
    for place in reversed(range(len(settings.names))):
        with suppress(ValueError):
            not_registered(settings.losses[place])
            return place
    return None
