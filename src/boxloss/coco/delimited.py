"""CSV files: columns of texts, of which the reader of a column makes what it wants."""

import csv
import re
import reprlib
from collections.abc import Collection
from typing import Any

from boxloss.coco.sources import CocoError, Source, explained, need_pyarrow, read_bytes

DELIMITERS = ",;\t"
UTF16 = (b"\xff\xfe", b"\xfe\xff")  # its byte order marks; UTF-8 is all else
INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")


def read_csv(
    source: Source, columns: Collection[str], more: Collection[str] = ()
) -> tuple[Any, list[str], dict[int, str]]:
    """Read columns as texts.

    Parameters
    ----------
    source
        The file. What of ``,``, ``;`` and the tab separates is what makes most of these columns of its first line.
    columns
        The columns that matter.
    more
        Columns that are read if some of those are there; others are not read.

    Returns
    -------
    tuple
        The pyarrow table of the rows that have as many cells as the first line; the names of all columns; and for the
        other rows, by the position that they have among all, what is wrong.
    """
    need_pyarrow(source)
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv

    content = read_bytes(source)
    if content.startswith(UTF16):
        content = _decoded(source, content, "utf-16").encode()
    if not content.endswith(b"\n"):  # pyarrow takes a first line without an end for no line
        content += b"\n"
    delimiter, cells = _first_line(source, content, columns)
    names = [cell if cell.strip() in cells else cell.strip() for cell in cells]  # the name as it is goes before
    if not (found := [name for name in columns if name in names]):
        line = reprlib.repr(delimiter.join(cells))
        raise CocoError(f"{source}: none of the columns {', '.join(columns)} is in the first line, {line}")
    found += [name for name in more if name in names]
    if twice := [name for name in found if names.count(name) > 1]:
        raise CocoError(f"{source}: there are several columns {twice[0]!r}")
    wrong: dict[int, str] = {}

    def leave_out(row: Any) -> str:
        wrong[row.number - 2] = f"{row.actual_columns} cells, where the first line has {row.expected_columns}"
        return "skip"

    is_utf8 = _is_utf8(content)
    with explained(source):
        table = pa.csv.read_csv(
            # pyarrow takes UTF-8 alone; as Latin-1 all bytes are characters, so that other columns may be anything.
            pa.BufferReader(content if is_utf8 else content.decode("latin-1").encode()),
            # One thread numbers the rows: from 1, the first line among them.
            pa.csv.ReadOptions(use_threads=False),
            pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=leave_out),
            pa.csv.ConvertOptions(
                include_columns=[cells[names.index(name)] for name in found],
                column_types=dict.fromkeys(cells, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    if not is_utf8 and not all(pc.all(pc.string_is_ascii(column)).as_py() is not False for column in table.columns):
        _decoded(source, content, "utf-8")
    return table.rename_columns(found), names, wrong


def as_labels(texts: list[str | None], like: str | None) -> list[Any]:
    """Make integers of texts if all are integers as one writes them, or of those that are if others have integers."""
    plain = [text is None or INTEGER.fullmatch(text.strip()) is not None for text in texts]
    if like == "U" or not (like == "i" or all(plain)):
        return texts
    return [int(text) if is_plain and text is not None else text for text, is_plain in zip(texts, plain, strict=True)]


def as_numbers(column: Any) -> list[Any]:
    """Make numbers of a column of texts; what is none stays a text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pc.utf8_trim_whitespace(column)
    is_hexadecimal = pc.any(pc.match_substring(column, "x", ignore_case=True)).as_py()  # which pyarrow takes, unsigned
    for kind in () if is_hexadecimal else (pa.int64(), pa.float64()):
        try:
            return list(pc.cast(column, kind).to_pylist())
        except pa.ArrowInvalid:  # of the whole column, without a row
            continue
    return [_number(text) for text in column.to_pylist()]


def as_flags(column: Any) -> list[Any]:
    """Make numbers of a column of texts, of true and false as well."""
    words = {"true": 1, "false": 0}
    return [words.get(value.lower(), value) if isinstance(value, str) else value for value in as_numbers(column)]


def _number(text: str | None) -> Any:
    if text is None or "_" in text or not text.isascii():
        return text
    try:
        return int(text) if INTEGER.fullmatch(text) else float(text)
    except ValueError:
        return text


def _first_line(source: Source, content: bytes, columns: Collection[str]) -> tuple[str, list[str]]:
    """Return the delimiter that makes the most of some columns of the first line, and the line cut there."""
    lines = content[: 1 << 20].decode(errors="replace").lstrip("\ufeff\r\n").splitlines()
    if not lines:
        raise CocoError(f"{source}: the file is empty")
    try:
        cut = [(delimiter, next(csv.reader(lines[:1], delimiter=delimiter))) for delimiter in DELIMITERS]
    except csv.Error as error:
        raise CocoError(f"{source}: the first line has no names of columns: {error}") from error
    return max(cut, key=lambda pair: len(set(columns) & {cell.strip() for cell in pair[1]}))


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decoded(source: Source, content: bytes, encoding: str) -> str:
    """Return the text of a file; if it is none in this encoding say where."""
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].decode(encoding, errors="replace").count("\n") + 1
        raise CocoError(f"{source}: line {line} is not {encoding.upper()}: {error.reason}") from error
