"""Parquet files: one, or a folder of them whose columns and types are unified."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from boxloss.coco.sources import CocoError, Source, explained, need_pyarrow

ENDINGS = (".parquet", ".pq")


class Part(NamedTuple):
    """A file or a row group of one."""

    file: str
    start: int  # its first row in the file
    size: int
    fragment: Any  # of pyarrow

    def read(self, schema: Any) -> Any:
        """Read columns in the types of a schema; those that the file lacks are null."""
        with explained(self.file):
            return self.fragment.to_table(schema=schema, columns=schema.names)


class ParquetFiles:
    """A Parquet file or a folder of them, of which only metadata are read at first.

    Parameters
    ----------
    source
        The file or the folder. Folders named as ``category_id=5`` are a column of texts, as Hive has it.
    """

    def __init__(self, source: Source) -> None:
        need_pyarrow(source)
        import pyarrow as pa
        import pyarrow.dataset

        self.source, path = source, Path(str(source))
        with explained(source):
            path.stat()  # whose errors say more than pyarrow's
            # With a schema, even an empty one, pyarrow takes none from the first file.
            files = pa.dataset.dataset(path, pa.schema([]), format="parquet").files
            keys = _partition_keys(path, files)
            hive = pa.dataset.partitioning(pa.schema([(key, pa.string()) for key in keys]), flavor="hive")
            dataset = pa.dataset.dataset(path, pa.schema([]), format="parquet", partitioning=hive)
            named = any(Path(file).suffix.lower() in ENDINGS for file in files)
            fragments = [
                fragment
                for fragment in dataset.get_fragments()
                if not (named and path.is_dir()) or Path(fragment.path).suffix.lower() in ENDINGS
            ]
        self.parts: list[Part] = []
        self.columns: list[dict[str, list[Any]]] = []  # of each part the types by name, several if it occurs so often
        for fragment in fragments:
            file = str(path / Path(fragment.path).relative_to(path)) if path.is_dir() else str(source)
            with explained(file):
                schema, size = fragment.physical_schema, fragment.metadata.num_rows
                names = schema.names
            self.parts.append(Part(file, 0, size, fragment))
            self.columns.append({name: [] for name in names})
            for name, kind in zip(names, schema.types, strict=True):
                self.columns[-1][name].append(kind)
        self.names = {name for columns in self.columns for name in columns}
        self.partitioned = set(keys) - self.names  # the columns that are names of folders
        self.names |= self.partitioned
        self.size = sum(part.size for part in self.parts)

    def row_groups(self) -> list[Part]:
        """List the row groups that have rows."""
        groups = []
        for part in self.parts:
            start = 0
            with explained(part.file):
                for fragment in part.fragment.split_by_row_group():
                    size = sum(group.num_rows for group in fragment.row_groups)
                    groups.append(Part(part.file, start, size, fragment))
                    start += size
        return [group for group in groups if group.size]

    def schema(self, names: Iterable[str], optional: Collection[str] = ()) -> Any:
        """Return the schema of some columns: of each the type that holds what all files have in it.

        Parameters
        ----------
        names
            The columns, each of which some file has.
        optional
            Those that a file may lack although others have them.
        """
        import pyarrow as pa

        return pa.schema([(name, self._type(name, name in optional)) for name in names])

    def read(self, schema: Any) -> Any:
        """Read columns of all files in the types of a schema."""
        import pyarrow as pa

        return pa.concat_tables([part.read(schema) for part in self.parts])

    def _type(self, name: str, optional: bool) -> Any:
        import pyarrow as pa

        if name in self.partitioned:
            return pa.string()
        found = pa.schema([])
        first = ""
        for part, columns in zip(self.parts, self.columns, strict=True):
            if name not in columns:
                if optional:
                    continue
                raise CocoError(f"{part.file}: no column {name!r}, which other files of {self.source} have")
            kind, *more = columns[name]
            if more:
                raise CocoError(f"{part.file}: there are several columns {name!r}")
            one = pa.schema([(name, _plain(kind))])
            try:
                found = pa.unify_schemas([found, one], promote_options="permissive")
            except pa.ArrowException as error:
                before = f"in {first} of {found.field(name).type}"
                raise CocoError(f"{part.file}: column {name!r} is of {kind}, {before}") from error
            first = first or part.file
        return found.field(name).type


def number_type(file: Source, name: str, kind: Any, lists: bool = False) -> Any:
    """Return the type of the numbers in a column, or in its lists, which it must have."""
    import pyarrow as pa

    number = getattr(kind, "value_type", None) if lists else kind
    if number is None or not (pa.types.is_floating(number) or pa.types.is_integer(number)):
        raise CocoError(f"{file}: column {name!r} is of {kind}, not of {'lists of ' * lists}numbers")
    return number


def _plain(kind: Any) -> Any:
    """Return the type of the same values as others may have them: texts of any encoding are strings."""
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.string() if pa.types.is_large_string(kind) or str(kind) == "string_view" else kind


def _partition_keys(path: Path, files: Iterable[str]) -> list[str]:
    """List the columns that are names of folders."""
    if not path.is_dir():
        return []
    folders = (folder for file in files for folder in Path(file).relative_to(path).parts[:-1])
    return list(dict.fromkeys(folder.partition("=")[0] for folder in folders if "=" in folder))
