"""Reading a folder of results; it needs no lock and may happen while a command writes there."""

import contextlib
import json
import math
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from nnlab import predictions
from nnlab.errors import InputError
from nnlab.metrics import CURVE_COLUMNS
from nnlab.predictions import Predictions
from nnlab.store.database import columns_of, contents_of, finished_in, is_empty, open_for_reading
from nnlab.store.experiment import Experiment, Row
from nnlab.store.files import DATABASE, environment


def read(folder: Path) -> Experiment:
    """What a folder holds; safe while a command writes there.

    Raises:
        InputError: there are no results.
        EnvironmentFault: they cannot be read.
    """
    with _reading(folder) as database:
        return contents_of(database, folder.name)


def read_run(folder: Path, run: str) -> Row:
    """One finished run of a folder, with what a table of all runs has no place for.

    Raises:
        KeyError: it is not there.
    """
    with _reading(folder) as database:
        contents = contents_of(database, folder.name, "WHERE run = ?", [run])
        if not len(contents):
            raise KeyError(run)
        extra = "SELECT feature_weights, error FROM runs WHERE run = ?"
        weights, error = database.execute(extra, [run]).fetchone()
    values = {name: column[0] for name, column in contents.columns.items()}
    settings = contents.settings[values.pop("settings")]
    return Row(settings, values, json.loads(weights or "{}"), error, contents.target)


def find_runs(folder: Path, beginning: str = "") -> list[str]:
    """Ids of the runs in a folder that begin so."""
    with _reading(folder) as database:
        if is_empty(database):
            return []
        query = "SELECT run FROM runs WHERE substr(run, 1, ?) = ? ORDER BY run"
        return [run for (run,) in database.execute(query, [len(beginning), beginning])]


def read_curve(folder: Path, run: str) -> dict[str, list[float]]:
    """The curve of one run: column -> one value for each recorded epoch; NaN where there is none.

    Raises:
        EnvironmentFault: it cannot be read.
    """
    with _reading(folder) as database:
        there = [name for name in ("epoch", *CURVE_COLUMNS) if name in columns_of(database, "curves")]
        query = f"SELECT {', '.join(there)} FROM curves WHERE run = ? ORDER BY epoch"
        lines = database.execute(query, [run]).fetchall()
    return {
        name: [math.nan if line[i] is None else float(line[i]) for line in lines]
        for i, name in enumerate(there)
    }


def read_curves(folder: Path, runs: Collection[str], columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Run, epoch and these columns of the curves of some runs, in the order in which they were recorded.

    Returns:
        Nothing where nothing is stored; None for a number that a run has not.
    """
    path = folder / DATABASE
    if not path.is_file():
        return []
    query = (
        f"SELECT run, epoch, {', '.join(columns)} FROM curves WHERE run IN (SELECT value FROM json_each(?))"
    )
    with environment(folder), contextlib.closing(open_for_reading(path)) as database:
        return [] if is_empty(database) else database.execute(query, [json.dumps(list(runs))]).fetchall()


def read_predictions(folder: Path, runs: Collection[str]) -> Predictions | None:
    """What these runs of a folder say of the test rows that all seeds share; None if it is not stored."""
    with environment(folder), contextlib.closing(open_for_reading(folder / DATABASE)) as database:
        return predictions.load(database, runs)


def finished(folder: Path) -> set[str]:
    """Ids of the runs that are stored in a folder, which need not exist."""
    path = folder / DATABASE
    if not path.is_file():
        return set()
    with environment(folder), contextlib.closing(open_for_reading(path)) as database:
        return set() if is_empty(database) else finished_in(database)


def folders(path: Path) -> list[Path]:
    """The experiments at a path: itself, or the folders inside it that hold results."""
    if (path / DATABASE).is_file() or not path.is_dir():
        return [path]
    return sorted(found.parent for found in path.glob(f"*/{DATABASE}"))


@contextlib.contextmanager
def _reading(folder: Path) -> Iterator[sqlite3.Connection]:
    path = folder / DATABASE
    if not path.is_file():
        raise InputError(
            f"{folder}: no results here, expected a folder that `nnlab train` or `nnlab sweep` wrote"
        )
    with environment(folder), contextlib.closing(open_for_reading(path)) as database:
        yield database
