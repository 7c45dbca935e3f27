"""CIoU value and gradient in JAX, against a plain formula that JAX differentiates: both compiled by XLA.

JAX is imported by the test itself, which comes last: its threads stay out of the other measurements.
"""

import numpy as np
import pytest

import boxloss as bl
from peers import check_agreement, plain_ciou_in_jax


@pytest.mark.parametrize("count", [100, 1_000_000])
def test_value_and_grad(compare, boxes, smoke, count):
    import jax

    count = min(count, 10_000) if smoke else count
    pred, target = boxes(count)
    p, t = jax.numpy.asarray(pred), jax.numpy.asarray(target)

    def differentiated(loss):
        """The values and the gradient of their sum, in one function of XLA."""

        @jax.jit
        def both(p, t):
            values, pull = jax.vjp(lambda p: loss(p, t), p)
            return values, pull(jax.numpy.ones_like(values))[0]

        return lambda: jax.block_until_ready(both(p, t))

    contestants = {
        "ciou": differentiated(bl.ciou),
        "plain formula": differentiated(plain_ciou_in_jax),
        "NumPy arrays": lambda: bl.ciou.value_and_grad(pred, target),
    }
    check_agreement(contestants, np.asarray)
    compare("jax", {"dtype": "float32", "boxes": count}, contestants, budget=4.0, pause=0.01 if count > 10_000 else 0.0)
