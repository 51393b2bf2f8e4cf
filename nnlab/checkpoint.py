"""Checkpoints: the state of a population in training as one file, so that a long run survives a kill.

The file is a SHA-256 and the content it is of, in safetensors: that format finds a missing byte, but
not a bit that has turned.
"""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.errors import EnvironmentFault

FORMAT = 2
SECONDS = 30.0  # between two checkpoints
SUFFIX = ".checkpoint"
DIGEST_BYTES = hashlib.sha256().digest_size


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

    def __post_init__(self) -> None:
        self.folder = self.folder.absolute()  # a worker of a cluster stands elsewhere

    def is_due(self) -> bool:
        """Whether it is time to write; a population that ends sooner never writes."""
        return time.monotonic() - self._last >= self.seconds

    def save(self, snapshot: Snapshot) -> None:
        """Replace the checkpoint of a population as a whole: the old one survives a crash in the middle.

        Raises:
            EnvironmentFault: the disk does not take it.
        """
        if self.folder.parent.is_dir():  # it is not on a machine that shares no disk with the command
            try:
                self.folder.mkdir(exist_ok=True)
                _replace(self._path(snapshot.runs), _pack(snapshot))
            except OSError as error:
                reason = error.strerror or str(error)
                raise EnvironmentFault(f"{self.folder}: no checkpoint can be written: {reason}") from None
        self._last = time.monotonic()

    def load(self, runs: Sequence[str]) -> Snapshot | None:
        """The checkpoint of a population; None if there is none that can be used."""
        self._last = time.monotonic()
        return _read(self._path(runs))

    def groups(self) -> list[tuple[str, ...]]:
        """The run ids of each population that has a checkpoint."""
        found = [_read(path) for path in sorted(self.folder.glob(f"*{SUFFIX}"))]
        return [snapshot.runs for snapshot in found if snapshot is not None]

    def forget(self, runs: Sequence[str]) -> None:
        """Remove the checkpoint of a population that has ended, and what a kill left of one half written."""
        path = self._path(runs)
        for found in (path, *path.parent.glob(f"{path.stem}.*.tmp")):
            found.unlink(missing_ok=True)

    def _path(self, runs: Sequence[str]) -> Path:
        name = hashlib.sha256(" ".join(runs).encode()).hexdigest()[:12]
        return self.folder / f"{name}{SUFFIX}"


def _replace(path: Path, content: bytes) -> None:
    # A cluster that lost sight of a worker may train a population twice at a time: each writes its own file.
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _pack(snapshot: Snapshot) -> bytes:
    from safetensors.numpy import save

    facts = {**snapshot.facts, "runs": snapshot.runs, "order": list(snapshot.arrays), **_written_by()}
    arrays = {name: np.ascontiguousarray(array) for name, array in snapshot.arrays.items()}
    content = save(arrays | {"facts": np.frombuffer(json.dumps(facts).encode(), np.uint8)})
    return hashlib.sha256(content).digest() + content


def _read(path: Path) -> Snapshot | None:
    from safetensors.numpy import load

    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, content = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        return None
    arrays = load(content)
    facts = json.loads(arrays.pop("facts").tobytes())
    if any(facts.get(name) != value for name, value in _written_by().items()):
        return None  # another NumPy may go on with other bits
    in_order = {name: arrays[name] for name in facts["order"]}  # safetensors sorts them
    return Snapshot(tuple(facts["runs"]), in_order, facts)


def _written_by() -> dict[str, Any]:
    return {"format": FORMAT, "numpy": np.__version__}
