"""Cargo: what every worker needs of a plan, packed once and unpacked once in each worker.

Large arrays are left out of the pack. On one machine they are files that all workers map into memory, those
that are mapped already the same ones; on a cluster they travel along with it, once to each worker.
"""

import io
import os
import pickle
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.plan import Run, Setting

LARGE = 1 << 16  # bytes: smaller arrays are pickled in place

Ticket = tuple[int, int, str]  # number of the setting, seed, run id: all that a task says of a run


@dataclass(frozen=True)
class Cargo:
    """The settings of a plan, ready to be shipped.

    Args:
        pack: the pickled settings, without their large arrays.
        arrays: those arrays, or the files they were put in.
    """

    pack: bytes
    arrays: tuple[Any, ...]

    def unpack(self) -> tuple[Setting, ...]:
        """The settings; arrays in files are mapped, not read."""
        arrays = [np.load(item, mmap_mode="r") if isinstance(item, Path) else item for item in self.arrays]
        settings: tuple[Setting, ...] = _Unpickler(self.pack, arrays).load()
        return settings


class Loader:
    """Packs the settings of some runs, and writes the tickets of tasks.

    Args:
        runs: all runs that tasks will be about.
        folder: where large arrays go as files; None keeps them in the cargo.

    It has to live as long as workers may unpack the cargo.
    """

    def __init__(self, runs: Sequence[Run], folder: Path | None = None) -> None:
        settings = list({id(run.setting): run.setting for run in runs}.values())
        self._number = {id(setting): i for i, setting in enumerate(settings)}
        buffer = io.BytesIO()
        pickler = _Pickler(buffer, folder)
        pickler.dump(tuple(settings))
        self.cargo = Cargo(buffer.getvalue(), tuple(pickler.arrays))
        for descriptor in pickler.opened:
            weakref.finalize(self, os.close, descriptor)

    def tickets(self, runs: Sequence[Run]) -> tuple[Ticket, ...]:
        """The runs as a task names them."""
        return tuple((self._number[id(run.setting)], run.seed, run.id) for run in runs)


def redeem(tickets: Sequence[Ticket], settings: Sequence[Setting]) -> list[Run]:
    """The runs behind tickets."""
    return [Run(run_id, seed, settings[number]) for number, seed, run_id in tickets]


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, folder: Path | None) -> None:
        super().__init__(file, protocol=5)
        self._folder = folder
        self._known: dict[int, int] = {}
        self.arrays: list[Any] = []
        self.opened: list[int] = []

    def persistent_id(self, value: object) -> int | None:
        if not isinstance(value, np.ndarray) or value.nbytes < LARGE:
            return None
        if id(value) not in self._known:
            self._known[id(value)] = len(self.arrays)
            self.arrays.append(self._put_away(value))
        return self._known[id(value)]

    def _put_away(self, array: np.ndarray[Any, Any]) -> Any:
        if self._folder is None:
            return np.asarray(array)  # a mapped one would drag its class along
        if (file := self._file_of(array)) is not None:
            return file
        path = self._folder / f"{len(self.arrays)}.npy"
        np.save(path, array, allow_pickle=False)
        return path

    def _file_of(self, array: np.ndarray[Any, Any]) -> Path | None:
        """The file that an array is mapped from as a whole, if there is one.

        Workers open it through this process, where it stays even if its name is removed meanwhile.
        """
        if not isinstance(array, np.memmap) or array.filename is None:
            return None
        try:
            descriptor = os.open(array.filename, os.O_RDONLY)
        except OSError:
            return None
        self.opened.append(descriptor)
        whole = array.offset + array.nbytes == os.fstat(descriptor).st_size
        way = Path(f"/proc/{os.getpid()}/fd/{descriptor}")
        if not whole:
            return None
        return way if way.exists() else Path(array.filename)


class _Unpickler(pickle.Unpickler):
    def __init__(self, pack: bytes, arrays: Sequence[Any]) -> None:
        super().__init__(io.BytesIO(pack))
        self._arrays = arrays

    def persistent_load(self, number: int) -> Any:
        return self._arrays[number]
