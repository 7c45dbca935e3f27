"""All sections of the report, in order."""

from collections.abc import Callable

from boxloss.cli import inputs
from boxloss.cli.options import check_losses
from boxloss.cli.report.exploring import exploring
from boxloss.cli.report.glance import glance
from boxloss.cli.report.measure import Begin, Measured, measure
from boxloss.cli.report.page import Section
from boxloss.cli.report.sections import correlations, descents, detector, slopes
from boxloss.cli.report.settings import Settings
from boxloss.cli.report.simulation import simulation
from boxloss.cli.report.training import training

# In the order of the page. Each makes a section of what was measured, or none if it does not apply: a further one is a
# line here, with a drawing or a page of its own as the `html` of its section.
SECTIONS: tuple[Callable[[Measured], Section | None], ...] = (
    glance,
    training,
    exploring,
    slopes,
    descents,
    correlations,
    detector,
    simulation,
)


def story(settings: Settings, begin: Begin) -> list[Section]:
    """Make all sections.

    `begin` is called with the name of each of `Settings.steps` steps of the work.
    """
    # First, so that what is wrong with files is said before the work begins.
    matched = inputs.matched(settings.files, settings.reading, inputs.LOWEST) if settings.files else None
    if matched:
        inputs.some_pairs(matched)
        check_losses(settings.names, matched.matches.format)
    measured = measure(settings, matched, begin)
    return [section for make in SECTIONS if (section := make(measured)) is not None]
