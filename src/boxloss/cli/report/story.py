"""All sections of the report, in order."""

from boxloss.cli import inputs
from boxloss.cli.report.page import Part, Section
from boxloss.cli.report.sections import Begin, correlations, descents, detector, landscapes
from boxloss.cli.report.settings import Settings
from boxloss.cli.report.simulation import simulation
from boxloss.cli.simulate import STEPS
from boxloss.cli.tables import Table


def story(settings: Settings, begin: Begin, tell: Begin = lambda section: None) -> list[Section]:
    """Make all sections.

    `begin` is called with the name of each of `Settings.steps` steps of the work, `tell` with that of each section.
    """
    # First, so that what is wrong with files is said before the work begins.
    matched = inputs.matched(settings.files, settings.reading, inputs.LOWEST) if settings.files else None
    if matched:
        inputs.some_pairs(matched)
    tell("landscapes")
    slopes, planes = landscapes(settings, begin)
    tell("descents")
    balls = descents(settings, begin, planes)
    tell("correlation with the IoU")
    ranks = correlations(settings, begin)
    detectors = []
    if matched:
        tell("your detector")
        detectors.append(detector(settings, begin, matched))
    tell("simulation")
    race = simulation(settings, begin)
    return [glance(settings, slopes, balls, ranks, race), slopes, balls, ranks, *detectors, race]


def glance(settings: Settings, slopes: Section, balls: Section, ranks: Section, race: Section) -> Section:
    """Put the most telling column of each section side by side."""
    fixed, mixed = (part.table.column("Spearman")[::2] for part in ranks.parts)  # others are of overlapping pairs
    _, unit, relative = (part.table for part in race.parts[:3])
    columns = {
        "no slope on": slopes.parts[0].table.column("zero gradient"),
        "arrived": balls.parts[0].table.column("arrived"),
        "Spearman, one size": fixed,
        "Spearman, mixed sizes": mixed,
        "simulated IoU, unit targets": unit.column(str(STEPS[-1])),
        "simulated IoU, mixed targets": relative.column(str(STEPS[-1])),
    }
    table = Table(("loss",), tuple(columns), list(zip(settings.labels, *columns.values(), strict=True)))
    text = [
        "Where a loss has no slope a box cannot learn. Where it does not follow the IoU a box learns something else. "
        "Each column is from a section below.",
    ]
    return Section("glance", "At a glance", text, [Part("One row for each loss", table)])
