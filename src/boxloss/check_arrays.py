"""Checks of arguments that are arrays of boxes; what comes beside these is checked in `boxloss.check_options`.

An error says which argument was wrong, what came and what was wanted.
"""

import math
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from boxloss.check import check_formats, told_formats
from boxloss.formulas.program import Program
from boxloss.libraries.arrays import has_numbers, is_jax, is_tensor, library_of, on_device, whole_numpy
from boxloss.shapes.box import Image
from boxloss.shapes.formats import ALL_FORMATS, of_one_shape
from boxloss.typing import Array, ArrayT

NO_IMAGE = Image()
OWN_FORMATS = {  # of torchvision.tv_tensors
    name.upper(): name for name in ("xyxy", "xywh", "cxcywh", "xywhr", "cxcywhr", "xyxyxyxy")
}
_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)  # in the byte order of this machine
Arrays = tuple[ModuleType, Array, Array, Any, Any]  # the library, pred, target, and the types of the gradients of these


def array_namespace(**arrays: Array) -> Any:
    """Find the one array library of all the arguments."""
    if all(map(is_tensor, arrays.values())):  # torch.compile would warn of the cached function that finds it out
        from array_api_compat import torch as xp

        _check_one_device(arrays)
        return xp
    if all(type(array) is np.ndarray for array in arrays.values()):
        return whole_numpy()
    import array_api_compat

    namespaces = {}
    for name, array in arrays.items():
        if isinstance(array, np.ma.MaskedArray):
            hint = " with weight=~mask.any(-1)" if name in ("pred", "target") else ""
            raise TypeError(f"{name} must not be a masked array, whose mask would be lost; give its data{hint}")
        try:
            namespaces[name] = array_api_compat.array_namespace(array)
        except TypeError:
            raise TypeError(
                f"{name} must be an array of a library that follows the array API standard; "
                f"got {type(array).__module__}.{type(array).__qualname__}. "
                f"Convert it first, for example with {_example(arrays)}.asarray({name})"
            ) from None
    (first, xp), *others = namespaces.items()
    for name, other in others:
        if other is not xp:
            kinds = " and ".join(f"{n} of {library_of(arrays[n])}" for n in (first, name))
            raise TypeError(f"{first} and {name} must be arrays of one library; got {kinds}")
    _check_one_device(arrays)
    return xp


def _check_one_device(arrays: dict[str, Array]) -> None:
    first, *others = arrays
    for name in others:
        one, two = _device(arrays[first]), _device(arrays[name])
        if one != two and None not in (one, two):
            raise ValueError(f"{first} and {name} must be on one device; got {first} on {one} and {name} on {two}")


def _device(array: Array) -> Any:
    import array_api_compat

    if is_jax(array) and not (has_numbers(array) and getattr(array, "committed", True) and len(array.devices()) == 1):
        return None  # it is traced, may be moved, or is on several
    return array.device if is_tensor(array) else array_api_compat.device(array)


def _example(arrays: dict[str, Array]) -> str:
    """Name the library that an array-like argument should become an array of: that of a tensor beside it, or NumPy."""
    return "torch" if any(map(is_tensor, arrays.values())) else "numpy"


def adopt(name: str, array: Array) -> Any:
    """Return the array as it is, or as CuPy's if ``__cuda_array_interface__`` is all that is known of it."""
    from boxloss.libraries import interface

    return interface.as_cupy(name, array) if interface.has_interface(array) else array


def check_last_axis(name: str, boxes: Array, format: str = "xyxy") -> None:
    """Check that boxes have a last axis of as many numbers as the format has."""
    size = ALL_FORMATS[format].size
    if boxes.ndim < 1 or boxes.shape[-1] != size:
        came = tuple(boxes.shape)
        raise ValueError(f"{name} must have shape (..., {size}); got {came}{told_formats(came[-1:])}")


def as_boxes(xp: ModuleType, name: str, boxes: ArrayT, format: str = "xyxy") -> ArrayT:
    """Return boxes as they are; an array of shape (0,), which libraries make of an empty list, as no boxes."""
    if tuple(boxes.shape) == (0,):
        none: ArrayT = xp.reshape(boxes, (0, ALL_FORMATS[format].size))
        return none
    check_last_axis(name, boxes, format)
    return boxes


def both_as_boxes(
    xp: ModuleType,
    pred: Array,
    target: Array,
    formats: tuple[str, str] = ("xyxy", "xyxy"),
    names: tuple[str, str] = ("pred", "target"),
) -> tuple[Array, Array]:
    """Return both as boxes; the type of an array of shape (0,) is nobody's choice, and gives way to the other's."""
    given = pred, target
    boxes = [as_boxes(xp, name, a, format) for name, a, format in zip(names, given, formats, strict=True)]
    for own, other in ((0, 1), (1, 0)):
        if boxes[own] is not given[own] and boxes[other] is given[other]:
            float_dtype(xp, names[own], given[own].dtype)
            if xp.isdtype(given[other].dtype, "real floating"):
                boxes[own] = xp.astype(boxes[own], given[other].dtype)
    return boxes[0], boxes[1]


