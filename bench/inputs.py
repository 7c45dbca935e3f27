"""The boxes that the benchmarks run on."""

import numpy as np


def make_boxes(count: int, dtype: str = "float32", seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of boxes, well mixed: half overlap in part, a fifth lie inside one another, the rest anywhere."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(0.0, 1000.0, (count, 2))
    side = np.exp(rng.uniform(np.log(4.0), np.log(400.0), (count, 2)))
    near = centre + 0.2 * side * rng.normal(size=(count, 2)), side * np.exp(0.3 * rng.normal(size=(count, 2)))
    inside = centre + side * rng.uniform(-0.2, 0.2, (count, 2)), side * rng.uniform(0.1, 0.6, (count, 2))
    anywhere = rng.uniform(0.0, 1000.0, (count, 2)), rng.permutation(side)
    kind = rng.choice(3, (count, 1), p=(0.5, 0.2, 0.3))
    other_centre, other_side = (np.choose(kind, three) for three in zip(near, inside, anywhere, strict=True))
    pred = np.concatenate([centre - 0.5 * side, centre + 0.5 * side], axis=1)
    target = np.concatenate([other_centre - 0.5 * other_side, other_centre + 0.5 * other_side], axis=1)
    return pred.astype(dtype), target.astype(dtype)
