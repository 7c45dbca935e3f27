"""Boxes in space on a GPU, by formats and verbs, against the float64 array engine on the host."""

import numpy as np
import pytest

import boxloss as bl
from bounds import in_dtype
from solid_boxes import boxes

LOSS = bl.GIoU() + bl.EIoU() + bl.MGIoU()
every_format = pytest.mark.parametrize(
    "formats", [("xyzxyz", "cxcyczwlh"), ("cxcyczwlha", "xyzxyz")], ids=["upright", "turned"]
)


@every_format
def test_value_gradients_and_matrix(formats, library, rng):
    given, exact = in_dtype([boxes(rng, 60, name) for name in formats], "float32")
    arrays = [library.asarray(side) for side in given]
    value, grads = LOSS.value_and_grad(*arrays, wrt="both", format=formats, engine=library.engine)
    expected, expected_grads = LOSS.value_and_grad(*exact, wrt="both", format=formats, engine="array")
    library.check_value(value, expected, "float32")
    for grad, wanted in zip(grads, expected_grads, strict=True):
        library.check_gradient(grad, wanted, "float32", 1e-1)
    matrix = LOSS.pairwise(*arrays, format=formats, engine=library.engine)
    library.check_value(matrix, LOSS.pairwise(*exact, format=formats, engine="array"), "float32")


@pytest.mark.parametrize("format", ["cxcyczwlh", "cxcyczwlha"])
def test_value_and_gradient_at_a_match_are_exactly_zero(format, library, rng):
    same = boxes(rng, 60, format).astype("float32")
    value, grads = LOSS.value_and_grad(
        library.asarray(same), library.asarray(same), wrt="both", format=format, engine=library.engine
    )
    for result in (value, *grads):
        np.testing.assert_array_equal(library.to_numpy(result), 0.0)
