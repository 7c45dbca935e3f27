"""Write a file, whole or not at all."""

import csv
import json
import math
import os
import shutil
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import boxloss as bl
from boxloss.printable import printable

Columns = Mapping[str, NDArray[Any]]
Writers = Mapping[str, Callable[[Path, Any], None]]  # by suffix
NOTHING: Mapping[str, Any] = MappingProxyType({})


def write_csv(path: Path, parts: Iterable[Columns]) -> None:
    """Write columns, part by part, as CSV with a header; floating-point numbers keep every digit."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, columns in enumerate(parts):
            if number == 0:
                writer.writerow(map(_no_formula, columns))
            writer.writerows(zip(*map(_cells, columns.values()), strict=True))


def _cells(column: NDArray[Any]) -> list[Any]:
    cells: list[Any] = column.tolist()
    return cells if column.dtype.kind in "biuf" else list(map(_no_formula, cells))


def _no_formula(text: Any) -> Any:
    """Mark what a spreadsheet would compute as text, with an apostrophe as spreadsheets have it."""
    return f"'{text}" if isinstance(text, str) and text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def write_parquet(path: Path, parts: Iterable[Columns]) -> None:
    """Write columns as Parquet, a row group a part."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = (pa.table(dict(columns)) for columns in parts)
    first = next(tables)
    with pq.ParquetWriter(path, first.schema) as writer:
        for table in chain([first], tables):
            writer.write_table(table)


def write_json(path: Path, results: Sequence[Mapping[str, Any]], used: Mapping[str, Any] = NOTHING) -> None:
    """Write the settings of the command that runs, with those `used` whose default depends on others, and results."""
    context = click.get_current_context()
    settings = {name: value for name, value in context.params.items() if name != "paths"}
    document = {"command": context.info_name, "boxloss": bl.__version__, "settings": settings | dict(used)}
    text = json.dumps(_plain(document | {"results": results}), indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """Make a value of what JSON has: NaN becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return printable(str(value)) if isinstance(value, Path) else value


WRITERS: Writers = {".csv": write_csv, ".parquet": write_parquet}


def check_target(path: Path, writers: Writers = WRITERS) -> None:
    """Find out before the work begins whether a file can go there."""
    if path.suffix not in writers:
        raise click.ClickException(f"{path}: --out must end in {' or '.join(writers)}")
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise click.ClickException(f'{path}: Parquet needs pyarrow: pip install "boxloss[cli]"')
    with explained(path):
        there = _status(path)
    if there is not None and stat.S_ISDIR(there.st_mode):
        raise click.ClickException(f"{path}: is a folder")
    if there is not None and not os.access(path, os.W_OK):
        raise click.ClickException(f"{path}: is read-only")
    for source in _inputs():
        if _is_part(path, source):
            raise click.ClickException(f"{path}: --out would overwrite the input {source}")
        if source.is_dir() and source.resolve() in path.resolve().parents:
            raise click.ClickException(f"{path}: --out would be a file of the input {source}")


def _inputs() -> list[Path]:
    """List the files and folders that the command reads."""
    context = click.get_current_context(silent=True)
    params = context.command.params if context else []
    arguments = [p.name for p in params if isinstance(p, click.Argument) or p.name == "against"]
    values = [context.params[name] for name in arguments] if context else []
    return [value for value in values if isinstance(value, Path) and value.exists()]


def _is_part(path: Path, source: Path) -> bool:
    """Say whether a file is an input or in the folder that is one, under whatever names: links are followed."""
    if not path.exists():
        return False
    return any(path.samefile(file) for file in (source.rglob("*") if source.is_dir() else [source]) if file.exists())


def _status(path: Path) -> os.stat_result | None:
    """Find what is there, at the end of all links; None if nothing is."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


@contextmanager
def pending(path: Path | None, writers: Writers = WRITERS) -> Iterator[Callable[[Any], None]]:
    """Give a function that writes something, once, to `path`; to nowhere if that is None.

    The file appears when the block has ended without an error, with the permissions of the one that it replaces. Until
    then it is a temporary file beside it, made at once: a folder that cannot be written is an error before the work
    begins. A pipe or a device is not replaced: it gets the content when the block has ended.
    """
    if path is None:
        yield lambda content: None
        return
    check_target(path, writers)
    with explained(path):
        there = _status(path)
    stream = there is not None and not stat.S_ISREG(there.st_mode)
    target = Path(os.path.realpath(path))  # what a link points to, not the link
    folder = Path(tempfile.gettempdir()) if stream else target.parent
    temporary = folder / f".{os.urandom(8).hex()}.tmp{path.suffix}"

    def write(content: Any) -> None:
        with explained(path):
            writers[path.suffix](temporary, content)

    try:
        with explained(path):
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if there else 0o666))
            if there is not None and not stream:
                _give_permissions(temporary, there)
        yield write
        with explained(path):
            if stream:
                _pour(temporary, path)
            else:
                os.replace(temporary, target)
    finally:
        with suppress(OSError):  # a folder that is gone is no reason to hide the error that came first
            temporary.unlink(missing_ok=True)


@contextmanager
def outputs(paths: Sequence[Path], writers: Writers) -> Iterator[Callable[[Any], None]]:
    """Give a function that writes something to all files; each appears when it is whole and the block has ended."""
    targets = Counter(os.path.realpath(path) for path in paths)
    if twice := [path for path in paths if targets[os.path.realpath(path)] > 1]:
        raise click.ClickException(f"{twice[-1]}: --out is given more than once for this file")
    with ExitStack() as stack:
        writes = [stack.enter_context(pending(path, writers)) for path in paths]

        def write(content: Any) -> None:
            for one in writes:
                one(content)

        yield write


def _give_permissions(file: Path, like: os.stat_result) -> None:
    """Give a file the owner, as far as the system lets one, and the mode of another."""
    if hasattr(os, "chown"):
        with suppress(OSError):
            os.chown(file, like.st_uid, like.st_gid)
    file.chmod(stat.S_IMODE(like.st_mode))


def _pour(file: Path, stream: Path) -> None:
    with file.open("rb") as content, stream.open("wb") as sink:
        shutil.copyfileobj(content, sink)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an error of the system into one line that names the file."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"{path}: cannot be written: {error.strerror or error}") from error
