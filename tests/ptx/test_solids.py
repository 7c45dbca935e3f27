"""The tests of a GPU for boxes in space, on kernels that the machine executes; see `test_run`."""

from gpu.test_gpu_solids import (
    test_value_and_gradient_at_a_match_are_exactly_zero,  # noqa: F401
    test_value_gradients_and_matrix,  # noqa: F401
)
