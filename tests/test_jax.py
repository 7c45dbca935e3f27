"""JAX: what its transformations give is what `value_and_grad` gives, and no tracer meets a kernel.

The generic tests of `test_backends.py` run on JAX too, with 64-bit types on. Most of what is here does not depend on
the loss: L1 compiles fastest, CIoU is the one whose gradient is not that of its value.
"""

from functools import partial

import numpy as np
import pytest

import boxloss as bl
from generators import KINKS, boxes, match, mixed, overlapping
from processes import run

pytestmark = pytest.mark.jax

DETR = 5.0 * bl.L1(coordinates="cxcywh") + 2.0 * bl.giou
every_loss = pytest.mark.parametrize("loss", [bl.l1, bl.ciou, DETR], ids=["l1", "ciou", "detr"])


@pytest.fixture
def jax():
    """JAX as users have it: elsewhere in the tests it leaves optimizations out, to compile faster."""
    import jax

    jax.config.update("jax_disable_most_optimizations", False)
    yield jax
    jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture
def pair(jax, rng):
    """Pred and target in float64."""
    return [jax.numpy.asarray(side) for side in mixed(rng, 12)]


def close(result, expected, **options):
    np.testing.assert_allclose(np.asarray(result), np.asarray(expected), **{"rtol": 1e-12, "atol": 1e-14} | options)


def numpy_grads(loss, pair, **options):
    """Value and both gradients, from NumPy."""
    return loss.value_and_grad(*map(np.asarray, pair), wrt="both", engine="array", **options)


# --- Transformations ------------------------------------------------------------------------------------------------


@every_loss
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
def test_grad_of_boxes_and_weight(loss, compiled, jax, pair, rng):
    weight = jax.numpy.asarray(rng.uniform(0.1, 2.0, 12))
    options = {"weight": np.asarray(weight), "reduction": "mean", "avg_factor": 5.0}
    expected, (d_pred, d_target) = numpy_grads(loss, pair, **options)
    function = jax.value_and_grad(
        lambda pred, target, weight: loss(pred, target, weight=weight, reduction="mean", avg_factor=5.0), (0, 1, 2)
    )
    value, grads = (jax.jit(function) if compiled else function)(*pair, weight)
    close(value, expected)
    for grad, wanted in zip(grads, (d_pred, d_target, numpy_grads(loss, pair)[0] / 5.0), strict=True):
        close(grad, wanted, atol=1e-13)


@every_loss
def test_jit_of_grad_of_vmap(loss, jax, pair):
    """Boxes one by one, mapped over the batch."""
    value, (d_pred, d_target) = numpy_grads(loss, pair)
    close(jax.vmap(loss)(*pair), value)
    each = jax.jit(jax.vmap(jax.grad(loss, (0, 1))))(*pair)
    total = jax.jit(jax.grad(lambda pred, target: jax.vmap(loss)(pred, target).sum(), (0, 1)))(*pair)
    for grads in (each, total):
        close(grads[0], d_pred, atol=1e-13)
        close(grads[1], d_target, atol=1e-13)


def test_vmap_over_one_side_only(jax, pair):
    pred, target = pair
    mapped = jax.vmap(bl.l1, in_axes=(None, 0))(pred[0], target)
    close(mapped, bl.l1(np.asarray(pred)[0], np.asarray(target)))


def test_forward_mode(jax, pair, rng):
    tangents = [jax.numpy.asarray(rng.normal(size=(12, 4))) for _ in pair]
    expected, grads = numpy_grads(bl.ciou, pair)
    value, tangent = jax.jvp(bl.ciou, pair, tangents)
    close(value, expected)
    close(tangent, sum((grad * t).sum(-1) for grad, t in zip(grads, tangents, strict=True)), atol=1e-13)


def test_second_derivative_is_that_of_the_gradient(jax, rng):
    pred, target = overlapping(rng, 12)
    direction = rng.normal(size=(12, 4))
    grad = jax.grad(lambda pred: bl.iou(pred, jax.numpy.asarray(target), reduction="sum"))
    _, change = jax.jvp(grad, [jax.numpy.asarray(pred)], [jax.numpy.asarray(direction)])
    up, down = (bl.iou.value_and_grad(pred + step * direction, target)[1] for step in (1e-6, -1e-6))
    close(change, (up - down) / 2e-6, rtol=1e-5, atol=1e-6)
    assert np.count_nonzero(change) == change.size


@pytest.mark.parametrize("kind", KINKS)
def test_kinks(kind, jax, rng):
    """JAX would divide 0 by 0 and choose a side; it is given our gradient."""
    pair = [jax.numpy.asarray(side) for side in KINKS[kind](rng, 12)]
    _, grads = numpy_grads(bl.ciou, pair)
    traced = jax.grad(lambda pred, target: bl.ciou(pred, target, reduction="sum"), (0, 1))(*pair)
    for grad, wanted in zip(traced, grads, strict=True):
        close(grad, wanted, rtol=1e-10, atol=1e-12)