def float_dtype(xp: ModuleType, name: str, dtype: Any) -> Any | None:
    """Find the float type that an array of `dtype` is computed in; None if the library or the other array decides."""
    if xp.isdtype(dtype, "real floating"):
        bits = xp.finfo(dtype).bits
        if bits in (16, 32, 64):
            return xp.float64 if bits == 64 else xp.float32
    elif xp.isdtype(dtype, "integral"):
        return None
    raise TypeError(f"{name} must be of float16, bfloat16, float32, float64 or an integer type; got {dtype}")


def default_float(xp: ModuleType) -> Any:
    """Find the library's default real float type."""
    return xp.__array_namespace_info__().default_dtypes()["real floating"]


def float_of_integers(xp: ModuleType, *arrays: Array) -> Any:
    """Find the float type that integers are computed in: one that holds them, or else the library's default."""
    default = default_float(xp)
    wide = any(xp.isdtype(a.dtype, "integral") and xp.iinfo(a.dtype).bits >= 32 for a in arrays)
    # JAX has a float64 that it makes float32 of, unless it is told otherwise; then that is its default.
    return xp.float64 if wide and not is_jax(arrays[0]) else default


def check_own_format(name: str, boxes: Array, format: str) -> None:
    """Check that the format is that of a BoundingBoxes of torchvision, which knows its own."""
    own = OWN_FORMATS.get(getattr(getattr(boxes, "format", None), "name", ""))
    if own is not None and own != format:
        raise ValueError(
            f"{name} is of type {type(boxes).__name__} and of format {own!r}; got format={format!r} for it. "
            f"Give {own!r}, a pair of names if those of pred and target differ, or a plain tensor"
        )


def check_boxes(boxes: Array, format: str = "xyxy", name: str = "boxes") -> tuple[ModuleType, Any]:
    """Find the library of an array of boxes, and make the boxes of a float type."""
    if type(boxes) is np.ndarray and boxes.dtype.kind == "f" and boxes.ndim > 1:
        check_last_axis(name, boxes, format)
        return array_namespace(boxes=boxes), boxes
    xp = array_namespace(**{name: boxes})
    check_own_format(name, boxes, format)
    boxes = as_boxes(xp, name, boxes, format)
    if xp.isdtype(boxes.dtype, "real floating"):
        return xp, boxes
    float_dtype(xp, name, boxes.dtype)
    return xp, xp.astype(boxes, float_of_integers(xp, boxes))


class Some(NamedTuple):
    """Boxes that an error tells of: how many, the numbers and the place of the first, and a text of these."""

    number: int
    box: list[float]
    place: tuple[int, ...]
    told: str


def some_of(xp: ModuleType, which: Array, boxes: Array) -> Some | None:
    """Describe those boxes that are marked, if any; their numbers have to be known."""
    boxes = boxes.detach() if is_tensor(boxes) else boxes  # torch warns of numbers of one that requires grad
    flat, size = xp.astype(xp.reshape(which, (-1,)), xp.int32), math.prod(which.shape)
    count = int(xp.sum(flat))
    if not count:
        return None
    first = int(xp.argmax(flat))
    box = [float(number) for number in xp.reshape(boxes, (-1, boxes.shape[-1]))[first, ...]]
    place = tuple(int(k) for k in np.unravel_index(first, tuple(which.shape)))
    return Some(count, box, place, f"{size}, the first at {list(place)}: {box}")


def check_format_and_image(
    program: Program, format: str | tuple[str, str], image_size: tuple[float, float] | None
) -> tuple[tuple[str, str], Image]:
    """Check the names of the formats of pred and target, and the size of the image if a format or the loss reads it."""
    if format == "xyxy" and image_size is None and not program.structure.reads_image:
        return ("xyxy", "xyxy"), NO_IMAGE
    formats, image = check_formats(format, image_size, reader=program.structure.image_reader)
    program.structure.check_shape(of_one_shape(formats)[0].shape)
    return formats, image


def check_pair(pred: Array, target: Array, formats: tuple[str, str]) -> Arrays:
    """Return two arrays of boxes in one library and on one device, in the wider of their float types."""
    xp = plain_library(pred, target)
    if xp is None:
        return _check_any_pair(pred, target, formats)
    of_pred, of_target = formats
    sizes = (ALL_FORMATS[of_pred].size,), (ALL_FORMATS[of_target].size,)
    if (pred.shape[-1:], target.shape[-1:]) != sizes:
        pred, target = as_boxes(xp, "pred", pred, of_pred), as_boxes(xp, "target", target, of_target)
    return xp, pred, target, pred.dtype, target.dtype


