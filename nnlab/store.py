"""The folder of an experiment, runs/<name>/: results in, tables out. Only this file writes there.

results.sqlite is the truth; one transaction for each finished population. The CSV files are copies of
it for other tools, written anew at the end of a command. (A population's checkpoint, until it has
ended, is written by whoever trains it.) A kernel lock on the folder keeps it to one
writer; readers need none.
"""

import contextlib
import csv
import errno
import io
import json
import math
import os
import socket
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml
from filelock import FileLock, Timeout

from nnlab import predictions
from nnlab.errors import EnvironmentFault, InputError
from nnlab.metrics import CURVE_COLUMNS, RUN_METRICS
from nnlab.plan import Run, Setting, settings_of
from nnlab.predictions import Predictions
from nnlab.registry import show
from nnlab.result import Result
from nnlab.text import csv_text

FORMAT = 1  # of results.sqlite
BASIC = ("run", "strategy", "seed", "data_seed", "status", "epochs", "best_epoch", "seconds", "parameters")
STORED = (*BASIC, *RUN_METRICS, "tuned", "current")  # columns of the tables
ALL = (*STORED, "settings", "features", "top_feature")  # of an experiment
DATABASE = "results.sqlite"
OURS = (DATABASE, f"{DATABASE}-journal", "runs.csv", "curves.csv", "config.yaml", "weights", "checkpoints")
ALWAYS = 6  # metrics that every task has: the losses, gap, penalty, weight_norm

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


@dataclass(frozen=True)
class Row:
    """One finished run.

    Args:
        settings: all settings of the run, dotted keys.
        values: the columns of BASIC and RUN_METRICS; None where a run has no such number.
        feature_weights: norm of the first-layer weights, by feature.
        error: what went wrong, if something did.
        target: the error of the best possible model, if the config of its experiment tells it.
    """

    settings: Mapping[str, Any]
    values: Mapping[str, Any]
    feature_weights: Mapping[str, float]
    error: str | None
    target: float | None = None

    @property
    def top_feature(self) -> str:
        """The feature with the largest weights."""
        return _largest(self.feature_weights)


@dataclass(frozen=True)
class Experiment:
    """What a folder holds, column by column: one entry for each finished run as a member of a strategy.

    Args:
        name: of the folder.
        columns: those of BASIC and RUN_METRICS, None where a run has no such number; settings (as text),
            tuned (1 if the settings of its strategy compete to stand for it), current (1 if the latest
            sweep asked for it; without a sweep, every run is), features (how many) and top_feature (the
            one with the largest weights). In the order of the tables.
        settings: text of settings -> the settings, dotted keys.
        select: the metric that chooses the setting of a tuned strategy.
        baseline: the strategy that others are compared with.
        target: the error of the best possible model, if the config tells it.
    """

    name: str
    columns: Mapping[str, Sequence[Any]]
    settings: Mapping[str, Mapping[str, Any]]
    select: str = "val_loss"
    baseline: str | None = None
    target: float | None = None

    def __len__(self) -> int:
        return len(self.columns["run"])


