"""Write a file, whole or not at all."""

import csv
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import click
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[Any]]
Writers = Mapping[str, Callable[[Path, Any], None]]  # by suffix


def write_csv(path: Path, parts: Iterable[Columns]) -> None:
    """Write columns, part by part, as CSV with a header; floating-point numbers keep every digit."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, columns in enumerate(parts):
            if number == 0:
                writer.writerow(columns)
            writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


def write_parquet(path: Path, parts: Iterable[Columns]) -> None:
    """Write columns as Parquet, a row group a part."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = (pa.table(dict(columns)) for columns in parts)
    first = next(tables)
    with pq.ParquetWriter(path, first.schema) as writer:
        for table in chain([first], tables):
            writer.write_table(table)


WRITERS: Writers = {".csv": write_csv, ".parquet": write_parquet}


def check_target(path: Path, writers: Writers = WRITERS) -> None:
    """Find out before the work begins whether a file can go there."""
    if path.suffix not in writers:
        raise click.ClickException(f"{path}: --out must end in {' or '.join(writers)}")
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise click.ClickException(f'{path}: Parquet needs pyarrow: pip install "boxloss[cli]"')
    if path.is_dir():
        raise click.ClickException(f"{path}: is a folder")
    if path.exists() and not os.access(path, os.W_OK):
        raise click.ClickException(f"{path}: is read-only")


@contextmanager
def pending(path: Path | None, writers: Writers = WRITERS) -> Iterator[Callable[[Any], None]]:
    """Give a function that writes something, once, to `path`; to nowhere if that is None.

    The file appears when the block has ended without an error. Until then it is a temporary file beside it,
    made at once: a folder that cannot be written is an error before the work begins.
    """
    if path is None:
        yield lambda content: None
        return
    check_target(path, writers)
    target = path.resolve()  # what a link points to, not the link
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.tmp{target.suffix}")

    def write(content: Any) -> None:
        with _explained(path):
            writers[path.suffix](temporary, content)

    try:
        with _explained(path):
            temporary.touch(exist_ok=False)
        yield write
        with _explained(path):
            os.replace(temporary, target)
    finally:
        with suppress(OSError):  # a folder that is gone is no reason to hide the error that came first
            temporary.unlink(missing_ok=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"{path}: cannot be written: {error.strerror or error}") from error
