"""Boxes that `boxloss.testing.strict` refuses, where, and for whom."""

import asyncio
import threading
from functools import partial

import numpy as np
import pytest

import boxloss as bl
from boxloss.testing import strict
from errors import check_error

GOOD = np.asarray([[[0.0, 0, 1, 1], [1, 1, 2, 3]]] * 3)
BAD = GOOD.copy()
BAD[2, 0] = [100, 100, 20, 20]
WRONG = (
    "{} holds 1 inverted or not finite box of 6, the first at [2, 0]: [100.0, 100.0, 20.0, 20.0], which has a negative "
    "side in format 'xyxy'. Give the format that it is in, as format='xywh'; boxloss.validate finds all"
)


def test_every_verb_on_every_library(backend):
    good, bad = backend.asarray(GOOD), backend.asarray(BAD)
    calls = {
        "pred": (lambda: bl.iou(bad, good), lambda: bl.giou.pairwise(bad, good)),
        "target": (lambda: bl.l1(good, bad, engine="array"), lambda: bl.iou.value_and_grad(good, bad)),
    }
    for name, each in calls.items():
        for call in each:
            call()
            with strict():
                if backend.name == "dask":  # not known yet
                    call()
                else:
                    check_error(call, ValueError, WRONG.format(name))
    with strict():
        bl.iou(good, good)
        bl.iou(bad, good, format=("xywh", "xyxy"))
        bl.iou(good[:, :1, ...], good * 0.1, format=("xyxy", "rel_xyxy"), image_size=(3, 4))


def test_targets_that_are_masked_are_not_looked_at(backend):
    good, bad = backend.asarray(GOOD), backend.asarray(BAD)
    one = backend.asarray(BAD[2])  # for all batches
    counts = np.ones((3, 2), bool)
    counts[2, 0] = False
    in_one_batch = np.zeros((3, 2), bool)
    in_one_batch[1, 0] = True
    mask, only, one_mask = (backend.xp.asarray(m) for m in (counts, in_one_batch, counts[2]))
    wrong = "target holds 1 inverted or not finite box of"
    with strict():
        bl.iou.nearest(good, bad, target_mask=mask)
        bl.iou.topk(good, bad, 2, target_mask=mask)
        bl.iou.nearest(good, one, target_mask=one_mask)
        bl.iou.nearest(good[0, ...], bad[2:, ...], target_mask=one_mask)
        if backend.name != "dask":
            for target, which in ((bad, backend.xp.ones_like(mask)), (one, only), (bad[2:, ...], only)):
                with pytest.raises(ValueError, match=wrong):
                    bl.iou.nearest(good, target, target_mask=which)
            with pytest.raises(ValueError, match="pred holds 1"):
                bl.iou.nearest(bad, good, target_mask=mask)


@pytest.mark.torch
def test_a_tensor_that_requires_grad_is_told_of_without_a_warning():
    import torch

    pred = torch.tensor([2.0, 0, 1, 1], requires_grad=True)
    with strict(), pytest.raises(ValueError, match="pred holds 1 inverted or not finite box of 1"):
        bl.iou(pred, torch.ones(4))


def test_what_is_wrong_is_told():
    one = "{} holds 1 inverted or not finite box of 1, the first at []: {}"
    side = ", which has a negative side in format {!r}. Give the format that it is in, as format={!r}{}"
    end = "boxloss.validate finds all"
    mixed_up = np.asarray([[5.0, 1, 9, 3], [1, 9, 3, 4], [1, 1, 2, 2], [8, 2, 3, 5]])
    turned = side.format("xyxy", "xywh", ", or the transpose of the array")
    cases = (
        (lambda: bl.iou(GOOD, np.asarray([0.0, 0, np.nan, 1])), one.format("target", "[0.0, 0.0, nan, 1.0]") + ". "),
        (lambda: bl.iou(np.asarray([np.inf, 0, np.inf, 1]), GOOD), one.format("pred", "[inf, 0.0, inf, 1.0]") + ". "),
        (
            lambda: bl.iou(np.asarray([5.0, 5, -1, 1]), GOOD, format="cxcywh"),
            one.format("pred", "[5.0, 5.0, -1.0, 1.0]") + side.format("cxcywh", "xyxy", "; "),
        ),
        (
            lambda: bl.iou(mixed_up, GOOD[0, 0]),
            f"pred holds 2 inverted or not finite boxes of 4, the first at [1]: [1.0, 9.0, 3.0, 4.0]{turned}; ",
        ),
    )
    huge = np.asarray([0.0, 0, 2, 2, 3e6]), np.asarray([0.0, 0, 0, 2, 2, 2, 3e6])
    for format, box, limit in (
        ("cxcywha", huge[0], " or the angle is beyond 1000000 radians"),
        ("cxcywhr", huge[0] * 10, " or the angle is beyond 23592960 degrees"),
        ("cxcyczwlha", huge[1], " or the angle is beyond 1000000 radians"),
        ("xyxy", np.asarray([-1.5e308, 0, 1.5e308, 1]), ""),
    ):
        told = one.format("pred", f"{box.tolist()}, of which the sides are too long{limit}; ")
        cases += ((partial(bl.iou, box, box, format=format), told),)
    for call, text in cases:
        with strict():
            check_error(call, ValueError, text + end)


def test_blocks_end_and_nest():
    @strict()
    def decorated():
        bl.iou(BAD, GOOD)

    with pytest.raises(ValueError, match="holds 1 inverted"):
        decorated()
    with strict():
        with strict(False):
            bl.iou(BAD, GOOD)
        with pytest.raises(ValueError, match="holds 1 inverted"):
            bl.iou(BAD, GOOD)
    bl.iou(BAD, GOOD)


def test_other_threads_and_tasks_are_left_alone():
    inside, done = threading.Event(), threading.Event()
    failures = []

    def another():
        inside.wait(10)
        try:
            bl.iou(BAD, GOOD)
        except ValueError as error:
            failures.append(error)
        done.set()

    thread = threading.Thread(target=another)
    thread.start()
    with strict():
        inside.set()
        assert done.wait(10)
    thread.join()
    assert not failures

    async def both():
        entered = asyncio.Event()

        async def looks():
            with strict():
                entered.set()
                await asyncio.sleep(0)
                with pytest.raises(ValueError, match="holds 1 inverted"):
                    bl.iou(BAD, GOOD)

        async def does_not():
            await entered.wait()
            bl.iou(BAD, GOOD)

        await asyncio.gather(looks(), does_not())

    asyncio.run(both())


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_graphs_look_when_they_run():
    import torch

    good, bad = torch.tensor(GOOD), torch.tensor(BAD)
    compiled = torch.compile(lambda p, t: bl.iou(p, t), fullgraph=True, backend="aot_eager")
    compiled(bad, good)
    with strict():
        for call in (compiled, torch.func.vmap(bl.iou), torch.func.vmap(bl.iou.pairwise)):
            call(good, good)
            with pytest.raises(ValueError, match="holds 1 inverted"):
                call(bad, good)
        torch.compile(lambda p, t: bl.l1(p, t), fullgraph=True, backend="aot_eager")(good, good)
        bl.iou(bad.to("meta"), good.to("meta"), engine="array")


@pytest.mark.jax
def test_functions_that_jax_traces_are_not_looked_at():
    import jax

    with strict():
        assert jax.jit(bl.iou)(BAD, GOOD).shape == (3, 2)