class Store:
    """The writer of one experiment's folder; use it in a `with` statement.

    Raises:
        EnvironmentFault: the folder cannot be written, or another command holds it.
    """

    def __init__(self, folder: Path, overwrite: bool = False) -> None:
        self.folder = folder
        self._overwrite = overwrite
        self._latest: tuple[Setting, str] | None = None
        self._lock = FileLock(folder / ".lock", fallback_to_soft=False)

    def __enter__(self) -> Self:
        with _environment(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            _refuse_foreign(self.folder)
            self._acquire()
            if self._overwrite:
                _remove(self.folder, OURS)
            self._database = _open_database(self.folder / DATABASE)
            self._predictions = predictions.Writer(self._database)
            self._stored = _finished(self._database)
            (self.folder / "weights").mkdir(exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
        _remove(self.folder, [".holder"])
        self._lock.release()

    def _acquire(self) -> None:
        holder = self.folder / ".holder"
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            who = holder.read_text().strip() if holder.exists() else "another command"
            raise EnvironmentFault(
                f"{self.folder} is in use by {who}; wait for it, or use another --name"
            ) from None
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()}\n")

    def finished(self, retry_failed: bool = False) -> set[str]:
        """Ids of the runs that need no more training."""
        return _finished(self._database, retry_failed) - _without_weights(self.folder / "weights")

    def begin(
        self, config: Mapping[str, Any], members: Sequence[tuple[str, str]], tuned: bool, is_sweep: bool
    ) -> None:
        """Note what this command is about to do.

        A single run that joins a sweep leaves the sweep's config and its comparison as they are.

        Args:
            config: the config with every default filled in.
            members: pairs of run id and strategy, in the order of the tables.
            tuned: whether settings compete to stand for their strategy.
            is_sweep: whether this command is a sweep, not a single run.
        """
        joins = not is_sweep and self._has_sweep()
        facts = {name: config["sweep"][name] for name in ("select", "baseline")}
        facts["target"] = config["report"]["target"]
        with _environment(self.folder), self._database:
            if not joins:
                write_atomically(
                    self.folder / "config.yaml", yaml.dump(config, Dumper=_Quoting, sort_keys=False)
                )
                self._database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())
            if is_sweep:
                self._database.execute("INSERT OR REPLACE INTO facts VALUES ('swept', 'yes')")
            if self._is_current(members):
                return
            self._note_export(done=False)
            # Runs of earlier commands stay, after those of this one.
            self._database.execute("UPDATE strategies SET position = position + ?", [len(members)])
            if is_sweep:
                self._database.execute("UPDATE strategies SET current = 0")
            self._database.executemany(
                "INSERT OR REPLACE INTO strategies VALUES (?, ?, ?, ?, ?)",
                ((run, strategy, i, tuned, not joins) for i, (run, strategy) in enumerate(members)),
            )

    def _has_sweep(self) -> bool:
        return self._database.execute("SELECT value FROM facts WHERE name = 'swept'").fetchone() is not None

    def _is_current(self, members: Sequence[tuple[str, str]]) -> bool:
        """Whether the tables begin with just these members already, and show no others."""
        query = "SELECT run, strategy FROM strategies WHERE current ORDER BY position"
        return self._database.execute(query).fetchall() == list(members)

    def save(self, runs: Iterable[Run], results: Iterable[Result]) -> None:
        """Store a finished population: its weights first, then all else in one transaction."""
        from safetensors.numpy import save  # 70 ms that a report should not pay

        with _environment(self.folder), self._database:
            self._note_export(done=False)
            for run, result in zip(runs, results, strict=True):
                if result.weights:
                    # Not atomically: a file whose run is not in the database will be written again.
                    path = self.folder / "weights" / f"{run.id}.safetensors"
                    path.write_bytes(save(dict(result.weights)))
                self._insert(run, result)
                self._predictions.save(run, result)

    def _settings_text(self, run: Run) -> str:
        """The settings of a run as text; its neighbours usually have the same."""
        if self._latest is None or self._latest[0] is not run.setting:
            self._latest = run.setting, json.dumps(settings_of(run.config), sort_keys=False)
        return self._latest[1]

    def _insert(self, run: Run, result: Result) -> None:
        features = run.setting.material.feature_names
        weights = dict(zip(features, map(float, result.feature_weights), strict=False))
        values: dict[str, object] = {
            "run": result.run,
            "seed": run.seed,
            "data_seed": run.data_seed,
            "settings": self._settings_text(run),
            "status": result.status,
            "epochs": result.epochs,
            "best_epoch": result.best_epoch,
            "seconds": result.seconds,
            "parameters": result.parameters,
            "feature_weights": json.dumps(weights),
            "error": result.error,
            **{name: result.metrics.get(name) for name in RUN_METRICS},
        }
        self._database.execute(f"INSERT OR REPLACE INTO runs {_places(values)}", list(values.values()))
        if run.id in self._stored:  # trained again; without an index this looks through the whole table
            self._database.execute("DELETE FROM curves WHERE run = ?", [run.id])
        if not result.curves:
            return
        columns = {name: column.tolist() for name, column in result.curves.items()}
        lines = zip([result.run] * len(columns["epoch"]), *columns.values(), strict=True)
        self._database.executemany(f"INSERT INTO curves {_places(['run', *columns])}", lines)

    def contents(self) -> Experiment:
        """The finished runs, in the order of the tables."""
        return _contents(self._database, self.folder.name)

    def export(self, contents: Experiment, chosen: Collection[tuple[str, str]]) -> None:
        """Write runs.csv and curves.csv.

        Args:
            contents: what `contents` gives.
            chosen: strategy and settings, as text, of those that stand for their strategy.
        """
        with _environment(self.folder):
            write_atomically(self.folder / "runs.csv", _runs_csv(contents, chosen))
            write_atomically(self.folder / "curves.csv", _curves_csv(self._database))
            with self._database:
                self._note_export(done=True)

    def is_exported(self) -> bool:
        """Whether the CSV files tell what is stored."""
        query = "SELECT value FROM facts WHERE name = 'exported'"
        files = (self.folder / name for name in ("runs.csv", "curves.csv"))
        return self._database.execute(query).fetchone() == ("yes",) and all(file.exists() for file in files)

    def _note_export(self, done: bool) -> None:
        value = "yes" if done else "no"
        self._database.execute("INSERT OR REPLACE INTO facts VALUES ('exported', ?)", [value])


