"""Parts that a matrix prepares once a box, and boxes of other sizes: what no loss of the package has yet."""

from dataclasses import dataclass

import numpy as np
import pytest
from numba import cuda
from numba.core import types

import boxloss as bl
from bounds import in_dtype
from boxloss.engines.cuda import compile
from boxloss.engines.cuda.memory import load, store
from boxloss.losses.overlap import OverlapLoss
from boxloss.shapes.axis_aligned import AXIS_ALIGNED
from boxloss.shapes.box import Box
from boxloss.shapes.relations import height, negated, width
from boxloss.shapes.shape import Partials, Relation
from generators import boxes, mixed
from gpu.test_gpu_arrays import check_pair
from instructions import Code
from ptx_machine.parse import parse
from ptx_machine.runtime import HostArrays, execute

IMAGE = (5.0, 8.0)


def perimeter(xp, box, image):
    box = box.upright(xp)
    return 2.0 * (width(box) + height(box))


def place(xp, box, image):
    box = box.upright(xp)
    return (box.x1 - 3.0 * box.y1) / image.width


def difference(name, part, derivative, **options):
    """The relation that is the difference of a part of each box."""

    def forward(xp, pair):
        return part(xp, pair.box, pair.image) - part(xp, pair.other, pair.image)

    def pullback(xp, pair, d):
        return Partials(box=derivative(d, pair.image))

    def combine(xp, pair, of_pred, of_target):
        return of_pred - of_target

    return Relation(name, forward, pullback, negated, part, combine, **options)


PERIMETERS = difference("perimeters", perimeter, lambda d, image: Box(-2.0 * d, -2.0 * d, 2.0 * d, 2.0 * d))
PLACES = difference(
    "places", place, lambda d, image: Box(d / image.width, -3.0 * d / image.width, 0.0, 0.0), reads_image=True
)


@dataclass(frozen=True)
class OfPerimeters(OverlapLoss):
    relations = (PERIMETERS,)

    @staticmethod
    def formula(xp, d):
        return d * d, (2.0 * d,)


@dataclass(frozen=True)
class OfPlaces(OverlapLoss):
    relations = (PLACES,)

    @staticmethod
    def formula(xp, d):
        return 0.5 * d * d, (d,)


LOSSES = {
    "one part": OfPerimeters(),
    "two parts": OfPerimeters() + 3.0 * OfPlaces(),
    "the same two, exchanged": 3.0 * OfPlaces() + OfPerimeters(),
    "one part twice": OfPerimeters() + 2.0 * OfPerimeters(),
    "three parts, and terms without": bl.giou + OfPlaces() + bl.ciou + 0.25 * OfPerimeters() + bl.l1,
}


def image_of(loss):
    """The size of the image, for a loss that reads it."""
    return {"image_size": IMAGE} if loss.program.structure.reads_image else {}


every_loss = pytest.mark.parametrize("name", LOSSES)
both_floats = pytest.mark.parametrize("precision", ["float32", "float64"])


@pytest.mark.parametrize(("name", "count"), [*zip(LOSSES, (1, 2, 2, 1, 3), strict=True)])
def test_a_relation_has_one_part_however_many_terms_read_it(name, count):
    assert len(LOSSES[name].program.structure.parts(AXIS_ALIGNED)) == count


@both_floats
@every_loss
def test_parts_of_a_matrix(name, precision, library, rng):
    """Ordinary boxes, and boxes with others among them; one tile, and several."""
    loss, options = LOSSES[name], image_of(LOSSES[name])
    for sides in ((boxes(rng, 70), boxes(rng, 300)), (boxes(rng, 1), boxes(rng, 1)), mixed(rng, 66)):
        given, exact = in_dtype(sides, precision)
        expected = loss(exact[0][:, None], exact[1], engine="array", **options)
        library.check_value(loss.pairwise(*given, engine="cuda", **options), expected, precision)


@every_loss
def test_values_and_gradients_of_pairs(name, library, rng):
    exact = mixed(rng, 300)
    check_pair(library, LOSSES[name], exact, exact, "float64", **image_of(LOSSES[name]))


# --- Boxes of any size ------------------------------------------------------------------------------------------------


def copy(size, number, aligned):
    """A kernel that copies boxes, each by way of shared memory that another thread has put it in."""
    load_box, store_box = load(size, aligned), store(size, aligned)
    staged_size, pointer = 32 * size, types.CPointer(number)

    def kernel(given, out, count):
        staged = cuda.shared.array(staged_size, number, alignment=16)
        i = cuda.grid(1)
        if i < count:
            store_box(staged, i, load_box(given, i))
        cuda.syncthreads()
        if i < count:
            store_box(out, count - 1 - i, load_box(staged, count - 1 - i))

    return kernel, types.void(pointer, pointer, types.int64)


@pytest.mark.parametrize("aligned", [False, True], ids=["", "aligned"])
@pytest.mark.parametrize("number", [types.float32, types.float64], ids=str)
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 8])
def test_boxes_of_any_size(size, number, aligned, rng):
    """Vectors are read only where every box begins at a multiple of 16 bytes, not the first alone."""
    text = compile.Written(*copy(size, number, aligned), (9, 0)).ptx((9, 0))
    is_wide = aligned and size * number.bitwidth % 128 == 0
    assert (Code(text).count(r"(ld|st)\.global\.v.*") > 0) == is_wide
    given = rng.normal(size=(29, size)).astype(str(number))
    arrays = HostArrays(given)
    out = arrays.empty(given.shape)
    execute(parse(text), [arrays.argument(given), arrays.argument(out), 29], (1, 1, 1), (32, 1, 1), seed=0)
    np.testing.assert_array_equal(out, given)
