"""Strided, broadcast and unaligned views on a GPU, and buffers for matrices."""

import numpy as np
import pytest

import boxloss as bl
from generators import boxes, mixed

both_floats = pytest.mark.parametrize("precision", ["float32", "float64"])


def every_other_row(library, side):
    return library.asarray(np.repeat(side, 2, axis=0))[::2]


def columns_of_a_table(library, side):
    return library.asarray(np.concatenate([side, side + 1.0, side], axis=1))[:, 4:8]


def first_columns_of_a_table(library, side):
    return library.asarray(np.concatenate([side, side[:, :1]], axis=1))[:, :4]


def transposed(library, side):
    return library.asarray(side.T).T


def offset_by_one_number(library, side):
    """Contiguous, but no box begins at a multiple of 16 bytes."""
    return library.asarray(np.concatenate([np.zeros(1, side.dtype), side.reshape(-1)]))[1:].reshape(side.shape)


def offset_by_two_numbers(library, side):
    return library.asarray(np.concatenate([np.zeros(2, side.dtype), side.reshape(-1)]))[2:].reshape(side.shape)


def one_box_for_all(library, side):
    return library.xp.broadcast_to(library.asarray(side[:1]), side.shape)


LAYOUTS = (
    every_other_row,
    columns_of_a_table,
    first_columns_of_a_table,
    transposed,
    offset_by_one_number,
    offset_by_two_numbers,
    one_box_for_all,
)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
@both_floats
def test_layout_changes_no_number(precision, layout, library, rng):
    pred, target = (side.astype(precision) for side in mixed(rng, 77))
    given = layout(library, pred)
    other, plain = library.asarray(target), library.asarray(library.to_numpy(given).copy())
    for arrays, same in (((given, other), (plain, other)), ((other, given), (other, plain))):
        value, grads = bl.ciou.value_and_grad(*arrays, wrt="both", engine=library.engine)
        expected, expected_grads = bl.ciou.value_and_grad(*same, wrt="both", engine=library.engine)
        for result, plain_result in zip((value, *grads), (expected, *expected_grads), strict=True):
            library.check_equal(result, plain_result)
        matrix = bl.ciou.pairwise(*arrays, engine=library.engine)
        library.check_equal(matrix, bl.ciou.pairwise(*same, engine=library.engine))


@both_floats
def test_strided_weight(precision, library, rng):
    given = [library.asarray(side.astype(precision)) for side in mixed(rng, 77)]
    weight = library.asarray(rng.uniform(0.1, 2.0, 154).astype(precision))[::2]
    value = bl.l2(*given, weight=weight, engine=library.engine)
    library.check_equal(value, bl.l2(*given, engine=library.engine) * weight)


def test_inputs_are_not_written_to(library, rng):
    pairs = mixed(rng, 50)
    given = [library.asarray(side) for side in pairs]
    bl.ciou.value_and_grad(*given, wrt="both", weight=0.5, engine=library.engine)
    bl.ciou.pairwise(*given, engine=library.engine)
    for side, exact in zip(given, pairs, strict=True):
        np.testing.assert_array_equal(library.to_numpy(side), exact)


@both_floats
def test_out_is_filled_and_returned(precision, library, rng):
    """The first and the last row of the buffer are around it; each row of the matrix begins at any address."""
    pred, target = (library.asarray(boxes(rng, n).astype(precision)) for n in (5, 14))
    guarded = library.asarray(np.full((4, 5, 7), np.nan, precision))
    out = guarded[1:3]
    target = target.reshape(2, 7, 4)
    assert bl.l1.pairwise(pred, target, out=out, engine=library.engine) is out
    library.check_equal(out, bl.l1.pairwise(pred, target, engine=library.engine))
    assert np.isnan(library.to_numpy(guarded)[[0, 3]]).all()


@both_floats
def test_out_at_an_odd_address(precision, library, rng):
    pred, target = (library.asarray(boxes(rng, n).astype(precision)) for n in (33, 129))
    flat = library.asarray(np.full(33 * 129 + 2, np.nan, precision))
    out = flat[1:-1].reshape(33, 129)
    bl.ciou.pairwise(pred, target, out=out, engine=library.engine)
    library.check_equal(out, bl.ciou.pairwise(pred, target, engine=library.engine))
    assert np.isnan(library.to_numpy(flat)[[0, -1]]).all()


def test_strided_out_is_refused(library, rng):
    pred, target = library.asarray(boxes(rng, 4)), library.asarray(boxes(rng, 5))
    out = library.asarray(np.zeros((4, 10)))[:, ::2]
    with pytest.raises(ValueError, match=r"^out must be .*C-contiguous"):
        bl.l1.pairwise(pred, target, out=out, engine=library.engine)
