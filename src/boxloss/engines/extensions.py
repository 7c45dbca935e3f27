"""The one thing that Numba has no words for."""

from typing import Any

from numba.core import types
from numba.extending import intrinsic


@intrinsic  # type: ignore[untyped-decorator]
def prefer_wide_vectors(typing_context: Any) -> Any:
    """Let LLVM use 512-bit vectors in the function that calls this.

    On CPUs with AVX-512 it stays with 256 bits by default. Wide ones take 0.76 times as long for CIoU with gradient, in
    float32 and in float64 (measured in cache on an Emerald Rapids Xeon). Elsewhere nothing changes.
    """

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        # `attributes.add` knows only LLVM's enumerated attributes; this one is a string attribute.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.none(), codegen
