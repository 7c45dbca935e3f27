"""Objects that are known by their ``__cuda_array_interface__`` alone, as CuPy arrays over the same memory."""

from importlib.util import find_spec
from typing import Any

from boxloss.libraries.arrays import is_cupy, is_tensor
from boxloss.libraries.cuda import LEGACY_STREAM, missing


def has_interface(array: object) -> bool:
    """Say whether an object has the interface, and no array library of its own that this package knows."""
    import array_api_compat

    if is_tensor(array) or is_cupy(array) or array_api_compat.is_array_api_obj(array):
        return False
    return hasattr(array, "__cuda_array_interface__")


def as_cupy(name: str, array: Any) -> Any:
    """Make a CuPy array over the same memory, on whose current stream the object's own work is done."""
    kind = (
        f"{name} is known by its __cuda_array_interface__ alone ({type(array).__module__}.{type(array).__qualname__})"
    )
    if find_spec("cupy") is None:
        raise RuntimeError(f'{kind}, which needs CuPy: pip install "boxloss[cuda12]" or "boxloss[cuda13]"')
    if lacks := missing():
        raise RuntimeError(f"{kind}, which needs {lacks}")
    import cupy

    interface = array.__cuda_array_interface__
    pointer, is_read_only = interface["data"]
    if name == "out" and is_read_only:
        raise ValueError("out must be writeable; its __cuda_array_interface__ says that it is not")
    with cupy.cuda.Device(_ordinal(cupy, pointer)):  # on another one CuPy would copy
        view = cupy.asarray(_WithoutStream(array, interface))
        _wait(cupy, interface.get("stream"))
    return view


def _ordinal(cupy: Any, pointer: int) -> int | None:
    """Find the device of an address; None, for the current one, if it is that of nothing."""
    return int(cupy.cuda.runtime.pointerGetAttributes(pointer).device) if pointer else None


def _wait(cupy: Any, stream: int | None) -> None:
    """Let CuPy's current stream wait for the one at an address; the host does not."""
    current = cupy.cuda.get_current_stream()
    if stream is None or stream == (current.ptr or LEGACY_STREAM):
        return
    event = cupy.cuda.Event(disable_timing=True)
    cupy.cuda.runtime.eventRecord(event.ptr, stream)  # a CuPy stream made of it might destroy it in the end
    current.wait_event(event)


class _WithoutStream:
    """The same memory without a stream, for which CuPy would make the host wait."""

    def __init__(self, array: Any, interface: dict[str, Any]) -> None:
        self.owner = array
        self.__cuda_array_interface__ = {**interface, "stream": None}
