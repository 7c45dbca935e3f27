"""The published trainings as a part of a page: a picture, a sentence of result, its limits, and the tables."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from boxloss.cli.tables import Table
from boxloss.cli.train import REGIMES
from boxloss.cli.trained import DETECTOR, SURE, limits, published, table
from boxloss.lab import Difference, Training, differences

COMMANDS = {
    "regressor": "boxloss train{} --out regressor.json",
    "detector": "boxloss train --detector --out detector.json",
}


class Story(NamedTuple):
    """What a page shows of trainings.

    Attributes
    ----------
    title
        A heading.
    sentence
        The result.
    limits
        What the experiment does not say; it belongs beside the sentence.
    results
        What is told of: to be drawn as differences of AP with their intervals, as by `boxloss.plot.differences`.
    alt
        Such a figure in words.
    table
        AP, AP50 and AP75 of each loss and regime.
    command
        What makes the results.
    """

    title: str
    sentence: str
    limits: str
    results: tuple[Training, ...]
    alt: str
    table: Table
    command: str


def story(name: str = "regressor") -> Story:
    """Tell of the published trainings of the box ``"regressor"`` or of the convolutional ``"detector"``.

    Nothing is trained: the results ship with the package.

    Raises
    ------
    FileNotFoundError
        If none are published of this kind.
    """
    found = published(name)
    model = "a convolutional detector" if found[0].regime == DETECTOR else "a box regressor"
    said = result_sentence(found)
    return Story(
        title=f"Does the loss matter for AP? {model[0].upper()}{model[1:]}",
        sentence=said,
        limits=f"{limits(found)[0].upper()}{limits(found)[1:]}",
        results=found,
        alt=f"Differences of AP to that of {found[0].baseline.name}, with 95 % intervals. {said}",
        table=table(found),
        command=_command(name, [result.regime for result in found]),
    )


def result_sentence(found: Sequence[Training]) -> str:
    """Say how far each kind of loss is from the baseline, and how many differences are sure."""
    compared = differences(found)
    base, count, regimes = found[0].baseline.name, found[0].ap.shape[1], len(found)
    kinds = {
        "losses of coordinates": [one for one in compared if one.contender.of_coordinates],
        "other IoU losses": [one for one in compared if not one.contender.of_coordinates],
    }
    told = [f"{name} {_range(each)} ({_sure(each)} of {len(each)} sure)" for name, each in kinds.items() if each]
    where = f"in {regimes} regimes" if regimes > 1 else "here"
    return (
        f"AP less that of {base}, {where}: {', '.join(told)}. {count} paired trainings a loss, each at its own "
        f"best learning rate; sure after Holm's correction for {len(compared)} comparisons."
    )


def _command(name: str, regimes: Sequence[str]) -> str:
    """Write what makes the results; all regimes are what it trains by default."""
    options = "" if list(regimes) == list(REGIMES) else "".join(f" --regime {regime}" for regime in regimes)
    return COMMANDS[name].format(options)


def _range(each: Sequence[Difference]) -> str:
    low, high = (f"{end([one.mean for one in each]):+.3f}" for end in (np.min, np.max))
    return low if low == high else f"{low} to {high}"


def _sure(each: Sequence[Difference]) -> int:
    return sum(one.adjusted < SURE for one in each)
