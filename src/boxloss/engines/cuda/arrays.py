"""CuPy arrays and torch tensors as the CUDA engine sees them: memory, allocator and current stream of their library."""

import sys
from typing import TYPE_CHECKING

from boxloss.libraries.arrays import is_tensor, on_device
from boxloss.typing import Array

if TYPE_CHECKING:
    import cupy
    from torch import Tensor


def arrays_like(array: Array) -> "CuPyArrays | TorchArrays":
    """Find the library of an array, on its device."""
    return TorchArrays(array) if is_tensor(array) else CuPyArrays(array)


class DeviceArrays:
    """What is the same for both libraries, whose kernels take addresses."""

    def are_aligned(self, addresses: list[int]) -> bool:
        """Say whether boxes at these addresses can be read 16 bytes a time."""
        return all(address % 16 == 0 for address in addresses)


class CuPyArrays(DeviceArrays):
    """Arrays of CuPy on one device."""

    def __init__(self, like: "cupy.ndarray") -> None:
        self.cupy = sys.modules["cupy"]
        self.device = like.device
        self.ordinal = like.device.id
        self.dtype = like.dtype

    @property
    def dtype_name(self) -> str:
        """The float type of the computation."""
        return str(self.dtype)

    def stream(self) -> int:
        """Find CuPy's current stream of the device."""
        return int(self.cupy.cuda.get_current_stream(self.ordinal).ptr)

    def empty(self, shape: tuple[int, ...]) -> "cupy.ndarray":
        """Make a new array, from CuPy's memory pool."""
        with self.device:
            return self.cupy.empty(shape, self.dtype)

    def indices(self, shape: tuple[int, ...]) -> "cupy.ndarray":
        """Make a new array of whole numbers of 64 bits."""
        with self.device:
            return self.cupy.empty(shape, self.cupy.int64)

    def dense(self, array: "cupy.ndarray", shape: tuple[int, ...]) -> "cupy.ndarray":
        """Broadcast the array to a shape, as it is if it is C-contiguous already and otherwise a copy on the device."""
        with on_device(array):
            return self.cupy.ascontiguousarray(self.cupy.broadcast_to(array, shape))

    def is_dense(self, array: "cupy.ndarray") -> bool:
        """Say whether an array is C-contiguous."""
        return bool(array.flags.c_contiguous)

    def argument(self, array: "cupy.ndarray") -> int:
        """Return what a kernel takes: the address of the first number."""
        return int(array.data.ptr)


class TorchArrays(DeviceArrays):
    """Tensors of torch on one CUDA device."""

    def __init__(self, like: "Tensor") -> None:
        self.torch = sys.modules["torch"]
        self.device = like.device
        self.ordinal = like.device.index
        self.dtype = like.dtype

    @property
    def dtype_name(self) -> str:
        """The float type of the computation."""
        return str(self.dtype).removeprefix("torch.")

    def stream(self) -> int:
        """Find torch's current stream of the device."""
        return int(self.torch.cuda.current_stream(self.device).cuda_stream)

    def empty(self, shape: tuple[int, ...]) -> "Tensor":
        """Make a new tensor, from torch's caching allocator."""
        return self.torch.empty(shape, dtype=self.dtype, device=self.device)

    def indices(self, shape: tuple[int, ...]) -> "Tensor":
        """Make a new tensor of whole numbers of 64 bits."""
        return self.torch.empty(shape, dtype=self.torch.int64, device=self.device)

    def dense(self, array: "Tensor", shape: tuple[int, ...]) -> "Tensor":
        """Broadcast the tensor to a shape, as it is if it is contiguous already and otherwise a copy on the device."""
        return array.expand(shape).resolve_neg().contiguous()

    def is_dense(self, array: "Tensor") -> bool:
        """Say whether a tensor is contiguous, and not the negative of its memory."""
        return bool(array.is_contiguous() and not array.is_neg())

    def argument(self, array: "Tensor") -> int:
        """Return what a kernel takes: the address of the first number."""
        return int(array.data_ptr())
