"""Rows of the table of losses that the machine leaves out one by one, as one kernel; and what kernels are made for."""

from unittest import mock

import numpy as np

import boxloss as bl
from boxloss.engines.cuda import compile
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


def test_other_numbers_compile_nothing(library, rng):
    """Parameters of losses and modifiers, weights and an eps, in a value with gradient and in a matrix."""
    pair = mixed(rng, 20)

    def use(k):
        loss = bl.Wise(bl.Inner(bl.GIoU(eps=1e-3 * k), ratio=k), mean=k) + k * bl.NWD(constant=k)
        value, _ = loss.value_and_grad(*pair, engine="cuda")
        library.check_value(value, loss(*pair, engine="array"), "float64")
        library.check_value(loss.pairwise(*pair, engine="cuda").diagonal(), loss(*pair, engine="array"), "float64")

    with mock.patch.object(compile, "compile_kernel", wraps=compile.compile_kernel) as compiler:
        use(0.7)
        compiled = compiler.call_count
        use(0.9)
    assert compiler.call_count == compiled > 0
