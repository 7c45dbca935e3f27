"""Arrays of any memory layout: strided, reversed, Fortran order, read-only, big-endian, misaligned, memory-mapped."""

import numpy as np
import pytest

import boxloss as bl
from generators import mixed


def every_other_row(boxes, tmp_path):
    return np.repeat(boxes, 2, axis=0)[::2]


def columns_of_a_table(boxes, tmp_path):
    return np.concatenate([boxes, boxes], axis=1)[:, 4:]


def fortran_order(boxes, tmp_path):
    return np.asfortranarray(boxes)


def reversed_rows(boxes, tmp_path):
    return boxes[::-1].copy()[::-1]


def reversed_columns(boxes, tmp_path):
    return boxes[:, ::-1].copy()[:, ::-1]


def read_only(boxes, tmp_path):
    boxes = boxes.copy()
    boxes.flags.writeable = False
    return boxes


def big_endian(boxes, tmp_path):
    return boxes.astype(boxes.dtype.newbyteorder(">"))


def misaligned(boxes, tmp_path):
    raw = np.zeros(boxes.nbytes + 1, dtype=np.uint8)
    raw[1:] = np.frombuffer(boxes.tobytes(), dtype=np.uint8)
    return raw[1:].view(boxes.dtype).reshape(boxes.shape)


def memory_mapped(boxes, tmp_path):
    np.save(tmp_path / "boxes.npy", boxes)
    return np.load(tmp_path / "boxes.npy", mmap_mode="r")


def broadcast_view(boxes, tmp_path):
    return np.broadcast_to(boxes[:1], boxes.shape)


LAYOUTS = [
    every_other_row,
    columns_of_a_table,
    fortran_order,
    reversed_rows,
    reversed_columns,
    read_only,
    big_endian,
    misaligned,
    memory_mapped,
    broadcast_view,
]
every_engine = pytest.mark.parametrize("engine", ["array", "numba"])
every_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


@every_engine
@every_dtype
@every_layout
def test_layout_changes_no_number(layout, dtype, engine, rng, tmp_path):
    pred, target = (side.astype(dtype) for side in mixed(rng, 35))
    given = layout(pred, tmp_path)
    before, pred = given.copy(), np.ascontiguousarray(given, dtype=dtype)
    for arrays, plain in (((given, target), (pred, target)), ((target, given), (target, pred))):
        value, grads = bl.l2.value_and_grad(*arrays, wrt="both", engine=engine)
        expected, expected_grads = bl.l2.value_and_grad(*plain, wrt="both", engine=engine)
        assert type(value) is np.ndarray
        assert value.dtype == dtype
        np.testing.assert_array_equal(value, expected)
        for grad, d, array in zip(grads, expected_grads, arrays, strict=True):
            assert type(grad) is np.ndarray
            assert grad.dtype == array.dtype
            np.testing.assert_array_equal(grad, d)
        matrix = bl.l2.pairwise(*arrays, engine=engine)
        assert matrix.dtype == dtype
        np.testing.assert_array_equal(matrix, bl.l2.pairwise(*plain, engine=engine))
    np.testing.assert_array_equal(given, before)


@pytest.mark.parametrize("layout", LAYOUTS[1:7], ids=lambda layout: layout.__name__)
def test_layouts_are_what_they_say(layout, rng, tmp_path):
    """None is an array that a kernel could read as it is, but for the read-only one."""
    given = layout(mixed(rng, 5)[0], tmp_path)
    plain = given.flags.c_contiguous and given.flags.aligned and given.dtype.isnative and given.flags.writeable
    assert not plain


@every_engine
@pytest.mark.parametrize("name", ["giou", "ciou"])
def test_inputs_are_not_written_to(name, engine, rng):
    pred, target = mixed(rng, 35)
    copies = pred.copy(), target.copy()
    bl.get(name).value_and_grad(pred, target, wrt="both", engine=engine)
    bl.get(name).pairwise(pred, target, engine=engine)
    np.testing.assert_array_equal((pred, target), copies)
