"""The records of COCO's JSON files as msgspec decodes them, and columns of them. It needs msgspec."""

import gc
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, cast

import msgspec
import numpy as np

from boxloss.coco.columns import Columns, OtherwiseError
from boxloss.coco.records import ANGLES

# A list is decoded so many bytes at a time: what becomes of them stays in a second-level cache until it is copied to
# columns, and beside the file memory holds these alone. From 128 KiB to 1 MiB the time is the same (measured).
PIECE = 1 << 18
SPACE = b" \t\n\r"
BETWEEN = re.compile(rb"\}[ \t\n\r]*,[ \t\n\r]*\{")  # two records
BOX = re.compile(rb'"bbox"[ \t\n\r]*:[ \t\n\r]*\[([^]]*)\]')
FLOATS = ("bbox", "area", "score")
# A name that stands in the code is found in two thirds of the time of operator.attrgetter.
VALUES_OF: dict[str, Callable[[list[Any]], Sequence[float]]] = {
    "image_id": lambda piece: [record.image_id for record in piece],
    "category_id": lambda piece: [record.category_id for record in piece],
    "id": lambda piece: [record.id for record in piece],
    "bbox": lambda piece: tuple(chain.from_iterable([record.bbox for record in piece])),
    "iscrowd": lambda piece: [record.iscrowd for record in piece],
    "area": lambda piece: [record.area for record in piece],
    "score": lambda piece: [record.score for record in piece],
}

Box = tuple[float, float, float, float]
RotatedBox = tuple[float, float, float, float, float]
Corners = tuple[float, float, float, float, float, float, float, float]


class Image(msgspec.Struct, gc=False):
    """An image."""

    id: int


class Category(msgspec.Struct, gc=False):
    """A category."""

    id: int
    name: str


class Annotation(msgspec.Struct, gc=False):
    """A box of the ground truth."""

    image_id: int
    category_id: int
    id: int
    bbox: Box
    iscrowd: int = 0
    area: float = float("nan")


class RotatedAnnotation(Annotation, gc=False, kw_only=True):
    """A box with an angle."""

    bbox: RotatedBox  # type: ignore[assignment]


class CornersAnnotation(Annotation, gc=False, kw_only=True):
    """A box by its four corners."""

    bbox: Corners  # type: ignore[assignment]


class Detection(msgspec.Struct, gc=False):
    """A scored box."""

    image_id: int
    category_id: int
    bbox: Box
    score: float


class RotatedDetection(Detection, gc=False, kw_only=True):
    """A scored box with an angle."""

    bbox: RotatedBox  # type: ignore[assignment]


class CornersDetection(Detection, gc=False, kw_only=True):
    """A scored box by its four corners."""

    bbox: Corners  # type: ignore[assignment]


def _upright(kind: type[Any]) -> type[Any]:
    """Make the same box without anything that may hold an angle, where one that is there is an error."""
    fields = [(name, msgspec.UnsetType, msgspec.UNSET) for name in (*ANGLES, "attributes")]
    return msgspec.defstruct(f"Upright{kind.__name__}", fields, bases=(kind,), kw_only=True, gc=False)


ANNOTATIONS: dict[int, type[Any]] = {4: Annotation, 5: RotatedAnnotation, 8: CornersAnnotation}
DETECTIONS: dict[int, type[Any]] = {4: Detection, 5: RotatedDetection, 8: CornersDetection}


class AnnotationFile(msgspec.Struct):
    """The lists of an annotation file."""

    annotations: msgspec.Raw
    images: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    categories: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class ResultsFile(msgspec.Struct):
    """The names under which a file may have the list of detections."""

    annotations: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    results: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    predictions: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def annotation_file(content: bytes) -> tuple[list[int] | None, dict[Any, str] | None, Columns, bool]:
    """Decode an annotation file: ids of images, names of categories, `_columns_of` annotations."""
    _check_utf8(content)
    with _no_collection():
        file = msgspec.json.decode(content, type=AnnotationFile)
        images = names = None
        if file.images is not msgspec.UNSET:
            images = [image.id for piece in _pieces(_bytes(file.images), Image) for image in piece]
        if file.categories is not msgspec.UNSET:
            pieces = _pieces(_bytes(file.categories), Category)
            pairs = [(category.id, category.name) for piece in pieces for category in piece]
            names = dict(pairs)
            if len(names) < len(pairs):
                raise OtherwiseError
        return images, names, *_columns_of(_bytes(file.annotations), ANNOTATIONS)


