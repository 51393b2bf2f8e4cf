"""The database results.sqlite: its tables, how it is opened, and the finished runs in it."""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnlab import predictions
from nnlab.errors import InputError
from nnlab.metrics import CURVE_COLUMNS, RUN_METRICS
from nnlab.store.experiment import Experiment, largest
from nnlab.store.settings import parsed

FORMAT = 1  # of results.sqlite
BASIC = ("run", "strategy", "seed", "data_seed", "status", "epochs", "best_epoch", "seconds", "parameters")
STORED = (*BASIC, *RUN_METRICS, "tuned", "current")  # columns of the tables
ALL = (*STORED, "settings", "features", "top_feature")  # of an experiment

_SCHEMA = f"""
CREATE TABLE runs (
    run TEXT PRIMARY KEY, seed INTEGER NOT NULL, data_seed INTEGER, settings TEXT NOT NULL,
    status TEXT NOT NULL, epochs INTEGER, best_epoch INTEGER, seconds REAL, parameters INTEGER,
    {", ".join(f"{name} REAL" for name in RUN_METRICS)},
    feature_weights TEXT, error TEXT
) WITHOUT ROWID;
CREATE TABLE strategies (
    run TEXT NOT NULL, strategy TEXT NOT NULL, position INTEGER NOT NULL, tuned INTEGER NOT NULL,
    current INTEGER NOT NULL, PRIMARY KEY (run, strategy)
) WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE curves (
    run TEXT NOT NULL, epoch INTEGER NOT NULL,
    {", ".join(f"{name} REAL" for name in CURVE_COLUMNS)}
);
{predictions.SCHEMA}
PRAGMA user_version = {FORMAT};
"""


def open_for_reading(path: Path) -> sqlite3.Connection:
    """The database as readers have it: they change nothing, and wait for no writer."""
    database = _connect(path, "ro")
    try:
        _check_format(database, path)
    except sqlite3.OperationalError as error:
        if "readonly" not in str(error):
            raise
        database = _connect(path, "rw")  # a writer was killed in a transaction: SQLite takes it back now
        _check_format(database, path)
    return database


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The database as its one writer has it: made if it is missing, with the columns that came later."""
    database = _connect(path, "rwc")
    if database.execute("PRAGMA user_version").fetchone()[0] == 0:
        database.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
    _check_format(database, path)
    for table, columns in (("runs", RUN_METRICS), ("curves", CURVE_COLUMNS)):
        for name in set(columns) - columns_of(database, table):  # metrics that came after this file
            database.execute(f"ALTER TABLE {table} ADD COLUMN {name} REAL")
    if "data_seed" not in columns_of(database, "runs"):  # written by an older nnlab
        database.execute("ALTER TABLE runs ADD COLUMN data_seed INTEGER")
    database.executescript(predictions.SCHEMA)
    return database


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=60)


def _check_format(database: sqlite3.Connection, path: Path) -> None:
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version > FORMAT:
        raise InputError(
            f"{path}: written by a newer nnlab (format {version}, this one knows {FORMAT}); upgrade"
        )


def is_empty(database: sqlite3.Connection) -> bool:
    """Whether a command was ended, or is, before it said what it would do."""
    tables = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'facts'").fetchone()[0]
    return bool(tables == 0 or database.execute("SELECT count(*) FROM facts").fetchone()[0] == 0)


def columns_of(database: sqlite3.Connection, table: str) -> set[str]:
    """The columns that a table has, which an older nnlab may have made."""
    return {line[1] for line in database.execute(f"PRAGMA table_info({table})")}


def finished_in(database: sqlite3.Connection, retry_failed: bool = False) -> set[str]:
    """Ids of the runs that have ended, without those that failed or diverged if these are tried again."""
    kept = "= 'completed'" if retry_failed else "IS NOT NULL"
    return {run for (run,) in database.execute(f"SELECT run FROM runs WHERE status {kept}")}


def contents_of(
    database: sqlite3.Connection, name: str, where: str = "", parameters: Sequence[str] = ()
) -> Experiment:
    """The finished runs, or those that meet a condition, column by column."""
    if is_empty(database):
        return Experiment(name, dict.fromkeys(ALL, ()), {})
    there = columns_of(database, "runs") | columns_of(database, "strategies")
    names = [column for column in STORED if column in there]
    lines = database.execute(
        f"SELECT {', '.join(names)}, feature_weights, settings FROM strategies JOIN runs USING (run) {where} "
        "ORDER BY position",
        parameters,
    )
    same: dict[str, str] = {}  # the seeds of a setting share one text
    found = [(*line, *_features(weights), same.setdefault(text, text)) for *line, weights, text in lines]
    columns: dict[str, Sequence[Any]] = dict.fromkeys(ALL, [None] * len(found))  # some may be newer
    for i, column in enumerate((*names, "features", "top_feature", "settings")):
        columns[column] = [line[i] for line in found]
    pairs = zip(columns["seed"], columns["data_seed"], strict=True)
    columns["data_seed"] = [seed if own is None else own for seed, own in pairs]
    settings = parsed(same)
    facts = dict(database.execute("SELECT name, value FROM facts"))
    target = facts.get("target")  # as text; older files have none
    return Experiment(
        name,
        columns,
        settings,
        facts["select"],
        facts["baseline"],
        None if target is None else float(target),
    )


def _features(text: str | None) -> tuple[int, str]:
    """How many features there are, and the one with the largest weights."""
    weights = json.loads(text or "{}")
    return len(weights), largest(weights)
