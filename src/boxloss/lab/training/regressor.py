"""A box regressor in NumPy: one hidden layer that looks through proposals and says how far they are off."""

from collections.abc import Callable, Sequence

import numpy as np

from boxloss.lab.training.contenders import Contender
from boxloss.lab.training.proposals import Proposals, decode, encode

HIDDEN = 64
BETAS, EPS = (0.9, 0.999), 1e-8  # of Adam
Weights = list[np.ndarray]  # of the hidden layer and its bias, of the last layer and its bias


def start(inputs: int, rng: np.random.Generator) -> Weights:
    """Draw random weights (He et al. 2015), and a last layer of zeros: the first prediction is the proposal."""
    hidden = rng.normal(0.0, np.sqrt(2.0 / inputs), (inputs, HIDDEN))
    weights = [hidden, np.zeros(HIDDEN), np.zeros((HIDDEN, 4)), np.zeros(4)]
    return [w.astype(np.float32) for w in weights]


def predict(weights: Weights, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute normalised deltas, and the hidden layer that they come from."""
    hidden = np.maximum(seen @ weights[0] + weights[1], 0.0)
    return hidden @ weights[2] + weights[3], hidden


def pull_back(weights: Weights, seen: np.ndarray, hidden: np.ndarray, d_deltas: np.ndarray) -> Weights:
    """Compute the gradient by the weights of what `predict` did, from that by the deltas."""
    d_hidden = (d_deltas @ weights[2].T) * (hidden > 0.0)
    return [seen.T @ d_hidden, d_hidden.sum(axis=0), hidden.T @ d_deltas, d_deltas.sum(axis=0)]


def loss_gradient(contender: Contender, deltas: np.ndarray, proposal: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Compute the gradient of the mean of a loss over a batch by the deltas: the chain rule of `decode`."""
    if contender.of == "deltas":
        _, grad = contender.loss.value_and_grad(deltas, encode(target, proposal), format=contender.coordinates)
        return np.asarray(grad / len(deltas))
    box, slope = decode(deltas, proposal)
    _, grad = contender.loss.value_and_grad(box, target, format="cxcywh")
    return np.asarray(grad * (slope / len(deltas)))


def train(
    contender: Contender,
    data: Proposals,
    rate: float,
    steps: int,
    batch: int,
    seed: Sequence[int],
    checkpoints: Sequence[int],
    score: Callable[[Weights], None],
) -> None:
    """Train with Adam (Kingma and Ba 2015) and a rate that falls to 0 as a cosine; call `score` after `checkpoints`."""
    rng = np.random.default_rng(seed)
    weights = start(data.seen.shape[1], rng)
    first, second = ([np.zeros_like(w) for w in weights] for _ in range(2))
    for step in range(1, steps + 1):
        rows = rng.integers(0, len(data.seen), batch)
        seen = data.seen[rows]
        deltas, hidden = predict(weights, seen)
        d_deltas = loss_gradient(contender, deltas, data.box[rows], data.target[rows]).astype(np.float32)
        gradients = pull_back(weights, seen, hidden, d_deltas)
        lr = rate * 0.5 * (1.0 + np.cos(np.pi * (step - 1) / steps))
        for w, g, m, v in zip(weights, gradients, first, second, strict=True):
            m += (1.0 - BETAS[0]) * (g - m)
            v += (1.0 - BETAS[1]) * (g * g - v)
            w -= lr * (m / (1.0 - BETAS[0] ** step)) / (np.sqrt(v / (1.0 - BETAS[1] ** step)) + EPS)
        if step in checkpoints:
            score(weights)