def results_file(content: bytes) -> tuple[Columns, bool]:
    """Decode a results file: `_columns_of` detections."""
    _check_utf8(content)
    with _no_collection():
        if content.lstrip(SPACE)[:1] == b"{":
            file = msgspec.json.decode(content, type=ResultsFile)
            lists = (file.annotations, file.results, file.predictions)
            given = [given for given in lists if given is not msgspec.UNSET]
            if len(given) != 1:
                raise OtherwiseError
            content = _bytes(given[0])
        return _columns_of(content, DETECTIONS)


def _bytes(raw: msgspec.Raw | msgspec.UnsetType) -> bytes:
    return bytes(cast(msgspec.Raw, raw))


def _check_utf8(content: bytes) -> None:
    """Check what msgspec does not in values that it leaves out."""
    if not content.isascii():
        try:
            content.decode()
        except UnicodeDecodeError:
            raise OtherwiseError from None


@contextmanager
def _no_collection() -> Iterator[None]:
    """Let no garbage collection look at a million records that are no garbage."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _pieces(content: bytes, kind: type[Any]) -> Iterator[list[Any]]:
    """Decode a list, some records at a time.

    It is cut between two braces, where a record ends and another begins; the run lengths of a crowd end at a comma and
    a key. If that is inside a text or a record then neither side is JSON; and if every piece is a list of records then
    so is the whole.
    """
    start, stop = content.find(b"[") + 1, content.rfind(b"]")
    if content[: max(start - 1, 0)].strip(SPACE) or content[stop + 1 :].strip(SPACE) or not 0 < start <= stop:
        raise OtherwiseError
    decode = msgspec.json.Decoder(list[kind]).decode  # type: ignore[valid-type]
    view, cut = memoryview(content), start
    while cut >= 0:
        between = BETWEEN.search(content, min(start + PIECE, stop), stop)
        cut = between.start() + 1 if between else -1
        piece = decode(b"".join((b"[", view[start : cut if between else stop], b"]")))
        if not piece:  # an empty list, or a comma at the end of one
            raise OtherwiseError
        yield piece
        start = between.end() - 1 if between else stop


def _columns_of(content: bytes, kinds: dict[int, type[Any]]) -> tuple[Columns, bool]:
    """Decode a list to columns, and tell whether nothing in it may be an angle beside a box of four numbers."""
    try:  # most files have no such thing; one that has is read again from its start
        return _columns(content, {4: _upright(kinds[4])}), True
    except (OtherwiseError, msgspec.ValidationError):
        return _columns(content, kinds), False


def _columns(content: bytes, kinds: dict[int, type[Any]]) -> Columns:
    """Decode a list to columns: boxes of shape (N, 4), (N, 5) or (N, 8) by the first one."""
    first = BOX.search(content)
    size = 4 if first is None else first[1].count(b",") + 1
    if size not in kinds:
        raise OtherwiseError
    kind = kinds[size]
    names = [name for name in kind.__struct_fields__ if name in VALUES_OF]
    parts: dict[str, list[Any]] = {name: [] for name in names}
    for piece in _pieces(content, kind):
        for name in names:
            values = VALUES_OF[name](piece)
            # As numbers of C, in two thirds of the time of numpy.fromiter.
            packed = struct.pack(f"{len(values)}{'d' if name in FLOATS else 'q'}", *values)
            parts[name].append(np.frombuffer(packed, np.float64 if name in FLOATS else np.int64))
    columns = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    return columns | {"bbox": columns["bbox"].reshape(-1, size)}
