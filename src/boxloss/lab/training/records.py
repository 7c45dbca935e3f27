"""Runs on disk, so that trainings that were interrupted go on where they ended.

One table of an SQLite database: a run is in it whole or not at all, whatever ends the process, and several processes
may write at once.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from boxloss.lab.training.jobs import Run

VERSION = 1  # of what a job means: a change that gives other numbers is another version
TABLE = "CREATE TABLE IF NOT EXISTS runs (version INTEGER, job TEXT, run TEXT, PRIMARY KEY (version, job))"
INSERT = "INSERT OR REPLACE INTO runs VALUES (?, ?, ?)"


class Records:
    """Runs by the key of their job, in a file or, with ``None``, in memory alone."""

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        self.connection = connection
        self.runs: dict[str, Run] = {}
        if connection is not None:
            connection.execute(TABLE)
            rows = connection.execute("SELECT job, run FROM runs WHERE version = ?", (VERSION,))
            self.runs = {job: _read(json.loads(text)) for job, text in rows}

    def add(self, key: str, run: Run) -> None:
        """Keep a run."""
        self.runs[key] = run
        if self.connection is not None:
            text = json.dumps({"steps": run.steps, "scores": run.scores})
            with self.connection:  # a transaction
                self.connection.execute(INSERT, (VERSION, key, text))


def _read(document: Mapping[str, list[list[float]]]) -> Run:
    steps = tuple(int(step) for step in document["steps"])  # type: ignore[call-overload]
    return Run(steps, tuple(map(tuple, document["scores"])))


@contextmanager
def records(path: str | os.PathLike[str] | None) -> Iterator[Records]:
    """Open the runs of a file, which is made if it is not there.

    Raises
    ------
    ValueError
        If it is a file of another kind.
    OSError
        If it can't be read or written.
    """
    if path is None:
        yield Records(None)
        return
    try:
        connection = sqlite3.connect(path, timeout=60.0)
    except sqlite3.Error as error:
        raise OSError(f"{os.fspath(path)}: cannot be opened: {error}") from error
    with closing(connection):
        try:
            found = Records(connection)
        except sqlite3.OperationalError as error:
            raise OSError(f"{os.fspath(path)}: cannot be opened: {error}") from error
        except (sqlite3.DatabaseError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{os.fspath(path)}: is not a file of runs: {error}") from error
        yield found
