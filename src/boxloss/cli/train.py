"""``boxloss train``: the same model trained on several losses."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import boxloss as bl
from boxloss.cli import console
from boxloss.cli.expressions import loss_of
from boxloss.cli.lab import LabCommand, Result, checked, out_option, outputs, quick_option, seed_option
from boxloss.cli.options import PATH, Choice, WholeNumber, loss_option

if TYPE_CHECKING:
    from boxloss.lab import Training

LOSSES = ("l1", "smooth_l1", "l2", "iou", "log_iou", "giou", "diou", "ciou", "eiou")
FEW_LOSSES = ("l1", "iou", "giou", "ciou")  # of the detector and of a first look
REGIMES = ("near", "far", "long", "mixed")
DETECTOR = "detector"
TRAININGS, TUNINGS = 10, 2
QUICK = {"share": 0.1, "trainings": 3, "tunings": 1}
RUNS = Path("boxloss-train.db")
LINES = 10  # of a regime where nothing is shown but lines


@click.command(cls=LabCommand)
@loss_option((), f"{', '.join(LOSSES)}; --quick and --detector: {', '.join(FEW_LOSSES)}")
@click.option(
    "--regime",
    "regimes",
    multiple=True,
    type=Choice(REGIMES),
    help="Which experiments; repeat it for several.  [default: all]",
)
@click.option("--detector", is_flag=True, help="Train a convolutional detector in torch, rather than a box regressor.")
@click.option(
    "--trainings",
    type=WholeNumber(min=2),
    help=f"Trainings a loss.  [default: {TRAININGS}, --quick: {QUICK['trainings']}]",
)
@click.option("--workers", type=WholeNumber(min=1), help="Processes.  [default: one a thread]")
@click.option(
    "--runs",
    type=PATH,
    default=RUNS,
    show_default=True,
    metavar="FILE",
    help="Keeps each training: the same command goes on where it was ended.",
)
@click.option(
    "--plot",
    "kind",
    type=Choice(["differences", "steps"]),
    default="differences",
    show_default=True,
    help="Picture: differences of AP with intervals, or AP after some steps.",
)
@seed_option
@quick_option
@out_option
def train(
    losses: list[str],
    regimes: tuple[Any, ...],
    detector: bool,
    trainings: int | None,
    workers: int | None,
    runs: Path,
    kind: str,
    seed: int,
    quick: bool,
    paths: tuple[Path, ...],
) -> None:
    """Train a model on each loss, and compare what it detects.

    Handwritten digits are looked for on canvases of noise. Each loss has the same start, data and budget, and a
    learning rate of its own, chosen on validation canvases. The table has the differences of AP, AP50 and AP75 to
    those of GIoU, with 95 % intervals over paired trainings; * marks what is left after Holm's correction for all
    comparisons of a column.
    """
    if detector and regimes:
        raise click.UsageError("--detector is an experiment of its own: leave out --regime")
    chosen = (DETECTOR,) if detector else regimes or REGIMES
    names = losses or list(FEW_LOSSES if quick or detector else LOSSES)
    options = {"trainings": TRAININGS, "tunings": TUNINGS, "share": 1.0} | (QUICK if quick else {})
    options["trainings"] = trainings or options["trainings"]
    workers = workers or bl.get_num_threads()
    from boxloss.cli import trained as results  # imports the lab

    with outputs(paths) as write:
        found = train_on(names, list(dict.fromkeys(chosen)), runs, {"workers": workers, "seed": seed} | options)
        columns = results.step_columns if kind == "steps" else results.difference_columns
        used = options | {"losses": names, "regimes": list(chosen), "workers": workers}
        draw = partial(results.picture, found, kind)
        write(Result(draw, partial(columns, found), results.documents(found), used=used))
    console.show(results.table(found), "", results.rates_table(found), "", results.spread_table(found), "")
    console.show(*results.sentences(found))


def train_on(names: Sequence[str], regimes: Sequence[str], runs: Path, options: dict[str, Any]) -> list["Training"]:
    """Train on the losses, with progress."""
    from boxloss import lab

    with progress() as tell, checked():
        try:
            return lab.train([loss_of(name) for name in names], regimes, runs=runs, progress=tell, **options)
        except ImportError as error:
            raise click.ClickException(str(error)) from error


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show how many trainings are done: a bar a regime on a terminal, else a line a tenth."""
    with console.bar() as shown:
        tasks: dict[str, Any] = {}
        told: dict[str, int] = {}

        def tell(regime: str, done: int, total: int) -> None:
            if shown is not None:
                if regime not in tasks:
                    tasks[regime] = shown.add_task(regime, total=total)
                shown.update(tasks[regime], description=f"{regime}: {done} of {total} trainings", completed=done)
            elif (tenth := LINES * done // total) > told.get(regime, 0):
                told[regime] = tenth
                console.tell(f"{regime}: {done} of {total} trainings")

        yield tell
