"""The verbs that keep what matters of a matrix: their kernels on the machine, and what the compiler makes of them."""

import re

import numpy as np
import pytest

import boxloss as bl
from boxloss.engines.cuda import launch
from boxloss.verbs.nearest.cuda import lanes_a_row
from boxloss.verbs.pairwise import array, cuda_rows
from boxloss.verbs.pairwise.cuda_staged import SHARED_BYTES, targets_at_a_time
from generators import boxes
from gpu.test_gpu_best import (  # noqa: F401
    check_nearest,
    check_topk,
    lanes,
    test_batches_broadcast,
    test_boxes_that_are_not_aligned,
    test_boxes_with_an_angle,
    test_infinite_values_are_in_order_too,
    test_infinite_values_may_be_the_nearest,
    test_masked_targets_have_no_value_whatever_the_formula,
    test_more_than_the_kernel_keeps,
    test_nearest_of_sizes,
    test_nearest_of_ties,
    test_nearest_with_a_mask,
    test_topk_of_sizes,
    test_topk_of_ties,
    test_topk_with_a_mask,
    test_what_a_loss_prepares_of_a_box,
    test_without_targets_or_preds,
    test_worst_order,
)
from instructions import of_template
from ptx_machine import runtime as machine_runtime
from ptx_machine.memory import KernelError


@pytest.mark.parametrize("loss", [bl.giou, bl.iou_score], ids=["giou", "iou_score"])
def test_pairs_within_a_threshold_by_tiles_of_the_matrix(loss, library, monkeypatch, rng):
    monkeypatch.setattr(array, "PAIRS_ON_CPU", 500)
    pred, target = boxes(rng, 40), boxes(rng, 70)
    matrix = loss.pairwise(pred, target, engine="cuda")
    i, j, value = loss.above(pred, target, 0.5, engine="cuda")
    np.testing.assert_array_equal((i, j), np.nonzero(matrix > 0.5))
    np.testing.assert_array_equal(value, matrix[i, j])


def test_grid_that_ends_before_the_batches(library, monkeypatch, rng):
    """Blocks go through batches beyond the largest axis of a grid."""
    monkeypatch.setattr(cuda_rows, "LARGEST_AXIS", 2)
    pred, target = boxes(rng, 25).reshape(5, 5, 4), boxes(rng, 35).reshape(5, 7, 4)
    check_nearest(library, bl.giou, pred, target)
    check_topk(library, bl.giou, pred, target, 3)


@pytest.mark.parametrize(
    ("batches", "rows", "columns", "expected"),
    [
        (1, 2000, 10, 1),
        (1, 1999, 10, 32),
        (100, 128, 10, 1),
        (100, 127, 10, 32),
        (1, 63, 1024, 32),
        (1, 62, 1024, 256),
        (1, 62, 1023, 32),
        (1, 1, 10, 32),
        (1, 1, 10**6, 256),
    ],
)
def test_as_few_threads_share_a_row_as_fill_the_gpu(batches, rows, columns, expected, monkeypatch):
    monkeypatch.setattr(launch, "threads_that_fill", lambda ordinal: 2000)
    assert lanes_a_row(0, batches, rows, columns) == expected


def test_staged_targets_fit_into_shared_memory():
    for numbers in range(1, 100):
        for number_bytes in (4, 8):
            count = targets_at_a_time(numbers, number_bytes)
            assert count % 32 == 0
            assert count * numbers * number_bytes <= SHARED_BYTES < (count + 32) * numbers * number_bytes


# --- Kernels that are wrong -------------------------------------------------------------------------------------------


@pytest.fixture
def check_change(library, monkeypatch, rng):
    """A change of PTX is noticed: targets are staged twice."""
    pred, target = boxes(rng, 9), boxes(rng, 300)

    def check(pattern, replacement, text, verb, *k):
        def changed(*arguments):
            code = of_template(*arguments)
            found, count = re.subn(pattern, replacement, code.text)
            assert count
            return code._replace(text=found)

        monkeypatch.setattr(machine_runtime, "of_template", changed)
        with pytest.raises(KernelError, match=text):
            verb(pred, target, *k, engine="cuda")

    return check


@pytest.mark.parametrize(("verb", "k"), [(bl.giou.nearest, ()), (bl.giou.topk, (3,))], ids=["nearest", "topk"])
def test_rows_that_do_not_wait_for_what_is_staged(verb, k, check_change):
    vote = r"bar\.red\.and\.pred\s+(%p\d+), 0, (%p\d+);"
    check_change(vote, r"mov.pred \1, \2;", "reads what another thread writes", verb, *k)


@pytest.mark.parametrize(("verb", "k"), [(bl.giou.nearest, ()), (bl.giou.topk, (3,))], ids=["nearest", "topk"])
def test_rows_that_stage_before_all_have_read(verb, k, check_change):
    check_change(r"bar\.sync\s+0;", "", "writes what another thread reads", verb, *k)


@pytest.mark.parametrize(("verb", "k"), [(bl.giou.nearest, ()), (bl.giou.topk, (3,))], ids=["nearest", "topk"])
def test_shuffles_among_half_of_the_lanes(verb, k, check_change):
    check_change(r"mov.u32\s+(%r\d+), -1;", r"mov.u32 \1, 65535;", "is not among those it names", verb, *k)
