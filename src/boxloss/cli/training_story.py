"""The published trainings as a part of a page: a picture, a sentence of result, its limits, and the tables."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from boxloss.cli.tables import Table
from boxloss.cli.trained import DETECTOR, SURE, limits, published, table
from boxloss.lab import Difference, Training, differences

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COMMANDS = {
    "regressor": "boxloss train --regime {} --out regressor.json",
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
    figure
        Differences of AP with their intervals.
    alt
        The figure in words.
    table
        AP, AP50 and AP75 of each loss and regime.
    command
        What makes the results.
    """

    title: str
    sentence: str
    limits: str
    figure: "Figure"
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
    from boxloss import plot

    found = published(name)
    model = "a convolutional detector" if found[0].regime == DETECTOR else "a box regressor"
    said = result_sentence(found)
    return Story(
        title=f"Does the loss matter for AP? {model[0].upper()}{model[1:]}",
        sentence=said,
        limits=f"{limits(found)[0].upper()}{limits(found)[1:]}",
        figure=plot.differences(found),
        alt=f"Differences of AP to that of {found[0].baseline.name}, with 95 % intervals. {said}",
        table=table(found),
        command=COMMANDS[name].format(" --regime ".join(result.regime for result in found)),
    )


def result_sentence(found: Sequence[Training]) -> str:
    """Say how far each kind of loss is from the baseline, and how many differences are sure."""
    compared = differences(found)
    base, count, regimes = found[0].baseline.name, found[0].ap.shape[1], len(found)
    kinds: dict[str, list[Difference]] = {}
    for one in compared:
        kinds.setdefault(one.contender.name if one.contender.of_coordinates else "", []).append(one)
    family = kinds.pop("", [])
    told = [f"{name} {_range(each)} ({_sure(each)} of {len(each)} sure)" for name, each in kinds.items()]
    others = f"; other IoU losses {_range(family)} ({_sure(family)} of {len(family)} sure)" if family else ""
    where = f"in {regimes} regimes" if regimes > 1 else "here"
    return (
        f"AP less that of {base}, {where}: {', '.join(told)}{others}. {count} paired trainings a loss, each at its own "
        f"best learning rate; sure after Holm's correction for {len(compared)} comparisons."
    )


def _range(each: Sequence[Difference]) -> str:
    low, high = (f"{end([one.mean for one in each]):+.3f}" for end in (np.min, np.max))
    return low if low == high else f"{low} to {high}"


def _sure(each: Sequence[Difference]) -> int:
    return sum(one.adjusted < SURE for one in each)
