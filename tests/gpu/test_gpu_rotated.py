"""Boxes with an angle on a GPU, against the float64 array engine on the host."""

import numpy as np
import pytest

import boxloss as bl
import rotated_boxes
from bounds import in_dtype
from rotated_boxes import LOSSES, boxes

RUN = {name: LOSSES[name] for name in ("giou", "ciou", "eiou", "interpolated", "l1")}
both_floats = pytest.mark.parametrize("precision", ["float32", "float64"])


@both_floats
@pytest.mark.parametrize("name", RUN)
def test_value_and_both_gradients_with_an_angle(name, precision, library, rng):
    given, exact = in_dtype((boxes(rng, 300), boxes(rng, 300)), precision)
    options = {"wrt": "both", "format": "cxcywha"}
    value, grads = RUN[name].value_and_grad(*map(library.asarray, given), engine=library.engine, **options)
    expected, expected_grads = RUN[name].value_and_grad(*exact, engine="array", **options)
    library.check_value(value, expected, precision)
    for grad, d in zip(grads, expected_grads, strict=True):
        library.check_gradient(grad, d, precision)


@both_floats
def test_matrix_with_an_angle(precision, library, rng):
    given, exact = in_dtype((boxes(rng, 70), boxes(rng, 130)), precision)
    matrix = bl.ciou.pairwise(*map(library.asarray, given), format="cxcywha", engine=library.engine)
    library.check_value(matrix, bl.ciou.pairwise(*exact, format="cxcywha", engine="array"), precision)


def test_formats_of_two_kinds_of_box(library, rng):
    pred, target = np.asarray([[0.0, 0, 2, 1], [1, 1, 3, 4]]), boxes(rng, 2) * [1, 1, 1, 1, 40]
    options = {"wrt": "both", "format": ("xyxy", "cxcywhd")}
    value, grads = bl.giou.value_and_grad(library.asarray(pred), library.asarray(target), engine="cuda", **options)
    expected, expected_grads = bl.giou.value_and_grad(pred, target, engine="array", **options)
    library.check_value(value, expected, "float64")
    for grad, d in zip(grads, expected_grads, strict=True):
        library.check_gradient(grad, d, "float64")


@both_floats
def test_match_with_an_angle_is_exactly_zero(precision, library, rng):
    _, pred = rotated_boxes.near(rng, 300)
    given = [library.asarray(pred.astype(precision)) for _ in range(2)]
    value, grads = bl.giou.value_and_grad(*given, wrt="both", format="cxcywha", engine=library.engine)
    for result in (value, *grads):
        np.testing.assert_array_equal(library.to_numpy(result), 0.0)
