"""The tests of a GPU on compiled kernels that a machine executes on the host: see `ptx_machine`.

The grid of an elementwise kernel has two blocks of 256 threads at most, so its loop has several turns.
"""

import re

import numpy as np
import pytest

import boxloss as bl
from boxloss.engines import cuda
from cases import CASES
from generators import boxes
from gpu.test_gpu_arrays import (  # noqa: F401
    test_boolean_weight,
    test_broadcasting,
    test_formats,
    test_formats_of_an_overlap_loss,
    test_pairwise_batches,
    test_pairwise_sizes,
    test_sizes,
    test_weights_and_reductions,
)
from gpu.test_gpu_layouts import (  # noqa: F401
    test_layout_changes_no_number,
    test_out_at_an_odd_address,
    test_out_is_filled_and_returned,
    test_strided_weight,
)
from gpu.test_gpu_losses import (  # noqa: F401
    anywhere,
    test_boxes_of_every_kind_in_a_matrix,
    test_call,
    test_diagonal_of_a_matrix_of_boxes_with_themselves_is_exactly_zero,
    test_finite_in_finite_out_and_in_range,
    test_kinks,
    test_matrix_of_boxes_anywhere_is_finite_and_in_range,
    test_nan_and_infinity_stay_in_their_row,
    test_nan_and_infinity_stay_in_their_row_and_column_of_a_matrix,
    test_one_gradient,
    test_pairwise,
    test_value_and_both_gradients,
    test_value_and_gradient_at_a_match_are_exactly_zero,
)
from instructions import of_kind
from ptx_machine import runtime as machine_runtime
from ptx_machine.memory import KernelError

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.mark.parametrize("seed", range(4))
@every_case
def test_errors_of_approximate_instructions(case, seed, library, runtime, rng):
    """Whatever hardware may give for them."""
    runtime.seed = seed
    pred = boxes(rng, 40).astype("float32")
    matrix = case.loss.pairwise(pred, pred, engine="cuda")
    library.check_value(matrix, case.loss.pairwise(*[pred.astype("float64")] * 2, engine="array"), "float32")
    if case.has_minimum_zero:
        np.testing.assert_array_equal(np.diagonal(matrix), 0.0)
    sides = [anywhere(rng, n, "float32") for n in (40, 140)]
    assert np.isfinite(case.loss.pairwise(*sides, engine="cuda")).all()


@pytest.mark.parametrize(("pred_shape", "target_shape"), [((70,), (130,)), ((3, 33), (3, 5)), ((2, 1, 40), (3, 7))])
@pytest.mark.parametrize("loss", [bl.l1, bl.ciou], ids=["l1", "ciou"])
def test_grid_that_ends_before_the_matrix(loss, pred_shape, target_shape, library, monkeypatch, rng):
    """Blocks go through rows and batches beyond the largest axis of a grid."""
    monkeypatch.setattr(cuda, "LARGEST_AXIS", 1)
    pred, target = (boxes(rng, int(np.prod(s))).reshape(*s, 4) for s in (pred_shape, target_shape))
    matrix = loss.pairwise(pred, target, engine="cuda")
    library.check_value(matrix, loss.pairwise(pred, target, engine="array"), "float64")


# --- Kernels that are wrong -------------------------------------------------------------------------------------------

BARRIER = "bar.sync \t0;"


def check_fault(matrix_of, change, text, monkeypatch):
    """A change of the PTX is noticed."""

    def changed(*arguments):
        code = of_kind(*arguments)
        return code._replace(text=change(code.text))

    monkeypatch.setattr(machine_runtime, "of_kind", changed)
    with pytest.raises(KernelError, match=text):
        matrix_of()


@pytest.fixture
def matrix_of(library, monkeypatch, rng):
    """A matrix of two tiles, by one block of threads."""
    monkeypatch.setattr(cuda, "LARGEST_AXIS", 1)
    sides = boxes(rng, 2 * cuda.TILE_ROWS), boxes(rng, 100)
    return lambda: bl.ciou.pairwise(*sides, engine="cuda")


def test_kernel_without_the_barrier_before_reads(matrix_of, monkeypatch):
    text = "reads what (nothing has written|another thread writes)"
    check_fault(matrix_of, lambda ptx: ptx.replace(BARRIER, "", 1), text, monkeypatch)


def test_kernel_without_the_barrier_after_reads(matrix_of, monkeypatch):
    def change(ptx):
        first, second, third = ptx.split(BARRIER)
        return first + BARRIER + second + third

    check_fault(matrix_of, change, "writes what another thread reads", monkeypatch)


def test_kernel_that_writes_twice(matrix_of, monkeypatch):
    check_fault(
        matrix_of, lambda ptx: re.sub(r"st.global.f64.*", r"\g<0> \g<0>", ptx), "was written 2 times", monkeypatch
    )


def test_kernel_that_writes_elsewhere(matrix_of, monkeypatch):
    def change(ptx):
        return re.sub(r"(st.global.f64.*%rd\d+)\]", r"\1+8]", ptx)

    check_fault(matrix_of, change, "outside of every variable|what another thread writes", monkeypatch)


def test_kernel_for_aligned_boxes_on_others(library, monkeypatch, rng):
    monkeypatch.setattr(machine_runtime.HostArrays, "are_aligned", lambda self, addresses: True)
    pred = np.concatenate([[0.0], boxes(rng, 50).reshape(-1)])[1:].reshape(-1, 4)
    for verb in (bl.giou, bl.giou.pairwise):
        with pytest.raises(KernelError, match="16 bytes at an address that is no multiple"):
            verb(pred, boxes(rng, 50), engine="cuda")
