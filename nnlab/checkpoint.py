"""Checkpoints: the state of a population in training as one file, so that a long run survives a kill."""

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

FORMAT = 1
SECONDS = 30.0  # between two checkpoints


@dataclass(frozen=True)
class Snapshot:
    """All that a population needs to go on.

    Args:
        runs: ids of the runs it began with.
        arrays: by name.
        facts: what JSON can hold.
    """

    runs: tuple[str, ...]
    arrays: Mapping[str, Any]
    facts: Mapping[str, Any]


@dataclass
class Keeper:
    """Writes and reads the checkpoints of one experiment.

    Args:
        folder: where they are; each population has one file.
        seconds: how long a population trains before its state is written again.
    """

    folder: Path
    seconds: float = SECONDS
    _last: float = field(default_factory=time.monotonic)

    def is_due(self) -> bool:
        """Whether it is time to write; a population that ends sooner never writes."""
        return time.monotonic() - self._last >= self.seconds

    def save(self, snapshot: Snapshot) -> None:
        """Replace the checkpoint of a population as a whole: it survives a crash in the middle."""
        from safetensors.numpy import save

        facts = {**snapshot.facts, "format": FORMAT, "numpy": np.__version__, "runs": snapshot.runs}
        arrays = {name: np.ascontiguousarray(array) for name, array in snapshot.arrays.items()}
        content = save(arrays, metadata={"facts": json.dumps(facts)})
        self.folder.mkdir(exist_ok=True)
        path = self._path(snapshot.runs)
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        self._last = time.monotonic()

    def load(self, runs: Sequence[str]) -> Snapshot | None:
        """The checkpoint of a population; None if there is none that can be used."""
        self._last = time.monotonic()
        return _read(self._path(runs))

    def groups(self) -> list[tuple[str, ...]]:
        """The run ids of each population that has a checkpoint."""
        found = [_read(path) for path in sorted(self.folder.glob("*.safetensors"))]
        return [snapshot.runs for snapshot in found if snapshot is not None]

    def forget(self, runs: Sequence[str]) -> None:
        """Remove the checkpoint of a population that has ended."""
        self._path(runs).unlink(missing_ok=True)

    def _path(self, runs: Sequence[str]) -> Path:
        name = hashlib.sha256(" ".join(runs).encode()).hexdigest()[:12]
        return self.folder / f"{name}.safetensors"


def _read(path: Path) -> Snapshot | None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            facts = json.loads(file.metadata()["facts"])
            if (facts["format"], facts["numpy"]) != (FORMAT, np.__version__):
                return None  # another NumPy may go on with other bits
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    return Snapshot(tuple(facts["runs"]), arrays, facts)
