"""All sections of the report, in order."""

from boxloss.cli import inputs
from boxloss.cli.report.page import Part, Section, Table
from boxloss.cli.report.sections import Begin, correlations, descents, detector, landscapes
from boxloss.cli.report.settings import Settings
from boxloss.cli.report.simulation import simulation
from boxloss.plot.style import name_of


def story(settings: Settings, begin: Begin) -> list[Section]:
    """Make all sections; `begin` is called with the name of each of `Settings.steps` steps of the work."""
    # First, so that what is wrong with files is said before the work begins.
    matched = inputs.matched(settings.files, settings.reading, inputs.LOWEST) if settings.files else None
    if matched:
        inputs.some_pairs(matched)
    slopes, planes = landscapes(settings, begin)
    balls = descents(settings, begin, planes)
    ranks = correlations(settings, begin)
    detectors = [detector(settings, begin, matched)] if matched else []
    race = simulation(settings, begin)
    return [glance(settings, slopes, balls, ranks, race), slopes, balls, ranks, *detectors, race]


def glance(settings: Settings, slopes: Section, balls: Section, ranks: Section, race: Section) -> Section:
    """Put the most telling column of each section side by side."""
    zero, arrived = slopes.parts[0].table.rows, balls.parts[0].table.rows
    fixed, mixed = (part.table.rows[::2] for part in ranks.parts)  # every other row is of overlapping pairs
    _, unit, relative = (part.table.rows for part in race.parts[:3])
    header = [
        *("loss", "no slope on", "arrived", "Spearman, one size", "Spearman, mixed sizes"),
        *("simulated IoU, unit targets", "simulated IoU, mixed targets"),
    ]
    rows = [
        [
            name_of(loss),
            *(zero[row][1], arrived[row][-1], fixed[row][2], mixed[row][2]),
            *(unit[row][-1], relative[row][-1]),
        ]
        for row, loss in enumerate(settings.losses)
    ]
    text = [
        "Where a loss has no slope a box cannot learn. Where it does not follow the IoU a box learns something else. "
        "Each column is from a section below.",
    ]
    return Section("glance", "At a glance", text, [Part(Table("One row for each loss", header, rows))])
