"""The experiments: what is looked for, with how much data, and for how long a model is trained."""

from dataclasses import dataclass, replace

from boxloss.lab.training.proposals import Jitter


@dataclass(frozen=True)
class Regime:
    """An experiment.

    Attributes
    ----------
    title : str
        What it is called in figures.
    sides : (float, float)
        The range of the longer side of digits, in pixels.
    steps, batch : int
        The steps of a training, and how many proposals, or canvases of the detector, each takes.
    scenes, scored : int
        How many canvases are trained on, and how many AP is measured on.
    rates : tuple of float
        The learning rates that are tried.
    jitter : Jitter or None
        How far proposals are from digits; the detector has none.
    """

    title: str
    sides: tuple[float, float]
    steps: int
    batch: int
    scenes: int
    scored: int
    rates: tuple[float, ...]
    jitter: Jitter | None = None

    def part(self, share: float) -> "Regime":
        """Return the same with a part of the steps and canvases."""
        names = ("steps", "scenes", "scored")
        return replace(self, **{name: max(1, round(share * getattr(self, name))) for name in names})


ONE_SIZE, ALL_SIZES = (24.0, 48.0), (12.0, 96.0)
RATES = (0.002, 0.004, 0.008, 0.016, 0.032)
LONG_RATES = (0.0005, 0.001, *RATES)  # the best of losses of coordinates are lower in a long training
CLOSE, APART = Jitter(0.12, 0.15, 1.8), Jitter(0.3, 0.3, 2.6)

REGIMES = {
    "near": Regime("near proposals", ONE_SIZE, 1000, 128, 400, 100, RATES, CLOSE),
    "far": Regime("far proposals", ONE_SIZE, 1000, 128, 400, 100, RATES, APART),
    "long": Regime("long training", ONE_SIZE, 4000, 128, 400, 100, LONG_RATES, CLOSE),
    "mixed": Regime("mixed sizes", ALL_SIZES, 1000, 128, 400, 100, RATES, CLOSE),
    "detector": Regime("convolutional detector, mixed sizes", ALL_SIZES, 500, 8, 400, 100, RATES),
}
