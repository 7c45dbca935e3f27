"""Every kind of kernel once, at the edges of blocks and tiles: short enough for compute-sanitizer.

    PYTORCH_NO_CUDA_MEMORY_CACHING=1 compute-sanitizer --report-api-errors=no python -m pytest tests/gpu -k smoke

Without that option, questions of cuda-bindings for functions that the driver lacks count as errors. Each array has
memory of its own here, not a part of a pool's block, so that an access next to it is seen.
"""

import numpy as np
import pytest

import boxloss as bl
from cases import BY_NAME
from generators import boxes, mixed

DETR = BY_NAME["detr"].loss
SIZES = (1, 31, 33, 257)


@pytest.fixture(autouse=True)
def no_pool(library):
    if library.name != "cupy":
        yield
        return
    with library.xp.cuda.using_allocator(None):
        yield


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("loss", [bl.l1, bl.ciou, DETR], ids=["l1", "ciou", "detr"])
def test_smoke(loss, precision, library, rng):
    for n in SIZES:
        exact = mixed(rng, n)
        pred, target = (library.asarray(side.astype(precision)) for side in exact)
        odd = library.asarray(np.concatenate([[0.0], exact[0].reshape(-1)]).astype(precision))[1:].reshape(n, 4)
        weight = library.asarray(np.ones(n, precision))
        for given in (pred, odd):
            value, grads = loss.value_and_grad(
                given, target, wrt="both", weight=weight, reduction="mean", engine=library.engine
            )
            for result in (value, *grads, loss(given, target, engine=library.engine)):
                assert np.isfinite(library.to_numpy(result)).all()
        for columns in SIZES:
            others = library.asarray(boxes(rng, columns).astype(precision))
            matrix = loss.pairwise(pred, others, engine=library.engine)
            results = (
                matrix,
                *loss.nearest(pred, others, engine=library.engine),
                *loss.topk(pred, others, 1, engine=library.engine),
            )
            assert all(np.isfinite(library.to_numpy(result)).all() for result in results)
