"""Results of trainings: as tables and sentences, as columns and documents, and those that ship with the package."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from boxloss.cli.export import Columns
from boxloss.cli.expressions import loss_of
from boxloss.cli.tables import Table, cell
from boxloss.lab import Contender, Training, differences
from boxloss.lab.training.contenders import loss_name
from boxloss.lab.training.jobs import METRICS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SURE = 0.05  # of an adjusted p
DETECTOR = "detector"


def picture(found: Sequence[Training], kind: str) -> "Figure":
    """Draw differences of AP, or AP after some steps."""
    from boxloss import plot

    return plot.training(found) if kind == "steps" else plot.differences(found)


# --- Tables ---------------------------------------------------------------------------------------------------------


def table(found: Sequence[Training]) -> Table:
    """Make a row for each loss and regime: AP of the baseline, and differences to it with their intervals."""
    by_metric = [differences(found, metric) for metric in METRICS]
    told = {(row[0].regime, row[0].contender): [signed(one) for one in row] for row in zip(*by_metric, strict=True)}
    rows = []
    for result in found:
        for index, contender in enumerate(result.contenders):
            means = [f"{getattr(result, metric)[index].mean():.4f}" for metric in METRICS]
            cells = told.get((result.regime, contender), means)
            rows.append([result.regime, contender.name, *cells])
    base = found[0].baseline.name
    return Table(("regime", "loss"), tuple(f"{name}, or its difference to {base}" for name in NAMES), rows, True)


NAMES = ("AP", "AP50", "AP75")


def signed(one: Any) -> str:
    """Write a difference, its interval, and a star if it is sure among all that were made."""
    star = "*" if one.adjusted < SURE else " "
    return f"{one.mean:+.4f} ({one.low:+.4f} to {one.high:+.4f}){star}"


def rates_table(found: Sequence[Training]) -> Table:
    """Make a row for each loss and regime: AP on validation canvases by learning rate."""
    rates = sorted({rate for result in found for rate in result.rates.tolist()})
    rows = []
    for result in found:
        for contender, values, best in zip(result.contenders, result.validation, result.chosen, strict=True):
            by_rate = dict(zip(result.rates.tolist(), values.tolist(), strict=True))
            cells = [f"{by_rate[rate]:.4f}" if rate in by_rate else "-" for rate in rates]
            rows.append([result.regime, contender.name, *cells, cell(result.rates[best])])
    return Table(("regime", "loss"), (*(f"AP at rate {rate:g}" for rate in rates), "chosen"), rows, True)


def sentences(found: Sequence[Training]) -> list[str]:
    """Say what came out, and how sure it is."""
    all_of_them = differences(found)
    worse = [one for one in all_of_them if one.adjusted < SURE and one.mean < 0]
    better = [one for one in all_of_them if one.adjusted < SURE and one.mean > 0]
    base, count = found[0].baseline.name, found[0].ap.shape[1]
    claim = (
        f"Of {len(all_of_them)} differences of AP to {base}, {len(worse)} are below 0 and {len(better)} above, after "
        f"Holm's correction for all of them. {count} paired trainings a loss; intervals of 95 %, each for itself."
    )
    edges = [
        f"{contender.name} ({result.regime})"
        for result in found
        for contender, best in zip(result.contenders, result.chosen.tolist(), strict=True)
        if best in (0, len(result.rates) - 1)
    ]
    note = f"The best learning rate is the lowest or the highest that was tried for {', '.join(edges)}."
    return [claim, f"Limits: {limits(found)}", *([note] if edges else [])]


def limits(found: Sequence[Training]) -> str:
    """Say what the experiment does not."""
    kind = (
        "a convolutional network of 20,000 weights, 500 steps of 8 canvases"
        if found[0].regime == DETECTOR
        else "proposals are drawn around the digits, not found; a network of 13,000 weights"
    )
    return (
        f"a toy. Digits of 8 x 8 pixels, stretched, in noise; one category; {kind}; Adam, for which the "
        "size of a loss does not matter; the best of a few learning rates. Other data, models and schedules may rank "
        "losses otherwise."
    )


def spread_table(found: Sequence[Training]) -> Table:
    """Make a row for each regime: how far apart AP lies by the loss, and by the learning rate."""
    rows = []
    for result in found:
        means, family = result.ap.mean(axis=1), [not one.of_coordinates for one in result.contenders]
        base = result.validation[result.contenders.index(result.baseline)]
        ranges = (np.ptp(means[family]), np.ptp(means), np.ptp(base))
        rows.append([result.regime, *(f"{width:.4f}" for width in ranges)])
    between = ("AP between IoU losses", "between all losses", f"between rates of {found[0].baseline.name}")
    return Table(("regime",), between, rows)


# --- Files ----------------------------------------------------------------------------------------------------------


def difference_columns(found: Sequence[Training]) -> Columns:
    """Make a row for each difference of each metric."""
    rows = [(metric, one) for metric in METRICS for one in differences(found, metric)]
    numbers = ("mean", "low", "high", "p", "adjusted")
    return {
        "regime": np.asarray([one.regime for _, one in rows]),
        "loss": np.asarray([one.contender.name for _, one in rows]),
        "metric": np.asarray([metric for metric, _ in rows]),
        **{name: np.asarray([getattr(one, name) for _, one in rows]) for name in numbers},
    }


def step_columns(found: Sequence[Training]) -> Columns:
    """Make a row for each step of each loss after which it was scored."""
    parts = [
        (result, i, k) for result in found for i in range(len(result.contenders)) for k in range(len(result.steps))
    ]
    return {
        "regime": np.asarray([result.regime for result, _, _ in parts]),
        "loss": np.asarray([result.contenders[i].name for result, i, _ in parts]),
        "step": np.asarray([result.steps[k] for result, _, k in parts]),
        "ap": np.asarray([result.curve[i, k] for result, i, k in parts]),
    }


def documents(found: Sequence[Training]) -> list[dict[str, Any]]:
    """Make of each result what JSON has, from which `training_of` makes it again."""
    return [
        {
            "regime": result.regime,
            "seed": result.seed,
            "share": result.share,
            "steps": result.steps.tolist(),
            "rates": result.rates,
            "baseline": loss_name(result.baseline.loss),
            "losses": [
                {
                    "loss": loss_name(contender.loss),
                    "of": contender.of,
                    "chosen": int(result.chosen[i]),
                    "validation": result.validation[i].round(6),
                    **{metric: getattr(result, metric)[i].round(6) for metric in METRICS},
                    "curve": result.curve[i].round(6),
                }
                for i, contender in enumerate(result.contenders)
            ],
        }
        for result in found
    ]


def training_of(document: Mapping[str, Any]) -> Training:
    """Make a result again of what `documents` made of it; its losses must have names."""
    rows = document["losses"]
    return Training(
        regime=document["regime"],
        contenders=tuple(Contender(loss_of(row["loss"]), row["of"]) for row in rows),
        baseline=Contender(loss_of(document["baseline"])),
        seed=document["seed"],
        share=document["share"],
        rates=np.asarray(document["rates"]),
        validation=np.asarray([row["validation"] for row in rows]),
        chosen=np.asarray([row["chosen"] for row in rows]),
        steps=np.asarray(document["steps"]),
        **{name: np.asarray([row[name] for row in rows]) for name in (*METRICS, "curve")},
    )


@cache
def published(name: str = "regressor") -> tuple[Training, ...]:
    """Read the published results of the box regressor, or of the detector: files that ``boxloss train --out`` wrote."""
    text = (files("boxloss") / "data" / "training" / f"{name}.json").read_text(encoding="utf-8")
    return tuple(map(training_of, json.loads(text)["results"]))
