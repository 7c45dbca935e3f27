"""Streams, threads and devices: a call launches where its caller is, and waits for nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import boxloss as bl
from generators import boxes, mixed

pytestmark = pytest.mark.device

VERBS = {
    "call": lambda pred, target, weight, **how: (bl.ciou(pred, target, **how),),
    "value and grad": lambda pred, target, weight, **how: bl.ciou.value_and_grad(pred, target, **how),
    "weight and mean": lambda pred, target, weight, **how: bl.ciou.value_and_grad(
        pred, target, weight=weight, reduction="mean", **how
    ),
    "number and sum": lambda pred, target, weight, **how: bl.ciou.value_and_grad(
        pred, target, weight=0.5, reduction="sum", **how
    ),
    "pairwise": lambda pred, target, weight, **how: (bl.ciou.pairwise(pred[:500], target[:300], **how),),
    "nearest": lambda pred, target, weight, **how: bl.ciou.nearest(pred[:500], target[:300], **how)[:1],
    "topk": lambda pred, target, weight, **how: bl.ciou.topk(pred[:500], target[:300], 4, **how)[:1],
    "broadcast": lambda pred, target, weight, **how: bl.ciou.value_and_grad(pred[:1], target, **how),
    "strided": lambda pred, target, weight, **how: bl.ciou.value_and_grad(pred[::2], target[::2], **how),
}
every_verb = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)


@pytest.fixture
def arrays(library, rng):
    """Pred, target and a weight on the device, and what they hold."""
    exact = (*(side.astype("float32") for side in mixed(rng, 1000)), rng.uniform(0.1, 2.0, 1000).astype("float32"))
    return [library.asarray(array) for array in exact], exact


def check_results(library, verb, exact, results):
    expected = verb(*(array.astype("float64") for array in exact), engine="array")
    for result, known in zip(results, expected, strict=True):
        np.testing.assert_allclose(library.to_numpy(result), known, rtol=1e-4, atol=1e-6)


@every_verb
def test_work_is_on_the_current_stream_and_the_call_does_not_wait(verb, library, arrays):
    """Inputs are written behind a long kernel: work on another stream would read the boxes that were there before."""
    true, exact = arrays
    inputs = [library.asarray(array[::-1].copy()) for array in exact]
    stream = library.new_stream()

    def work():
        for array, right in zip(inputs, true, strict=True):
            array[...] = right
        return verb(*inputs, engine="cuda")

    library.synchronize()
    with library.on(stream):
        work()  # compiled, and the allocator has memory for this stream
        for array, known in zip(inputs, exact, strict=True):
            array[...] = library.asarray(known[::-1].copy())
        library.synchronize()
        library.spin()
        results = work()
        was_done = library.is_done(stream)
    library.synchronize()
    assert not was_done, "the call waited for the device"
    check_results(library, verb, exact, results)


@every_verb
def test_another_busy_stream_is_not_waited_for(verb, library, arrays):
    true, exact = arrays
    busy, own = library.new_stream(), library.new_stream()
    library.synchronize()
    with library.on(own):
        verb(*true, engine="cuda")
        library.synchronize()
    with library.on(busy):
        library.spin()
    with library.on(own):
        results = verb(*true, engine="cuda")
        own.synchronize()
    was_done = library.is_done(busy)
    library.synchronize()
    assert not was_done, "the call waited for a stream that is not its own"
    check_results(library, verb, exact, results)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@every_verb
def test_torch_sees_no_synchronisation(verb, torch, torch_library, rng):
    inputs = [torch_library.asarray(side.astype("float32")) for side in mixed(rng, 1000)]
    weight = torch_library.empty((1000,)).fill_(2.0)
    verb(*inputs, weight, engine="cuda")
    torch.cuda.set_sync_debug_mode("error")
    try:
        verb(*inputs, weight, engine="cuda")
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", ["null", "ptds"])
def test_default_streams_of_cupy(name, rng):
    import cupy

    pred, target = mixed(rng, 1000)
    with getattr(cupy.cuda.Stream, name):
        value = bl.ciou(cupy.asarray(pred), cupy.asarray(target), engine="cuda")
        np.testing.assert_allclose(value.get(), bl.ciou(pred, target, engine="array"), rtol=1e-12, atol=1e-12)


def test_threads_with_streams_of_their_own(library, rng):
    pairs = [mixed(rng, 5000) for _ in range(8)]
    expected = [bl.giou.value_and_grad(*pair, engine="array") for pair in pairs]
    gate = threading.Barrier(len(pairs), timeout=60)

    def call(k):
        stream = library.new_stream()
        with library.on(stream):
            given = [library.asarray(side) for side in pairs[k]]
            gate.wait()
            for _ in range(20):
                value, grad = bl.giou.value_and_grad(*given, engine="cuda")
            stream.synchronize()
            library.check_value(value, expected[k][0], "float64")
            library.check_gradient(grad, expected[k][1], "float64")

    with ThreadPoolExecutor(len(pairs)) as callers:
        list(callers.map(call, range(len(pairs))))


# --- Several devices --------------------------------------------------------------------------------------------------


@pytest.fixture
def second_device():
    import cupy

    if cupy.cuda.runtime.getDeviceCount() < 2:
        pytest.skip("one device")
    return cupy.cuda.Device(1)


def test_device_of_the_arrays_is_used_in_cupy(second_device, rng):
    import cupy

    pred, target = mixed(rng, 1000)
    with second_device:
        given = cupy.asarray(pred), cupy.asarray(target)
    assert cupy.cuda.Device().id == 0
    value, grad = bl.ciou.value_and_grad(*given, engine="cuda")
    matrix = bl.ciou.pairwise(*given, engine="cuda")
    assert cupy.cuda.Device().id == 0
    assert {array.device.id for array in (value, grad, matrix)} == {1}
    np.testing.assert_allclose(value.get(), bl.ciou(pred, target, engine="array"), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(matrix.get(), bl.ciou.pairwise(pred, target, engine="array"), rtol=1e-11, atol=1e-12)


@pytest.mark.usefixtures("second_device")
def test_device_of_the_tensors_is_used_in_torch(torch, rng):
    pred, target = mixed(rng, 1000)
    given = [torch.tensor(side, device="cuda:1") for side in (pred, target)]
    value, grad = bl.ciou.value_and_grad(*given, engine="cuda")
    matrix = bl.ciou.pairwise(*given, engine="cuda")
    assert torch.cuda.current_device() == 0
    assert {str(tensor.device) for tensor in (value, grad, matrix)} == {"cuda:1"}
    np.testing.assert_allclose(value.cpu(), bl.ciou(pred, target, engine="array"), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(matrix.cpu(), bl.ciou.pairwise(pred, target, engine="array"), rtol=1e-11, atol=1e-12)


@pytest.mark.usefixtures("second_device")
def test_arrays_of_two_devices_are_refused(torch, rng):
    given = [torch.tensor(boxes(rng, 3), device=f"cuda:{k}") for k in (0, 1)]
    with pytest.raises(ValueError, match=r"^pred and target must be on one device; got pred on cuda:0"):
        bl.giou(*given)
