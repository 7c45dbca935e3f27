"""What a report is made of."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from boxloss.cli.expressions import loss_of
from boxloss.cli.inputs import Files, Reading
from boxloss.losses.loss import Loss
from boxloss.plot.style import name_of
from boxloss.printable import printable


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
    """

    names: tuple[str, ...]
    files: Files | None
    seed: int
    quick: bool
    reading: Reading = field(default_factory=Reading)

    @property
    def losses(self) -> list[Loss]:
        """The losses."""
        return [loss_of(name) for name in self.names]

    @property
    def labels(self) -> list[str]:
        """What tables and pictures call the losses."""
        return [name_of(loss) for loss in self.losses]

    def drawn(self, loss: Loss) -> bool:
        """Whether a loss has pictures of its own: if it must be quick only the first and the last."""
        return not self.quick or loss in (self.losses[0], self.losses[-1])

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
        of_each = 6 + (self.files is not None)  # landscape, descent, correlation twice or thrice, simulation twice
        return of_each * len(self.names) + len(self.released) + 1

    def report_command(self, folder: Path) -> str:
        """Write the command that makes the whole report."""
        return self.command("report", *self.file_words, "--out", str(folder), *self.seeded)
