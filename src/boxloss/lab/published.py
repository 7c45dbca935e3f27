"""The published curves of the simulation ``"diou2020"``.

Read off the figure simulation_examples/regression_error_sum_curves.png of github.com/Zzh-tju/DIoU to +-0.005 million
(+-0.1 for DIoU and CIoU at step 1, where the curves are nearly vertical). They come from the released gradients: see
`boxloss.lab.released`.
"""

CASES = 1_715_000
_STEPS = (1, 5, 10, 20, 30, 50, 75, 100, 150, 160, 170, 180, 200)
_MILLIONS: dict[str, tuple[float | None, ...]] = {
    "IoU": (6.629, 6.537, 6.421, 6.244, 6.132, 6.027, 5.988, 5.981, 5.979, 5.979, 5.925, 5.917, 5.910),
    "GIoU": (6.406, 5.660, 5.018, 4.370, 3.989, 3.347, 2.751, 2.350, 1.928, 1.867, 1.596, 1.551, 1.512),
    "DIoU": (6.352, 5.327, 4.194, 2.320, 1.200, 0.528, 0.431, 0.422, 0.414, 0.414, 0.090, None, 0.004),
    "CIoU": (6.244, 5.072, 3.769, 1.773, 0.767, 0.429, 0.411, 0.403, 0.396, 0.386, 0.071, 0.045, 0.004),
}

# By loss and step, the published sum of errors over all cases, in millions.
PUBLISHED_ERROR: dict[str, dict[int, float]] = {
    name: {step: value for step, value in zip(_STEPS, values, strict=True) if value is not None}
    for name, values in _MILLIONS.items()
}
