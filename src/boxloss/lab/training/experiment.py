"""Training the same model on several losses: learning rates first, then the trainings that are compared."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from boxloss.check import check_choice, check_count, check_positive, check_seed
from boxloss.lab.check import check_loss
from boxloss.lab.training.contenders import Contender, contenders
from boxloss.lab.training.crew import Runner, crew
from boxloss.lab.training.jobs import METRICS, Job
from boxloss.lab.training.records import Records, records
from boxloss.lab.training.regimes import REGIMES
from boxloss.lab.training.result import Training
from boxloss.losses.giou import giou
from boxloss.losses.loss import Loss

Tell = Callable[[str, int, int], object]


def train(
    losses: Loss | Iterable[Loss],
    regimes: str | Iterable[str] = "near",
    *,
    baseline: Loss = giou,
    trainings: int = 10,
    tunings: int = 2,
    share: float = 1.0,
    seed: int = 0,
    workers: int = 1,
    runs: str | os.PathLike[str] | None = None,
    progress: Tell | None = None,
) -> list[Training]:
    """Train the same model on each loss, and measure how well it detects.

    Handwritten digits are looked for on canvases of noise. A model is trained on each loss, from the same weights, on
    the same batches and for as many steps; its learning rate is the one of five, in ``"long"`` of seven, with the best
    mean AP on validation canvases. Then it is trained anew, `trainings` times, and scored on test canvases. Digits of
    training, validation and test are different images.

    In four regimes the model is a small network in NumPy that looks through proposals, which are drawn around digits,
    and moves and resizes them: ``"near"`` (a median IoU of 0.66), ``"far"`` (of 0.39), ``"long"``, four times as many
    steps, and ``"mixed"``, with digits of 12 to 96 pixels, not of 24 to 48. In ``"detector"`` it is a convolutional
    network in torch that finds digits of 12 to 96 pixels by itself.

    Parameters
    ----------
    losses : Loss or several
        The losses. Those of coordinates are trained on twice: on boxes in pixels, and on the numbers that the model
        predicts, as R-CNN does.
    regimes : {"near", "far", "long", "mixed", "detector"} or several
        What is trained, and on what.
    baseline : Loss
        What the others are compared with; it is trained on too.
    trainings : int
        How many a loss; those of one number differ in the loss alone.
    tunings : int
        How many a loss and learning rate, with other canvases and weights than these.
    share : float
        Part of the steps and of the canvases, from more than 0: less is faster, and less sure.
    seed : int
        Of all random numbers.
    workers : int
        Processes. The numbers do not depend on it. More than 1 start new interpreters: a script needs
        ``if __name__ == "__main__"``.
    runs : str or Path, optional
        A file that keeps each training, an SQLite database: what is in it is not trained again.
    progress : callable, optional
        Called after each training with its regime, the number of those that are done, and of all in the regime.

    Returns
    -------
    list of Training
        One a regime.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message says which.
    ImportError
        If scikit-learn, which has the digits, or, for the detector, torch is missing.

    Examples
    --------
    >>> import boxloss as bl
    >>> from boxloss import lab
    >>> (result,) = lab.train([bl.l1, bl.giou], share=0.02, trainings=2, tunings=1)
    >>> [contender.name for contender in result.contenders]
    ['l1 on deltas', 'l1 in pixels', 'giou']
    >>> result.ap.shape, result.curve.shape
    ((3, 2), (3, 6))
    """
    given = [losses] if isinstance(losses, Loss) else list(losses)
    several = [regimes] if isinstance(regimes, str) else list(regimes)
    for regime in several:
        check_choice("regimes", regime, REGIMES)
    for loss in [*given, baseline]:
        check_loss(loss)
    against = contenders([baseline])[-1]
    trained = tuple(dict.fromkeys([*contenders(given), against]))
    trainings, tunings = check_count("trainings", trainings), check_count("tunings", tunings)
    share, seed, workers = check_positive("share", share), check_seed(seed), check_count("workers", workers)
    for regime in several:
        check_libraries(regime)
    with records(runs) as kept, crew(workers) as runner:
        results = []
        for regime in several:
            rates = REGIMES[regime].rates
            tell = _Progress(regime, len(trained) * (len(rates) * tunings + trainings), progress)

            def jobs(split: str, one: Contender, rate: float, count: int, regime: str = regime) -> list[Job]:
                return [Job(regime, one, rate, split, seed, number, share) for number in range(count)]

            tuned = [[jobs("validation", one, rate, tunings) for rate in rates] for one in trained]
            _complete([job for row in tuned for cell in row for job in cell], kept, runner, tell)
            ap = [[[kept.runs[job.key].scores[-1][0] for job in cell] for cell in row] for row in tuned]
            validation = np.mean(ap, axis=2)
            chosen = validation.argmax(axis=1)
            rows = [jobs("test", one, rates[i], trainings) for one, i in zip(trained, chosen.tolist(), strict=True)]
            _complete([job for row in rows for job in row], kept, runner, tell)
            tested = [[kept.runs[job.key] for job in row] for row in rows]
            scores = np.asarray([[run.scores for run in row] for row in tested])
            results.append(
                Training(
                    regime=regime,
                    contenders=trained,
                    baseline=against,
                    seed=seed,
                    share=share,
                    rates=np.asarray(rates),
                    validation=validation,
                    chosen=chosen,
                    **{name: scores[:, :, -1, i] for i, name in enumerate(METRICS)},
                    steps=np.asarray(tested[0][0].steps),
                    curve=scores[..., 0].mean(axis=1),
                )
            )
    return results


@dataclass
class _Progress:
    """Counts the trainings of a regime."""

    regime: str
    total: int
    tell: Tell | None
    done: int = 0

    def __call__(self, count: int) -> None:
        self.done += count
        if count and self.tell is not None:
            self.tell(self.regime, self.done, self.total)


def _complete(jobs: Sequence[Job], kept: Records, runner: Runner, progress: _Progress) -> None:
    """Run the jobs that no record is of, number by number: what is drawn for one is there for the next."""
    missing = sorted((job for job in jobs if job.key not in kept.runs), key=lambda job: job.number)
    progress(len(jobs) - len(missing))
    for job, result in runner(missing):
        kept.add(job.key, result)
        progress(1)


def check_libraries(regime: str) -> None:
    """Check that what a regime needs is installed."""
    if find_spec("sklearn") is None:
        raise ImportError('boxloss.lab.train needs scikit-learn: pip install "boxloss[lab]"')
    if REGIMES[regime].jitter is None and find_spec("torch") is None:
        raise ImportError('the regime "detector" needs torch: pip install "boxloss[torch]"')
