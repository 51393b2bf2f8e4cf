"""Predictions on test rows that all seeds share, as results.sqlite keeps them."""

import hashlib
import io
import json
import sqlite3
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.arrays import Array
from nnlab.data.prepare import fixed_test_rows
from nnlab.plan import Run
from nnlab.result import Result

# BLOBs are .npy files: numpy.load(io.BytesIO(blob)) reads them.
SCHEMA = """
CREATE TABLE IF NOT EXISTS predictions (run TEXT PRIMARY KEY, test_rows TEXT NOT NULL, z BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS test_rows (digest TEXT PRIMARY KEY, known_error REAL, targets BLOB NOT NULL);
"""


@dataclass(frozen=True)
class Predictions:
    """What some runs say of the same test rows.

    Args:
        runs: their ids.
        z: last pre-activations, (runs, rows, outputs); in regression the predicted numbers.
        targets: class indices, (rows,), or numbers, (rows, outputs).
        known_error: the smallest error that any model can reach, where theory knows it.
    """

    runs: tuple[str, ...]
    z: Array
    targets: NDArray[Any]
    known_error: float | None


class Writer:
    """Puts predictions into a database, and the targets of their test rows once."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._digests: dict[Any, str] = {}

    def save(self, run: Run, result: Result) -> None:
        """The predictions of a run, if it has any; within the transaction of the caller."""
        if result.predictions.size:
            line = run.id, self._test_rows(run), _packed(result.predictions)
            self._database.execute("INSERT OR REPLACE INTO predictions VALUES (?, ?, ?)", line)

    def _test_rows(self, run: Run) -> str:
        """The digest of the run's test rows, which are in the database from now on."""
        material, preparation = run.setting.material, run.config.data.preparation
        key = material.source, material.digest, preparation
        if key not in self._digests:
            rows = fixed_test_rows(material, preparation)
            assert rows is not None, "predictions are kept of fixed test rows only"
            targets = _packed(rows.target)
            digest = hashlib.sha256(_packed(rows.features) + targets).hexdigest()[:12]
            line = digest, material.known_error, targets
            self._database.execute("INSERT OR IGNORE INTO test_rows VALUES (?, ?, ?)", line)
            self._digests[key] = digest
        return self._digests[key]


def load(database: sqlite3.Connection, runs: Collection[str]) -> Predictions | None:
    """The predictions of these runs; None if none of them has any.

    If they met different test rows (a table was changed between two sweeps), those of the most runs.
    """
    there = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'predictions'").fetchone()[0]
    query = (
        "SELECT run, test_rows, z FROM predictions WHERE run IN (SELECT value FROM json_each(?)) ORDER BY run"
    )
    found = database.execute(query, [json.dumps(list(runs))]).fetchall() if there else []
    if not found:
        return None
    ((digest, _),) = Counter(line[1] for line in found).most_common(1)
    ids, blobs = zip(*((run, blob) for run, rows, blob in found if rows == digest), strict=True)
    query = "SELECT known_error, targets FROM test_rows WHERE digest = ?"
    known_error, targets = database.execute(query, [digest]).fetchone()
    return Predictions(ids, np.stack([_unpacked(blob) for blob in blobs]), _unpacked(targets), known_error)


def _packed(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _unpacked(blob: bytes) -> NDArray[Any]:
    array: NDArray[Any] = np.load(io.BytesIO(blob), allow_pickle=False)
    return array
