"""The rows of the table of losses that the machine leaves out one by one, as one kernel."""

import numpy as np

from cases import BY_NAME, MADE_OF_THE_SAME
from generators import mixed
from gpu.test_gpu_arrays import check_pair


def test_rows_that_are_left_out_one_by_one(library, rng):
    """Values and gradients of pairs, and a matrix, of the sum."""
    loss = sum(1.0 * BY_NAME[name].loss for name in sorted(MADE_OF_THE_SAME))
    exact = mixed(rng, 70)
    check_pair(library, loss, exact, exact, "float64")
    expected = loss(exact[0][:, None], exact[1], engine="array")
    found = loss.pairwise(*exact, engine="cuda")
    np.testing.assert_allclose(library.to_numpy(found), expected, rtol=1e-10, atol=1e-10)
