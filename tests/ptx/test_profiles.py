"""The profiles of other libraries as CUDA kernels."""

import numpy as np
from numpy.testing import assert_allclose

from boxloss.compat import conventions
from boxloss.compat.mmdet.formulas import BoundedIoU, ExtendedIoU
from generators import mixed

LOSSES = (
    conventions.YOLOV5["ciou"](),
    conventions.MMDET_REPELLING_SIOU("linear"),
    conventions.MMDET_OVERLAPS["iou"].made("log", 1e-6, clamped=True, least=1e-6),
    conventions.MMDET_OVERLAPS["giou"](),
    ExtendedIoU(),
    BoundedIoU(),
)


def test_one_kernel_of_all(runtime, rng):
    pair, loss = [side.astype(np.float32) for side in mixed(rng, 70)], sum(LOSSES)
    (value, grads), (wanted, of_array) = (
        loss.value_and_grad(*pair, wrt="both", engine=engine) for engine in ("cuda", "array")
    )
    assert_allclose(value, wanted, rtol=1e-4, atol=1e-4)
    for found, expected in zip(grads, of_array, strict=True):
        assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
