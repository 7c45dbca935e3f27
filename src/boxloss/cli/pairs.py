"""Pairs of boxes in Parquet files that need not fit into memory: lazy Dask arrays, one chunk a row group."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

import boxloss as bl
from boxloss.cli import console
from boxloss.cli.expressions import loss_of
from boxloss.cli.summary import Summary, summarise
from boxloss.coco import CocoError
from boxloss.coco.boxes import CORNERS, NUMBERS, WORDS, complaint, evaluated, unreadable
from boxloss.coco.parquet import ParquetFiles, Part, number_type
from boxloss.typing import Engine, Options

SAMPLE = 1_000_000  # pairs, beyond which percentiles and ranks are those of a sample
INVERTED = 0.1  # share of the targets, beyond which they may be in another format
SIDES = ("pred", "target")


class Columns(NamedTuple):
    """The columns of both boxes, lists or numbers, the format of these, and the type to read them in."""

    schema: Any
    names: tuple[tuple[str, ...], tuple[str, ...]]
    format: str
    dtype: Any


class Losses(NamedTuple):
    """Lazy columns of equal length and chunks: boxes as (N, 4) or (N, 5), their IoU, and values by loss."""

    pred: Any
    target: Any
    iou: Any
    values: dict[str, Any]


def lazy_losses(path: Path, names: list[str], format: str, engine: Engine) -> Losses:
    """Open Parquet files: only their metadata are read."""
    if missing := [name for name in ("pyarrow", "dask") if find_spec(name) is None]:
        raise click.ClickException(f'{path}: Parquet needs {" and ".join(missing)}: pip install "boxloss[cli,dask]"')
    pred, target = _boxes(path, format)
    options: Options = {"format": computed_as(format), "engine": engine}
    values = {name: loss_of(name)(pred, target, **options) for name in names}
    return Losses(pred, target, bl.iou_score(pred, target, **options), values)


def computed_as(format: str) -> str:
    """Name the format that boxes are computed in: corners become a box with an angle when they are read."""
    return "cxcywha" if format in CORNERS else format


def summaries(losses: Losses) -> dict[str, Summary]:
    """Read all pairs and summarise them, in one pass.

    Number and mean are of all pairs; the rest is of all pairs or, if there are more than `SAMPLE`, of so many of them,
    drawn without replacement and with a fixed seed.
    """
    import dask

    count = len(losses.iou)
    chosen: Any = slice(None)
    if count > SAMPLE:
        chosen = np.sort(np.random.default_rng(0).choice(count, SAMPLE, replace=False, shuffle=False))
    means = {name: value.mean(dtype=np.float64) for name, value in losses.values.items()}
    drawn = {name: value[chosen] for name, value in losses.values.items()}
    with _progress_bar("scoring"), _quiet():
        means, drawn, iou = dask.compute(means, drawn, losses.iou[chosen])
    return {
        name: summarise(column, iou)._replace(pairs=count, mean=float(means[name])) for name, column in drawn.items()
    }


def hint(losses: Losses, format: str) -> str | None:
    """Say that corners may be sizes, if many targets of the first row group are inverted, which a target never is."""
    if format not in ("xyxy", "yxyx"):
        return None
    boxes = losses.target.blocks[0].compute()
    inverted = int(np.sum(np.any(boxes[:, 2:] < boxes[:, :2], axis=1)))
    if inverted <= INVERTED * len(boxes):
        return None
    names = ", ".join(NUMBERS[format])
    return f"{inverted} of the first {len(boxes)} targets are inverted as [{names}]; --format says what they are"


def rows(losses: Losses, format: str, engine: Engine) -> Iterator[Mapping[str, Any]]:
    """Compute the table of pairs, one chunk after the other: boxes, IoU, and each loss with its gradient's norm."""
    import dask

    for block in range(losses.iou.numblocks[0]):
        pred, target = losses.pred.blocks[block], losses.target.blocks[block]
        columns = {
            f"{side}_{number}": boxes[:, place]
            for side, boxes in zip(SIDES, (pred, target), strict=True)
            for place, number in enumerate(NUMBERS[computed_as(format)])
        }
        columns["iou_score"] = losses.iou.blocks[block]
        norms = {}
        for name in losses.values:
            columns[name], grad = loss_of(name).value_and_grad(pred, target, format=computed_as(format), engine=engine)
            norms[f"{name}_grad_norm"] = grad.map_blocks(np.linalg.norm, axis=-1, drop_axis=1, dtype=grad.dtype)
        with _quiet():
            computed = dask.compute(columns | norms)[0]
        yield computed