def read(folder: Path) -> Experiment:
    """What a folder holds; safe while a command writes there.

    Raises:
        InputError: there are no results.
        EnvironmentFault: they cannot be read.
    """
    with _reading(folder) as database:
        return _contents(database, folder.name)


def read_run(folder: Path, run: str) -> Row:
    """One finished run of a folder, with what a table of all runs has no place for.

    Raises:
        KeyError: it is not there.
    """
    with _reading(folder) as database:
        contents = _contents(database, folder.name, "WHERE run = ?", [run])
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
        if _is_empty(database):
            return []
        query = "SELECT run FROM runs WHERE substr(run, 1, ?) = ? ORDER BY run"
        return [run for (run,) in database.execute(query, [len(beginning), beginning])]


def read_curve(folder: Path, run: str) -> dict[str, list[float]]:
    """The curve of one run: column -> one value for each recorded epoch; NaN where there is none.

    Raises:
        EnvironmentFault: it cannot be read.
    """
    with _reading(folder) as database:
        there = [name for name in ("epoch", *CURVE_COLUMNS) if name in _columns(database, "curves")]
        query = f"SELECT {', '.join(there)} FROM curves WHERE run = ? ORDER BY epoch"
        lines = database.execute(query, [run]).fetchall()
    return {
        name: [math.nan if line[i] is None else float(line[i]) for line in lines]
        for i, name in enumerate(there)
    }


@contextlib.contextmanager
def _reading(folder: Path) -> Iterator[sqlite3.Connection]:
    path = folder / DATABASE
    if not path.is_file():
        raise InputError(
            f"{folder}: no results here, expected a folder that `nnlab train` or `nnlab sweep` wrote"
        )
    with _environment(folder), contextlib.closing(_open_for_reading(path)) as database:
        yield database


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
    with _environment(folder), contextlib.closing(_open_for_reading(path)) as database:
        return [] if _is_empty(database) else database.execute(query, [json.dumps(list(runs))]).fetchall()


def read_predictions(folder: Path, runs: Collection[str]) -> Predictions | None:
    """What these runs of a folder say of the test rows that all seeds share; None if it is not stored."""
    with _environment(folder), contextlib.closing(_open_for_reading(folder / DATABASE)) as database:
        return predictions.load(database, runs)


