"""A NumPy file that grows by rows: how many there will be need not be known."""

import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


class ArrayFile:
    """Writes `.npy` files; use it in a `with` statement, at whose end the file is whole and on the disk.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with ArrayFile(Path(folder, "a.npy")) as file:
    ...         file.append(np.array([[1.0, 2.0]]))
    ...         file.append(np.array([[3.0, 4.0]]))
    ...     np.load(Path(folder, "a.npy")).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows = 0
        self._like: NDArray[Any] | None = None

    def __enter__(self) -> Self:
        self._file = self._path.open("wb")
        return self

    def append(self, rows: NDArray[Any]) -> None:
        """Write rows below those that are there, of the same width and type."""
        if self._like is None:
            self._like = np.empty((0, *rows.shape[1:]), rows.dtype)
            self._write_header()
        self._file.write(np.ascontiguousarray(rows).data)
        self._rows += len(rows)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None and self._like is not None:
                self._file.seek(0)
                self._write_header()  # as long as the first one: it leaves room for the number of rows
                self._file.flush()
                os.fsync(self._file.fileno())

    def _write_header(self) -> None:
        assert self._like is not None
        facts = np.lib.format.header_data_from_array_1_0(self._like)
        facts["shape"] = (self._rows, *self._like.shape[1:])
        np.lib.format.write_array_header_1_0(self._file, facts)