def test_broadcast_boxes_add_up(jax, rng):
    pair = [jax.numpy.asarray(boxes(rng, 5).reshape(5, 1, 4)), jax.numpy.asarray(boxes(rng, 7))]
    _, (d_pred, d_target) = numpy_grads(bl.giou, pair)
    grads = jax.grad(lambda pred, target: bl.giou(pred, target, reduction="sum"), (0, 1))(*pair)
    close(grads[0], d_pred.sum(1, keepdims=True), atol=1e-13)
    close(grads[1], d_target.sum(0), atol=1e-13)


@every_loss
def test_pairwise_is_differentiable(loss, jax, rng):
    pred, target = boxes(rng, 5), boxes(rng, 7)
    upstream = rng.normal(size=(5, 7))
    value, (d_pred, d_target) = numpy_grads(loss, (pred[:, None], target))
    given = jax.numpy.asarray(pred), jax.numpy.asarray(target)
    close(jax.jit(loss.pairwise)(*given), value)
    wanted = np.einsum("ij,ijk->ik", upstream, d_pred), np.einsum("ij,ijk->jk", upstream, d_target)
    for argument in (0, 1):
        grad = jax.grad(lambda p, t: (loss.pairwise(p, t) * upstream).sum(), argument)(*given)
        close(grad, wanted[argument], atol=1e-12)


def test_formats_and_image_under_jit(jax, pair):
    options = {"format": ("rel_cxcywh", "yxyx"), "image_size": (4.0, 7.0), "reduction": "sum"}
    _, grads = numpy_grads(bl.giou, pair, **options)
    traced = jax.jit(jax.grad(partial(bl.giou, **options), (0, 1)))(*pair)
    for grad, wanted in zip(traced, grads, strict=True):
        close(grad, wanted, atol=1e-13)


def test_value_and_grad_under_jit_is_a_constant(jax, pair):
    value, grad = jax.jit(bl.giou.value_and_grad)(*pair)
    expected, (d_pred, _) = numpy_grads(bl.giou, pair)
    close(value, expected)
    close(grad, d_pred, atol=1e-13)
    pull = jax.grad(lambda pred: sum(map(jax.numpy.sum, bl.giou.value_and_grad(pred, pair[1]))))
    close(pull(pair[0]), np.zeros((12, 4)), atol=0)


def test_descent_reaches_the_target(jax):
    """A training step as it is written: jit, value_and_grad, a reduced loss."""

    @jax.jit
    def step(pred, target, rate):
        value, grad = jax.value_and_grad(bl.giou)(pred, target, reduction="mean")
        return pred - rate * grad, value

    pred = jax.numpy.asarray([[0.0, 0.0, 1.0, 3.0], [2.0, 2.0, 3.0, 3.0]])
    target = jax.numpy.asarray([[0.5, 0.5, 2.0, 2.0], [0.0, 1.0, 3.0, 2.0]])
    for k in range(300):
        pred, value = step(pred, target, 0.5 * 0.98**k)
    assert value < 0.1


# --- Types ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32"])
def test_grad_keeps_the_type_of_each_array(name, jax, rng):
    pred, target = (jax.numpy.asarray(side, dtype=name) for side in mixed(rng, 12))
    value, grads = jax.value_and_grad(lambda p, t: bl.giou(p, t, reduction="mean"), (0, 1))(pred, target)
    exact = [np.asarray(side.astype("float64")) for side in (pred, target)]
    expected, wanted = numpy_grads(bl.giou, exact, reduction="mean")
    assert value.dtype == "float32"
    close(value, expected, rtol=1e-5)
    for grad, numbers in zip(grads, wanted, strict=True):
        assert grad.dtype == name
        close(grad.astype("float64"), numbers, rtol=float(jax.numpy.finfo(name).eps), atol=1e-6)


def test_integer_targets(jax):
    pred, target = jax.numpy.asarray([[0.25, 0.0, 2.0, 2.0]]), jax.numpy.asarray([[1, 1, 3, 3]])
    grad = jax.jit(jax.grad(lambda pred: bl.giou(pred, target, reduction="sum")))(pred)
    close(grad, numpy_grads(bl.giou, (pred, target))[1][0])