def finished(folder: Path) -> set[str]:
    """Ids of the runs that are stored in a folder, which need not exist."""
    path = folder / DATABASE
    if not path.is_file():
        return set()
    with _environment(folder), contextlib.closing(_open_for_reading(path)) as database:
        return set() if _is_empty(database) else _finished(database)


def _without_weights(folder: Path) -> set[str]:
    """Runs whose weights were lost with the power: the file is there, and empty."""
    with os.scandir(folder) as files:
        return {Path(file.name).stem for file in files if file.stat().st_size == 0}


def _finished(database: sqlite3.Connection, retry_failed: bool = False) -> set[str]:
    kept = "= 'completed'" if retry_failed else "IS NOT NULL"
    return {run for (run,) in database.execute(f"SELECT run FROM runs WHERE status {kept}")}


def folders(path: Path) -> list[Path]:
    """The experiments at a path: itself, or the folders inside it that hold results."""
    if (path / DATABASE).is_file() or not path.is_dir():
        return [path]
    return sorted(found.parent for found in path.glob(f"*/{DATABASE}"))


def varying(settings: Iterable[Mapping[str, Any]]) -> list[str]:
    """The keys in which some settings differ, in the order of the config.

    >>> varying([{"a": 1, "b": 2}, {"a": 1, "b": 3}])
    ['b']
    """
    one, *others = list(settings) or [{}]
    if not others:
        return []
    keys = dict.fromkeys(key for mapping in (one, *others) for key in mapping)
    return [key for key in keys if any(_differ(one.get(key), other.get(key)) for other in others)]


def _differ(value: object, other: object) -> bool:
    return value is not other and (type(value) is not type(other) or value != other)


# --- files ------------------------------------------------------------------------------------


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace a file as a whole: a reader, or a crash, finds the old content or the new.

    Raises:
        OSError: it cannot be written.
    """
    if path.is_dir():  # `/` and `.` have no name to begin with
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _refuse_foreign(folder: Path) -> None:
    """A folder with other people's files is not ours to write into.

    Raises:
        InputError: it has no results, and something else.
    """
    others = [path.name for path in folder.iterdir() if path.name not in (".lock", ".holder", DATABASE)]
    if others and not (folder / DATABASE).exists():
        raise InputError(
            f"{folder}: this folder holds {show(min(others))} and no results, expected a new one (--name)"
        )


def _remove(folder: Path, names: Iterable[str]) -> None:
    """Removes files of ours; of a folder only what we put there."""
    for name in names:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            for file in path.glob("*.safetensors"):
                file.unlink()
        else:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _environment(folder: Path) -> Iterator[None]:
    """Tells the faults of disks and databases in one line."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        reason = "the disk is full" if full else error.strerror or str(error)
        again = "; the same command goes on from what is stored" if full else ""
        raise EnvironmentFault(f"{folder} cannot be written: {reason}{again}") from error
    except sqlite3.Error as error:
        broken = any(words in str(error) for words in ("not a database", "malformed"))
        remedy = " (--overwrite starts anew)" if broken else ""
        raise EnvironmentFault(f"{folder}/{DATABASE} cannot be used: {error}{remedy}") from error


class _Quoting(yaml.SafeDumper):
    """Writes YAML whose text is text under YAML 1.2, too: `1e-3` as text gets quotes."""

    def represent_text(self, value: str) -> yaml.Node:
        plain = value.replace("_", "").replace(" ", "").isalpha() and value.lower() not in (
            "true",
            "false",
            "null",
        )
        return self.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


_Quoting.add_representer(str, _Quoting.represent_text)


# --- database ---------------------------------------------------------------------------------


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=60)


