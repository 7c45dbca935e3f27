"""The tests of a GPU on compiled kernels that a machine executes on the host: see `ptx_machine`."""

from gpu.test_gpu_layouts import (  # noqa: F401
    test_layout_changes_no_number,
    test_out_at_an_odd_address,
    test_out_is_filled_and_returned,
    test_strided_weight,
)
from gpu.test_gpu_losses import (  # noqa: F401
    test_call,
    test_diagonal_of_a_matrix_of_boxes_with_themselves_is_exactly_zero,
    test_finite_in_finite_out_and_in_range,
    test_kinks,
    test_nan_and_infinity_stay_in_their_row,
    test_one_gradient,
    test_pairwise,
    test_value_and_both_gradients,
    test_value_and_gradient_at_a_match_are_exactly_zero,
)
