"""What an evaluation consists of."""

from typing import Any, NamedTuple

from boxloss.evaluation.arrange import Arranged
from boxloss.evaluation.marks import Curves, Marks
from boxloss.evaluation.statistics import Settings


class Parts(NamedTuple):
    """What an evaluation consists of.

    Attributes
    ----------
    settings
        What was asked for.
    categories
        Names by id, rising.
    arranged, marks, curves
        What each step made.
    engine
        What ran them.
    """

    settings: Settings
    categories: dict[Any, str]
    arranged: Arranged
    marks: Marks
    curves: Curves
    engine: str
