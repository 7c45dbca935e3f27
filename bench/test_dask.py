"""A hundred million pairs on two worker processes of Dask, against the bare engine on as many threads."""

import dask
import dask.array as da
import numpy as np
import pytest
from dask.distributed import Client, LocalCluster

import boxloss as bl
from peers import ready_boxes


@pytest.fixture(scope="module")
def workers():
    settings = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with LocalCluster(**settings) as cluster, Client(cluster) as client:
        yield client


@pytest.mark.parametrize("name", ["giou", "ciou"])
def test_hundred_million_pairs(compare, workers, smoke, name):
    """Chunks come from memory that each process has filled before: what is timed is the loss and Dask's own work."""
    count, size = (1 << 20, 1 << 18) if smoke else (25 << 22, 1 << 22)
    loss = bl.get(name)
    rows = da.zeros(count, chunks=size, dtype=np.int8)
    pred, target = (
        da.blockwise(ready_boxes, "ij", rows, "i", side=side, new_axes={"j": 4}, meta=np.empty((0, 0), np.float32))
        for side in (0, 1)
    )
    # The task of a chunk computes its gradient with its value, and drops it here.
    mean, _ = loss.value_and_grad(pred, target, reduction="mean")

    def bare() -> None:
        for _ in range(count // size):
            loss.value_and_grad(*chunk)

    chunk = [ready_boxes(np.empty(size), side) for side in (0, 1)]
    expected = loss(*chunk, reduction="mean")
    np.testing.assert_allclose(mean.compute(), expected, rtol=1e-5)
    contestants = {"2 workers": lambda: dask.compute(mean), "2 threads": bare}
    row = {"loss": name, "pairs": count}
    goals = [("dask", "2 workers", "2 threads")]
    compare("dask", row, contestants, per="pair", count=count, goals=goals, budget=20.0)
