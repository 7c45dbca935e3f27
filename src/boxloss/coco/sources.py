"""Input files: their kinds, their bytes, and their names in messages."""

import bz2
import gzip
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol, TypeGuard

from boxloss.printable import printable


class File(Protocol):
    """A file that is no path: a `Traversable` of importlib.resources, which takes long to import."""

    def read_bytes(self) -> bytes:
        """Read what it holds."""


Source = str | Path | File
Kind = Literal["json", "csv", "parquet"]

KINDS: dict[str, Kind] = {".json": "json", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet"}
UNPACK: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress}
TAKEN = ".json, .csv and .tsv, each also with .gz, .bz2 or .xz; .parquet and .pq; and folders of Parquet files"


class CocoError(ValueError):
    """A file cannot be read; the message is one line that names the file and, where there is one, the record."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(" ".join(message.split())))


def is_source(value: Any) -> TypeGuard[Source]:
    """Say whether this is a path or a file."""
    return isinstance(value, str | Path) or hasattr(value, "read_bytes")


def kind_of(source: Source) -> Kind | None:
    """Return the kind of a file by its ending, in letters of any case, or None; a folder is one of Parquet files."""
    path = Path(str(source))
    if path.is_dir():
        return "parquet"
    endings = _endings(source)
    kind = KINDS.get(endings[0])
    if kind == "parquet" and endings[1]:
        raise CocoError(f"{source}: a Parquet file is compressed in itself: unpack it; boxloss reads {TAKEN}")
    return kind


def is_table(source: Source) -> bool:
    """Say whether a path is of a Parquet or CSV file, or of a folder of Parquet files."""
    return kind_of(source) in ("csv", "parquet")


def is_parquet(source: Source) -> bool:
    """Say whether a path is of a Parquet file or a folder of them."""
    return kind_of(source) == "parquet"


def read_bytes(source: Source) -> bytes:
    """Read a file, and unpack it if its name ends so."""
    try:
        content = (Path(source) if isinstance(source, str) else source).read_bytes()
        packed = _endings(source)[1]
        content = UNPACK[packed](content) if packed else content
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise CocoError(f"{source}: {getattr(error, 'strerror', None) or error}") from error
    if not content.strip():
        raise CocoError(f"{source}: the file is empty")
    return content


def need_pyarrow(source: Source) -> None:
    """Check that pyarrow is there."""
    if find_spec("pyarrow") is None:
        raise CocoError(f'{source}: Parquet and CSV files need pyarrow: pip install "boxloss[cli]"')


@contextmanager
def explained(source: Source) -> Iterator[None]:
    """Turn errors of files and of pyarrow into errors that name the file."""
    import pyarrow as pa

    try:
        yield
    except UnicodeEncodeError as error:
        encoding = sys.getfilesystemencoding()
        raise CocoError(f"{source}: the name is not {encoding}, which pyarrow needs: rename it") from error
    except UnicodeDecodeError as error:
        raise CocoError(f"{source}: {error.object!r} is not UTF-8: {error.reason}") from error
    except (OSError, pa.ArrowException) as error:
        raise CocoError(f"{source}: {getattr(error, 'strerror', None) or error}") from error


def _endings(source: Source) -> tuple[str, str]:
    """Return the ending that tells the kind, and that of a packed file or nothing, in lower case."""
    endings = [ending.lower() for ending in Path(str(source)).suffixes]
    packed = endings.pop() if endings and endings[-1] in UNPACK else ""
    return (endings[-1] if endings else ""), packed