def _open_for_reading(path: Path) -> sqlite3.Connection:
    database = _connect(path, "ro")
    try:
        _check_format(database, path)
    except sqlite3.OperationalError as error:
        if "readonly" not in str(error):
            raise
        database = _connect(path, "rw")  # a writer was killed in a transaction: SQLite takes it back now
        _check_format(database, path)
    return database


def _open_database(path: Path) -> sqlite3.Connection:
    database = _connect(path, "rwc")
    if database.execute("PRAGMA user_version").fetchone()[0] == 0:
        database.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
    _check_format(database, path)
    for table, columns in (("runs", RUN_METRICS), ("curves", CURVE_COLUMNS)):
        for name in set(columns) - _columns(database, table):  # metrics that came after this file
            database.execute(f"ALTER TABLE {table} ADD COLUMN {name} REAL")
    if "data_seed" not in _columns(database, "runs"):  # written by an older nnlab
        database.execute("ALTER TABLE runs ADD COLUMN data_seed INTEGER")
    database.executescript(predictions.SCHEMA)
    return database


def _is_empty(database: sqlite3.Connection) -> bool:
    """Whether a command was ended, or is, before it said what it would do."""
    tables = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'facts'").fetchone()[0]
    return bool(tables == 0 or database.execute("SELECT count(*) FROM facts").fetchone()[0] == 0)


def _columns(database: sqlite3.Connection, table: str) -> set[str]:
    return {line[1] for line in database.execute(f"PRAGMA table_info({table})")}


def _check_format(database: sqlite3.Connection, path: Path) -> None:
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version > FORMAT:
        raise InputError(
            f"{path}: written by a newer nnlab (format {version}, this one knows {FORMAT}); upgrade"
        )


def _places(columns: Collection[str]) -> str:
    return f"({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def _contents(
    database: sqlite3.Connection, name: str, where: str = "", parameters: Sequence[str] = ()
) -> Experiment:
    """The finished runs, or those that meet a condition, column by column."""
    if _is_empty(database):
        return Experiment(name, dict.fromkeys(ALL, ()), {})
    there = _columns(database, "runs") | _columns(database, "strategies")
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
    settings = {text: json.loads(text) for text in same}
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
    return len(weights), _largest(weights)


def _largest(weights: Mapping[str, float]) -> str:
    return max(weights, key=weights.__getitem__, default="")


def _runs_csv(contents: Experiment, chosen: Collection[tuple[str, str]]) -> str:
    columns, keys = contents.columns, varying(contents.settings.values())
    metrics = [
        name
        for i, name in enumerate(RUN_METRICS)
        if i < ALWAYS or any(value is not None for value in columns[name])
    ]
    crossed = columns["data_seed"] != columns["seed"]
    who, rest = BASIC[: 4 if crossed else 3], BASIC[4:]
    own = {text: [_cell(one.get(key)) for key in keys] for text, one in contents.settings.items()}
    members = zip(columns["strategy"], columns["settings"], strict=True)
    cells = [
        *(map(_cell, columns[name]) for name in who),
        *([own[text][i] for text in columns["settings"]] for i in range(len(keys))),
        [_cell(member in chosen) for member in members],
        *(map(_cell, columns[name]) for name in rest),
        *(columns[name] for name in metrics),
    ]
    headings = [*who, *keys, "chosen", *rest, *metrics]
    return _csv([headings, *zip(*cells, strict=True)])


def _curves_csv(database: sqlite3.Connection) -> str:
    order = dict(database.execute("SELECT run, min(position) FROM strategies GROUP BY run"))
    lines = database.execute(f"SELECT run, epoch, {', '.join(CURVE_COLUMNS)} FROM curves").fetchall()
    lines.sort(key=lambda line: (order[line[0]], line[1]))
    return _csv([["run", "epoch", *CURVE_COLUMNS], *lines])


def _cell(value: object) -> object:
    if isinstance(value, str):
        return csv_text(value)
    plain = value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    return value if plain else json.dumps(value)


def _csv(lines: Iterable[Sequence[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(lines)
    return buffer.getvalue()