# --- Reading --------------------------------------------------------------------------------------------------------


def _boxes(path: Path, format: str) -> tuple[Any, Any]:
    """Make the lazy boxes of all row groups."""
    import dask.array as da
    from dask import delayed

    files = ParquetFiles(path)
    if not files.size:
        raise CocoError(f"{path}: there are no pairs")
    columns = _columns(files, format)
    parts = [
        da.from_delayed(
            delayed(_read)(group, columns), (2, group.size, len(NUMBERS[computed_as(format)])), columns.dtype
        )
        for group in files.row_groups()
    ]
    both = da.concatenate(parts, axis=1)
    return both[0], both[1]


def _columns(files: ParquetFiles, format: str) -> Columns:
    """Find the columns of both boxes and the type to read them in."""
    import pyarrow as pa

    numbers = {side: tuple(f"{side}_{number}" for number in NUMBERS[format]) for side in SIDES}
    names = {side: (side,) if side in files.names else numbers[side] for side in SIDES}
    for side in SIDES:
        if missing := [name for name in names[side] if name not in files.names]:
            wanted = f"a box is a list column {side!r} or the columns {numbers[side]}"
            raise CocoError(f"{files.source}: no column {missing[0]!r}: {wanted}")
    schema = files.schema([*names["pred"], *names["target"]])
    types = [number_type(files.source, field.name, field.type, lists=field.name in SIDES) for field in schema]
    single = all(pa.types.is_float32(kind) or pa.types.is_float16(kind) for kind in types)
    dtype = np.dtype(np.float32 if single else np.float64)
    return Columns(schema, (names["pred"], names["target"]), format, dtype)


def _read(group: Part, columns: Columns) -> Any:
    """Read the boxes of a row group as they are computed, shape (2, N, 4), or (2, N, 5) with an angle."""
    table, size = group.read(columns.schema), len(NUMBERS[columns.format])
    both = np.empty((2, table.num_rows, size), columns.dtype)
    for side, boxes, names in zip(SIDES, both, columns.names, strict=True):
        whole = _read_lists(boxes, table[side]) if names == (side,) else _read_numbers(boxes, table, names)
        _check(group, side, whole & np.isfinite(boxes).all(axis=1), f"is not {WORDS[size]} finite numbers")
        _check(group, side, ~unreadable(boxes, columns.format), complaint(columns.format))
    return evaluated(both, columns.format) if columns.format in CORNERS else both


def _check(group: Part, side: str, good: Any, complaint: str) -> None:
    if not good.all():
        raise CocoError(f"{group.file}: row {group.start + int(np.argmin(good))}: {side} {complaint}")


def _read_lists(boxes: Any, column: Any) -> Any:
    """Copy a column of lists; say which of them have as many items as a box."""
    import pyarrow.compute as pc

    size = boxes.shape[1]
    whole = pc.fill_null(pc.equal(pc.list_value_length(column), size), False).to_numpy()
    boxes[whole] = pc.list_flatten(column.filter(whole)).to_numpy().reshape(-1, size)
    return whole


def _read_numbers(boxes: Any, table: Any, columns: tuple[str, ...]) -> Any:
    """Copy columns of numbers; a null becomes NaN."""
    for place, name in enumerate(columns):
        boxes[:, place] = table[name].to_numpy()
    return True


@contextmanager
def _quiet() -> Iterator[None]:
    """Ignore the warnings of NumPy about the infinite losses of huge boxes, in the threads of Dask too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


# --- Progress -------------------------------------------------------------------------------------------------------


@contextmanager
def _progress_bar(text: str) -> Iterator[None]:
    """Show how many of Dask's tasks are done, if stderr is a terminal."""
    from dask.callbacks import Callback

    with console.bar() as bar:
        if bar is None:
            yield
            return
        task = bar.add_task(text, total=None)

        def show(key: Any, result: Any, graph: Any, state: Any, worker: Any) -> None:
            done = len(state["finished"])
            total = done + sum(len(state[kind]) for kind in ("ready", "waiting", "running"))
            bar.update(task, completed=done, total=total)

        with Callback(posttask=show):
            yield
