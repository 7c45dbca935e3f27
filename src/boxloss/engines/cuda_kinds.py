"""What kernels of the CUDA engine are compiled for, beside the formula and the float type."""

from typing import NamedTuple

COLUMNS_A_THREAD = 4


class Elementwise(NamedTuple):
    """Of an elementwise kernel."""

    formats: tuple[str, str]
    pred_grad: bool
    target_grad: bool
    scaled: bool  # multiply gradients by a factor
    weighted: bool  # multiply values and gradients by a weight a pair
    aligned: bool  # every box begins at a multiple of 16 bytes


class Pairwise(NamedTuple):
    """Of a pairwise kernel."""

    formats: tuple[str, str]
    aligned: bool
    rows: int  # of a tile
    threads: int  # of a block, each with `COLUMNS_A_THREAD` columns of a tile; as many as rows or more
