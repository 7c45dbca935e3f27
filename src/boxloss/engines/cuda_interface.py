"""Objects that are known by their ``__cuda_array_interface__`` alone, as CuPy arrays over the same memory."""

from importlib.util import find_spec
from typing import Any

from boxloss.device import is_cupy, is_tensor
from boxloss.engines.cuda_support import missing


def has_interface(array: Any) -> bool:
    """Whether an object has the interface, and no array library of its own that this package knows."""
    import array_api_compat

    if is_tensor(array) or is_cupy(array) or array_api_compat.is_array_api_obj(array):
        return False
    return hasattr(array, "__cuda_array_interface__")


def as_cupy(name: str, array: Any) -> Any:
    """A CuPy array over the same memory, on whose current stream the object's own work is done."""
    kind = (
        f"{name} is known by its __cuda_array_interface__ alone ({type(array).__module__}.{type(array).__qualname__})"
    )
    if find_spec("cupy") is None:
        raise RuntimeError(f"{kind}, which needs CuPy: pip install 'boxloss[cuda12]' or 'boxloss[cuda13]'")
    if lacks := missing():
        raise RuntimeError(f"{kind}, which needs {lacks}")
    import cupy

    view = cupy.asarray(_WithoutStream(array))
    stream = array.__cuda_array_interface__.get("stream")
    with view.device:
        current = cupy.cuda.get_current_stream()
        if stream is not None and stream != current.ptr:
            current.wait_event(_stream(cupy, stream).record())
    return view


def _stream(cupy: Any, pointer: int) -> Any:
    if hasattr(cupy.cuda.Stream, "from_external"):  # CuPy 14, where the older way warns
        return cupy.cuda.Stream.from_external(_Stream(pointer))
    return cupy.cuda.ExternalStream(pointer)


class _Stream:
    """A stream known by its address."""

    def __init__(self, pointer: int) -> None:
        self.pointer = pointer

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.pointer


class _WithoutStream:
    """The same memory without a stream, for which CuPy would make the host wait."""

    def __init__(self, array: Any) -> None:
        self.owner = array
        self.__cuda_array_interface__ = {**array.__cuda_array_interface__, "stream": None}
