"""The tests of a GPU on compiled kernels that a machine executes on the host: see `ptx_machine`.

The grid of an elementwise kernel has two blocks of 256 threads at most, so its loop has several turns.
"""

import re
from types import SimpleNamespace

import numpy as np
import pytest

import boxloss as bl
from boxloss.engines.cuda import instructions
from boxloss.verbs.pairwise import cuda
from cases import CASES
from errors import check_error
from generators import boxes, mixed, zero_side
from gpu.test_gpu_arrays import (  # noqa: F401
    test_boolean_weight,
    test_broadcasting,
    test_eps,
    test_float16,
    test_formats,
    test_formats_of_an_overlap_loss,
    test_integers,
    test_one_gradient_with_a_weight,
    test_pairwise_batches,
    test_pairwise_sizes,
    test_sizes,
    test_weight_that_is_a_number,
    test_weights_and_reductions,
)
from gpu.test_gpu_layouts import (  # noqa: F401
    test_inputs_are_not_written_to,
    test_layout_changes_no_number,
    test_out_at_an_odd_address,
    test_out_is_filled_and_returned,
    test_strided_out_is_refused,
    test_strided_weight,
)
from gpu.test_gpu_losses import (  # noqa: F401
    check_elementwise,
    everything,
    test_boxes_of_every_kind_in_a_matrix,
    test_call,
    test_diagonal_of_a_matrix_of_boxes_with_themselves_is_exactly_zero,
    test_finite_in_finite_out_and_in_range,
    test_guards_change_no_bit_of_ordinary_boxes,
    test_kinks,
    test_matrix_of_boxes_anywhere_is_finite_and_in_range,
    test_nan_and_infinity_stay_in_their_row,
    test_nan_and_infinity_stay_in_their_row_and_column_of_a_matrix,
    test_one_gradient,
    test_one_inverted_box_in_a_matrix,
    test_pairwise,
    test_value_and_both_gradients,
    test_value_and_gradient_at_a_match_are_exactly_zero,
)
from gpu.test_gpu_rotated import (  # noqa: F401
    test_formats_of_two_kinds_of_box,
    test_match_with_an_angle_is_exactly_zero,
    test_matrix_with_an_angle,
    test_value_and_both_gradients_with_an_angle,
)
from instructions import of_template
from ptx_machine import runtime as machine_runtime
from ptx_machine.arithmetic import fma
from ptx_machine.memory import KernelError

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


# --- Approximate instructions, whatever hardware may give for them ----------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
@every_case
def test_errors_of_approximate_instructions(case, seed, library, runtime, rng):
    runtime.seed = seed
    check_elementwise(library, case.loss, mixed(rng, 300), "float32", case.gradient_floor)
    pred = np.concatenate([boxes(rng, 40), zero_side(rng, 40)[0]]).astype("float32")
    matrix = case.loss.pairwise(pred, pred, engine="cuda")
    library.check_value(matrix, case.loss.pairwise(*[pred.astype("float64")] * 2, engine="array"), "float32")
    if case.has_minimum_zero:
        for result in (np.diagonal(matrix), *everything(library, case.loss, (pred, pred.copy()))):
            np.testing.assert_array_equal(result, 0.0)


def test_share_of_equal_areas_is_exactly_one():
    """For every float32 from 1 to 2, and every inverse of it that is 1 ulp off at most."""
    xp = SimpleNamespace(operation=lambda name, kind, *operands: {"fused": fma}[name](*operands))
    area = np.arange(0x3F800000, 0x40000000, dtype=np.uint32).view(np.float32)
    true = 1.0 / area.astype(np.float64)
    nearest = true.astype(np.float32)
    for steps in (-1, 0, 1):
        inverse = (nearest.view(np.int32) + np.int32(steps)).view(np.float32)
        allowed = np.abs(inverse - true) <= np.spacing(nearest)
        assert allowed.mean() > 0.4
        assert (instructions.share(xp, area, area, inverse)[allowed] == 1.0).all()


# --- Grids ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pred_shape", "target_shape"), [((70,), (130,)), ((3, 33), (3, 5)), ((2, 1, 40), (3, 7))])
@pytest.mark.parametrize("loss", [bl.l1, bl.ciou], ids=["l1", "ciou"])
def test_grid_that_ends_before_the_matrix(loss, pred_shape, target_shape, library, monkeypatch, rng):
    """Blocks go through rows and batches beyond the largest axis of a grid."""
    monkeypatch.setattr(cuda, "LARGEST_AXIS", 1)
    pred, target = (boxes(rng, int(np.prod(s))).reshape(*s, 4) for s in (pred_shape, target_shape))
    matrix = loss.pairwise(pred, target, engine="cuda")
    library.check_value(matrix, loss.pairwise(pred, target, engine="array"), "float64")


def test_out_has_to_be_contiguous(library, rng):
    out = np.empty((4, 3)).T
    text = "out must be C-contiguous for engine='cuda'; got one that is not"
    check_error(lambda: bl.giou.pairwise(boxes(rng, 3), boxes(rng, 4), out=out, engine="cuda"), ValueError, text)


# --- Kernels that are wrong -------------------------------------------------------------------------------------------


@pytest.fixture
def check_change(library, monkeypatch, rng):
    """A change of PTX is noticed, in a matrix of two tiles by one block of threads."""
    monkeypatch.setattr(cuda, "LARGEST_AXIS", 1)
    sides = boxes(rng, 2 * cuda.TILE_ROWS), boxes(rng, 100)

    def check(pattern, replacement, text):
        def changed(*arguments):
            code = of_template(*arguments)
            return code._replace(text=re.sub(pattern, replacement, code.text))

        monkeypatch.setattr(machine_runtime, "of_template", changed)
        with pytest.raises(KernelError, match=text):
            bl.ciou.pairwise(*sides, engine="cuda")

    return check


def test_kernel_that_does_not_wait_for_what_is_staged(check_change):
    """Each thread takes its own vote for that of all."""
    vote = r"bar\.red\.and\.pred\s+(%p\d+), 0, (%p\d+);"
    check_change(vote, r"mov.pred \1, \2;", "reads what another thread writes")


def test_kernel_that_stages_before_all_have_read(check_change):
    check_change(r"bar\.sync\s+0;", "", "writes what another thread reads")


def test_kernel_that_writes_twice(check_change):
    check_change(r"st\.global\.f64.*", r"\g<0> \g<0>", "was written 2 times")


def test_kernel_that_writes_elsewhere(check_change):
    check_change(r"(st\.global\.f64.*%rd\d+)\]", r"\1+8]", "outside of every variable|what another thread writes")


def test_kernel_for_aligned_boxes_on_others(library, monkeypatch, rng):
    monkeypatch.setattr(machine_runtime.HostArrays, "are_aligned", lambda self, addresses: True)
    pred = np.concatenate([[0.0], boxes(rng, 50).reshape(-1)])[1:].reshape(-1, 4)
    for verb in (bl.giou, bl.giou.pairwise):
        with pytest.raises(KernelError, match="16 bytes at an address that is no multiple"):
            verb(pred, boxes(rng, 50), engine="cuda")