def test_without_64_bit_types_and_without_numba():
    """JAX as it starts: float32 everywhere, no warning of a truncated type, and Numba is not even imported."""
    code = """
import sys, warnings
import jax, jax.numpy as jnp, boxloss as bl
warnings.simplefilter("error")
boxes = jnp.asarray([[0, 0, 2, 2], [1, 1, 3, 3]])
pred, target = boxes.astype("float32"), boxes[::-1]
weight = jnp.asarray([True, False])
def loss(pred):
    return bl.giou(pred, target, weight=weight, reduction="mean") + bl.l1.pairwise(pred, target).sum() * 0.0
value, grad = jax.jit(jax.value_and_grad(loss))(pred)
print(value.dtype, grad.dtype, bl.giou(boxes, boxes).dtype, bl.giou.value_and_grad(boxes, boxes)[1].dtype)
print(round(float(value), 4), "numba" in sys.modules, jax.config.jax_enable_x64)
"""
    assert run(code).split() == ["float32"] * 4 + ["0.5397", "False", "False"]


# --- What is compiled, and what is refused --------------------------------------------------------------------------


def test_other_numbers_of_a_loss_another_factor_and_another_image_compile_nothing(jax, pair):
    from boxloss.adapters import jax as adapter

    def sizes():
        compiled = adapter._compiled_value, adapter._value_and_grads, adapter._compiled_matrix
        return [function._cache_size() for function in compiled]

    def use(k):
        loss, options = bl.l2 + k * bl.SmoothL1(beta=k), {"format": "rel_xyxy", "image_size": (k, k)}
        value, grad = loss.value_and_grad(*pair, reduction="mean", avg_factor=k, **options)
        close(loss(*pair, reduction="mean", avg_factor=k, **options), value)
        close(grad, loss.value_and_grad(*map(np.asarray, pair), reduction="mean", avg_factor=k, **options)[1])
        close(loss.pairwise(*pair, **options).diagonal().sum() / k, value)

    use(2.0)
    before = sizes()
    use(3.0)
    assert sizes() == before


def test_kernels_are_never_traced(jax, pair):
    for verb in (bl.l1, bl.l1.value_and_grad, bl.l1.pairwise):
        with pytest.raises(ValueError, match=r"^engine='numba' takes .* torch tensors on the CPU; got jax\.Array"):
            jax.jit(partial(verb, engine="numba"))(*pair)


def test_traced_numbers_are_refused(jax, pair):
    """`avg_factor` is a number; for one that is traced there is the sum to divide."""
    with pytest.raises(TypeError, match=r"^avg_factor must be a number; got \w*Tracer\b"):
        jax.jit(lambda n: bl.l1(*pair, reduction="mean", avg_factor=n))(4.0)
    divided = jax.jit(lambda n: bl.l1(*pair, reduction="sum") / n)(4.0)
    close(divided, bl.l1(*map(np.asarray, pair), reduction="mean", avg_factor=4.0))


def test_other_libraries(jax, pair):
    numbers = np.asarray(pair[1])
    with pytest.raises(TypeError, match=r"^pred and target must be arrays of one library; got pred of jax\w* and"):
        bl.l1(pair[0], numbers)
    with pytest.raises(TypeError, match=r"^pred and weight must be arrays of one library; got pred of jax\w* and"):
        jax.jit(lambda pred: bl.l1(pred, pair[1], weight=numbers[:, 0]))(pair[0])


@pytest.mark.parametrize("loss", [bl.iou, bl.giou, bl.ciou], ids=["iou", "giou", "ciou"])
def test_match(loss, jax, rng):
    """XLA contracts a product and a sum into one rounding, so a match may keep the last digit of a derivative.

    Every other engine is exactly 0 there. A derivative is at most about 1 over the shortest side, 0.4.
    """
    pair = [jax.numpy.asarray(side, dtype="float32") for side in match(rng, 1000)]
    value, grads = loss.value_and_grad(*pair, wrt="both")
    close(value, np.zeros(1000), atol=1e-13)
    for grad in grads:
        close(grad, np.zeros((1000, 4)), atol=4 * np.finfo("float32").eps / 0.4)


def test_arrays_on_devices():
    """With two of them, which are an option of a new process."""
    code = """
import os
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
import jax, jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec
import boxloss as bl
first, second = jax.devices()
boxes = jnp.ones((2, 4))
spread = jax.device_put(boxes, NamedSharding(jax.sharding.Mesh(jax.devices(), ("x",)), PartitionSpec("x")))
there, here = jax.device_put(boxes, second), jax.device_put(boxes, first)
for given in (spread, there):
    print(bl.l1(given, 2 * given, weight=2.0).tolist(), bl.nms(given, jnp.ones(2)).tolist())
print(bl.l1(there, 2 * boxes).tolist(), bl.l1.nearest(there, boxes, target_mask=jnp.ones(2, bool))[0].tolist())
try:
    bl.l1(there, here)
except ValueError as error:
    print(error)
"""
    lines = run(code).splitlines()
    assert lines == [
        "[8.0, 8.0] [0, 1]",
        "[8.0, 8.0] [0, 1]",
        "[4.0, 4.0] [0.0, 0.0]",
        "pred and target must be on one device; got pred on cpu:1 and target on cpu:0",
    ]
