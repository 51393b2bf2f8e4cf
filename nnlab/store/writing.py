"""Writing a folder of results, runs/<name>/: only this file does, and what it calls.

results.sqlite is the truth; one transaction for each finished population. The CSV files are copies of
it for other tools, written anew at the end of a command. (A population's checkpoint, until it has
ended, is written by whoever trains it.) A kernel lock on the folder keeps it to one
writer; readers need none.
"""

import json
import os
import socket
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml
from filelock import FileLock, Timeout

from nnlab import predictions
from nnlab.errors import EnvironmentFault, InputError
from nnlab.metrics import RUN_METRICS
from nnlab.plan import Run, Setting, settings_of
from nnlab.registry import show
from nnlab.result import Result
from nnlab.store.database import contents_of, finished_in, open_for_writing
from nnlab.store.experiment import Experiment
from nnlab.store.exports import curves_csv, runs_csv
from nnlab.store.files import DATABASE, environment, write_atomically

OURS = (DATABASE, f"{DATABASE}-journal", "runs.csv", "curves.csv", "config.yaml", "weights", "checkpoints")


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
        with environment(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            _refuse_foreign(self.folder)
            self._acquire()
            if self._overwrite:
                _remove(self.folder, OURS)
            self._database = open_for_writing(self.folder / DATABASE)
            self._predictions = predictions.Writer(self._database)
            self._stored = finished_in(self._database)
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
        return finished_in(self._database, retry_failed) - _without_weights(self.folder / "weights")

    def begin(
        self, config: Mapping[str, Any], members: Sequence[tuple[str, str]], tuned: bool, is_sweep: bool
    ) -> None:
        """Note what this command is about to do.

        A single run that joins a sweep leaves the sweep's config and its comparison as they are. One that
        belongs to a sweep, too, goes by its strategy there alone, whichever came first.

        Args:
            config: the config with every default filled in.
            members: pairs of run id and strategy, in the order of the tables.
            tuned: whether settings compete to stand for their strategy.
            is_sweep: whether this command is a sweep, not a single run.
        """
        joins = not is_sweep and self._has_sweep()
        facts = {name: config["sweep"][name] for name in ("select", "baseline")}
        facts["target"] = config["report"]["target"]
        with environment(self.folder), self._database:
            if not joins:
                write_atomically(
                    self.folder / "config.yaml", yaml.dump(config, Dumper=_Quoting, sort_keys=False)
                )
                self._database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())
            if is_sweep:
                self._database.execute("INSERT OR REPLACE INTO facts VALUES ('swept', 'yes')")
            if self._is_current(members):
                return
            if joins:
                members = [member for member in members if not self._is_known(member[0])]
            self._note_export(done=False)
            # Runs of earlier commands stay, after those of this one.
            self._database.execute("UPDATE strategies SET position = position + ?", [len(members)])
            if is_sweep:
                self._database.execute("UPDATE strategies SET current = 0")
            self._database.executemany(
                "INSERT OR REPLACE INTO strategies VALUES (?, ?, ?, ?, ?)",
                ((run, strategy, i, tuned, not joins) for i, (run, strategy) in enumerate(members)),
            )
            if is_sweep:  # single runs are called like their folder
                self._database.execute(
                    "DELETE FROM strategies WHERE strategy = ? AND NOT current "
                    "AND run IN (SELECT run FROM strategies WHERE current)",
                    [self.folder.name],
                )

    def _is_known(self, run: str) -> bool:
        """Whether it belongs to a strategy."""
        query = "SELECT 1 FROM strategies WHERE run = ?"
        return self._database.execute(query, [run]).fetchone() is not None

    def _has_sweep(self) -> bool:
        return self._database.execute("SELECT value FROM facts WHERE name = 'swept'").fetchone() is not None

    def _is_current(self, members: Sequence[tuple[str, str]]) -> bool:
        """Whether the tables begin with just these members already, and show no others."""
        query = "SELECT run, strategy FROM strategies WHERE current ORDER BY position"
        return self._database.execute(query).fetchall() == list(members)

    def save(self, runs: Iterable[Run], results: Iterable[Result]) -> None:
        """Store a finished population: its weights first, then all else in one transaction."""
        from safetensors.numpy import save  # 70 ms that a report should not pay

        with environment(self.folder), self._database:
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
        return contents_of(self._database, self.folder.name)

    def export(self, contents: Experiment, chosen: Collection[tuple[str, str]]) -> None:
        """Write runs.csv and curves.csv.

        Args:
            contents: what `contents` gives.
            chosen: strategy and settings, as text, of those that stand for their strategy.
        """
        with environment(self.folder):
            write_atomically(self.folder / "runs.csv", runs_csv(contents, chosen))
            write_atomically(self.folder / "curves.csv", curves_csv(self._database))
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


def _without_weights(folder: Path) -> set[str]:
    """Runs whose weights were lost with the power: the file is there, and empty."""
    with os.scandir(folder) as files:
        return {Path(file.name).stem for file in files if file.stat().st_size == 0}


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


def _places(columns: Collection[str]) -> str:
    return f"({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
