"""What a report is made of."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from boxloss.cli.correlate import QUICK_PAIRS
from boxloss.cli.expressions import loss_of
from boxloss.cli.inputs import Files, Reading
from boxloss.cli.simulate import POINTS as ALL_POINTS
from boxloss.cli.simulate import QUICK_POINTS
from boxloss.losses.loss import Loss
from boxloss.plot.style import name_of
from boxloss.printable import printable

PAIRS, POINTS = 200_000, 1000  # of a million and of 5000, which take minutes


@dataclass(frozen=True)
class Settings:
    """What a report is made of.

    Attributes
    ----------
    names
        Names of the losses.
    files
        COCO ground truth and detections, or none.
    seed
        Of all random numbers.
    quick
        Whether there shall be less of everything.
    reading
        How the files are read.
    full
        Whether the simulation has all cases of the paper.
    """

    names: tuple[str, ...]
    files: Files | None
    seed: int
    quick: bool
    reading: Reading = field(default_factory=Reading)
    full: bool = False

    @property
    def losses(self) -> list[Loss]:
        """The losses."""
        return [loss_of(name) for name in self.names]

    @property
    def labels(self) -> list[str]:
        """What tables and pictures call the losses."""
        return [name_of(loss) for loss in self.losses]

    @property
    def pairs(self) -> int:
        """Of random pairs of boxes."""
        return QUICK_PAIRS if self.quick else PAIRS

    @property
    def points(self) -> int:
        """Of the simulation: anchor centres, with 343 cases each."""
        return QUICK_POINTS if self.quick else ALL_POINTS if self.full else POINTS

    @property
    def released(self) -> tuple[str, ...]:
        """Names of those losses that have a released gradient."""
        return tuple(name for name in self.names if name in ("iou", "giou", "diou", "ciou"))

    @property
    def seeded(self) -> tuple[str, str]:
        """The option of the seed."""
        return "--seed", str(self.seed)

    def command(self, name: str, *options: str, names: tuple[str, ...] | None = None) -> str:
        """Write the command that makes a part of the report."""
        losses = [word for loss in names or self.names for word in ("--loss", loss)]
        return printable(shlex.join(["boxloss", name, *options, *losses, *["--quick"] * self.quick]))

    @property
    def file_words(self) -> list[str]:
        """The files and the options of reading them, as a command has them."""
        return [*map(str, self.files or ()), *self.reading.words()]

    @property
    def steps(self) -> int:
        """Into how many steps the work is divided."""
        of_each = 7 + (
            self.files is not None
        )  # landscapes, descent twice, correlation twice or thrice, simulation twice
        return of_each * len(self.names) + len(self.released)

    def report_command(self, folder: Path) -> str:
        """Write the command that makes the whole report."""
        more = ["--full"] * self.full
        return self.command("report", *self.file_words, "--out", str(folder), *self.seeded, *more)