def plain_library(pred: Array, target: Array) -> ModuleType | None:
    """Return NumPy or torch, if there is nothing to convert or to refuse: the general way takes ten times as long."""
    if type(pred) is np.ndarray:
        dtype = pred.dtype
        one_type = type(target) is np.ndarray and target.dtype is dtype
        return np if one_type and (dtype is _FLOAT32 or dtype is _FLOAT64) else None
    if not (is_tensor(pred) and is_tensor(target)):
        return None
    import array_api_compat.torch as xp

    one_type = pred.dtype is target.dtype and pred.dtype in (xp.float32, xp.float64)
    return xp if one_type and pred.device == target.device else None


def _check_any_pair(pred: Array, target: Array, formats: tuple[str, str]) -> Arrays:
    pred, target = adopt("pred", pred), adopt("target", target)
    xp = array_namespace(pred=pred, target=target)
    pred, target = both_as_boxes(xp, pred, target, formats)
    floats = [float_dtype(xp, name, a.dtype) for name, a in (("pred", pred), ("target", target))]
    known = [dtype for dtype in floats if dtype is not None]
    dtype = xp.float64 if xp.float64 in known else known[0] if known else float_of_integers(xp, pred, target)
    pred_dtype, target_dtype = (a.dtype if xp.isdtype(a.dtype, "real floating") else dtype for a in (pred, target))
    with on_device(pred):
        pred, target = (a if a.dtype is dtype else xp.astype(a, dtype, copy=False) for a in (pred, target))
    return xp, pred, target, pred_dtype, target_dtype


def broadcast_shape(pred: tuple[int, ...], target: tuple[int, ...], hint: str = "") -> tuple[int, ...]:
    """Find the shape that the leading shapes of pred and target broadcast to; the hint is for those of one axis."""
    if pred == target:  # NumPy's function takes 9 microseconds, most of a call with 100 boxes
        return tuple(pred)
    try:
        return broadcast(pred, target)
    except ValueError:
        hint = hint if len(pred) == len(target) == 1 else ""
        raise ValueError(
            f"the leading shapes of pred and target must broadcast; got {tuple(pred)} and {tuple(target)}{hint}"
        ) from None


def broadcast(shape: tuple[int, ...], to: tuple[int, ...]) -> tuple[int, ...]:
    """Find the shape that two broadcast to; an unknown size, NaN in Dask's arrays, goes with its like only."""
    try:
        return np.broadcast_shapes(shape, to)
    except TypeError:
        alike = len(shape) == len(to) and all(a == b or (a != a and b != b) for a, b in zip(shape, to, strict=True))
        if shape and not alike:
            raise ValueError("an unknown size does not broadcast") from None
        return tuple(to)


def check_matrix(pred: Array, target: Array) -> None:
    """Check that a pairwise matrix has rows and columns."""
    for name, boxes in (("pred", pred), ("target", target)):
        if boxes.ndim < 2:
            wanted = f"(..., N, {boxes.shape[-1]})"
            raise ValueError(f"{name} of a pairwise matrix must have shape {wanted}; got {tuple(boxes.shape)}")


def number_of_pairs(shape: tuple[int, ...]) -> int:
    """Find the divisor of a mean."""
    count = math.prod(shape)
    if math.isnan(count):
        raise ValueError(
            "reduction='mean' must know the number of pairs, and chunks of an unknown size do not tell it; "
            "give avg_factor, or call compute_chunk_sizes() of pred and target first"
        )
    return count


def check_aligned(arrays: list[Any]) -> bool:
    """Say whether Dask arrays have chunks of unknown sizes; those must lie side by side."""
    pred, target, *weight = arrays
    unknown = any(math.isnan(size) for array in arrays for size in array.shape)
    chunks = [pred.numblocks[:-1], target.numblocks[:-1], *(w.numblocks for w in weight if w.ndim)]
    if unknown and any(other != chunks[0] for other in chunks):
        raise ValueError(f"chunks of unknown sizes must be as many in each array; got {' and '.join(map(str, chunks))}")
    return unknown


def check_chunk(pred: Array, target: Array, weight: Array | None) -> None:
    """Check that chunks whose sizes were unknown until now do not broadcast."""
    shapes = [pred.shape[:-1], target.shape[:-1], *([weight.shape] if weight is not None and weight.ndim else [])]
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError(f"chunks of unknown sizes must turn out to be equal; got {' and '.join(map(str, shapes))}")
