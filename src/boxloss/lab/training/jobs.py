"""A training of one model on one loss, and what it scores."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from boxloss.engines.threads import on_this_thread
from boxloss.evaluation.evaluate import evaluate
from boxloss.lab.training import regressor
from boxloss.lab.training.contenders import Contender, loss_name
from boxloss.lab.training.proposals import Proposals, decode, propose
from boxloss.lab.training.regimes import REGIMES, Regime
from boxloss.lab.training.scenes import Scenes, draw
from boxloss.suppression import nms

Metric = Literal["ap", "ap50", "ap75"]
METRICS: tuple[Metric, ...] = ("ap", "ap50", "ap75")
CHECKPOINTS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1.0)  # parts of a training after which a tested model is scored
SPLITS = ("test", "validation")
EACH, EMPTY = (5, 3), (4, 6)  # proposals of a digit, and without one on a canvas, in training and when scored
SUPPRESSED = 0.5  # IoU with a detection of a higher score

Scored = Callable[[np.ndarray, np.ndarray, np.ndarray], None]


@dataclass(frozen=True)
class Job:
    """All that a training and its scores depend on.

    Attributes
    ----------
    regime : str
        Which of the experiments.
    contender : Contender
        What the model is trained on.
    rate : float
        The learning rate at the start.
    split : {"validation", "test"}
        What it is scored on. Canvases, proposals, weights at the start and batches are others too.
    seed, number : int
        Of random numbers, and which of the trainings that are the same but for these.
    share : float
        Part of the steps and canvases of the regime.
    """

    regime: str
    contender: Contender
    rate: float
    split: str
    seed: int
    number: int
    share: float

    @property
    def key(self) -> str:
        """The same as text, by which a run is found again."""
        names = ("regime", "rate", "split", "seed", "number", "share")
        fields = {name: getattr(self, name) for name in names}
        return json.dumps({"loss": loss_name(self.contender.loss), "of": self.contender.of} | fields, sort_keys=True)


@dataclass(frozen=True)
class Run:
    """What a training came to.

    Attributes
    ----------
    steps : tuple of int
        After how many steps the model was scored.
    scores : tuple of (float, float, float)
        AP, AP50 and AP75 after each of them.
    """

    steps: tuple[int, ...]
    scores: tuple[tuple[float, ...], ...]


def run(job: Job) -> Run:
    """Train and score a model, on this thread alone: the numbers do not depend on how many run beside it."""
    from threadpoolctl import threadpool_limits

    regime = REGIMES[job.regime].part(job.share)
    shares = CHECKPOINTS if job.split == "test" else CHECKPOINTS[-1:]
    steps = tuple(sorted({max(1, round(share * regime.steps)) for share in shares}))
    found: list[tuple[float, ...]] = []
    with threadpool_limits(1), on_this_thread():
        train, scored = canvases(job.regime, job.share, job.split, job.seed, job.number)

        def score(image: np.ndarray, box: np.ndarray, confidence: np.ndarray) -> None:
            found.append(average_precision(scored, image, box, confidence))

        if regime.jitter is None:
            from boxloss.lab.training import detector

            detector.train(job.contender, train, scored, job.rate, regime, _stream(job, 2), steps, score)
        else:
            _regress(job, regime, steps, score)
    return Run(steps, tuple(found))


def _stream(job: Job, purpose: int) -> list[int]:
    """Make the seed of one purpose: the same for every loss and rate."""
    return [job.seed, job.number, SPLITS.index(job.split), purpose]


@lru_cache(maxsize=2)
def canvases(regime: str, share: float, split: str, seed: int, number: int) -> tuple[Scenes, Scenes]:
    """Draw scenes to train on, and scenes to be scored on, with other digits."""
    settings, key = REGIMES[regime].part(share), [seed, number, SPLITS.index(split), 0]
    rng = np.random.default_rng(key)
    return draw("train", settings.scenes, settings.sides, rng), draw(split, settings.scored, settings.sides, rng)


@lru_cache(maxsize=2)
def proposals(regime: str, share: float, split: str, seed: int, number: int) -> tuple[Proposals, Proposals, np.ndarray]:
    """Make proposals around digits to train on and all those to be scored on, and say how likely each is of a digit.

    That is what a classifier says, which was trained once for all losses.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    settings = REGIMES[regime]
    assert settings.jitter is not None
    train, scored = canvases(regime, share, split, seed, number)
    rng = np.random.default_rng([seed, number, SPLITS.index(split), 1])
    several = propose(train, EACH[0], EMPTY[0], settings.jitter, rng)
    shown = propose(scored, EACH[1], EMPTY[1], settings.jitter, rng)
    classifier = MLPClassifier(
        (32,),
        batch_size=min(128, len(several.seen)),
        learning_rate_init=2e-3,
        max_iter=8,
        random_state=int(rng.integers(2**31)),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # eight passes are what it is given
        classifier.fit(several.seen, several.full)
    return several.of_digits(), shown, classifier.predict_proba(shown.seen)[:, 1]


def _regress(job: Job, regime: Regime, steps: tuple[int, ...], score: Scored) -> None:
    """Train the regressor, and score the boxes that it makes of proposals."""
    train, shown, confidence = proposals(job.regime, job.share, job.split, job.seed, job.number)

    def boxes(weights: regressor.Weights) -> None:
        deltas, _ = regressor.predict(weights, shown.seen)
        score(shown.image, decode(deltas, shown.box)[0], confidence)

    regressor.train(job.contender, train, job.rate, regime.steps, regime.batch, _stream(job, 2), steps, boxes)


def average_precision(scenes: Scenes, image: np.ndarray, box: np.ndarray, confidence: np.ndarray) -> tuple[float, ...]:
    """Compute AP, AP50 and AP75 of boxes (x, y, w, h) after suppression, all digits being one category."""
    kept = nms(box, confidence, batch=image, threshold=SUPPRESSED, format="cxcywh")
    truth = {"image": scenes.image, "category": np.zeros_like(scenes.image), "box": scenes.box}
    found: dict[str, Any] = {"image": image[kept], "category": np.zeros(len(kept), np.int64), "box": box[kept]}
    # Compiled whatever the number of boxes: thousands of calls are to come.
    result = evaluate(truth, found | {"score": confidence[kept]}, format="cxcywh", engine="numba")
    return tuple(round(float(getattr(result, metric)), 6) for metric in METRICS)
