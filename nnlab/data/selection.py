"""Rows of a mapped table, in an order of their own, that are read when they are asked for.

The rows of a run are spread over the whole table, and a page of the file that was touched counts as memory
of the process until it is given back. So whatever needs all of a selection goes through the file from
front to back, gives its pages back on the way, and puts every row where it belongs.
"""

import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

BLOCK_BYTES = 4 << 20  # of the table that are looked at at a time
GROUP_BYTES = 32 << 20  # of columns that statistics are made of at a time; they need a few such arrays


@dataclass(frozen=True)
class Selection:
    """Some rows of a table in a file.

    Args:
        table: float64, (rows of the table, columns), mapped.
        rows: which ones, in their order; a row may stand there more than once.
        fill: what stands in for gaps, (columns,); None leaves them.
        scale: what is subtracted and what is divided by after that, (columns,) each; None: nothing.

    >>> import numpy as np
    >>> np.asarray(Selection(np.array([[1.0], [2.0], [3.0]]), np.array([2, 0])))
    array([[3.],
           [1.]])
    """

    table: Array
    rows: Rows
    fill: Array | None = None
    scale: tuple[Array, Array] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return len(self.rows), self.table.shape[1]

    @property
    def nbytes(self) -> int:
        """What it takes in memory as it is."""
        return self.rows.nbytes

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        result = np.empty(self.shape, dtype or np.float64)
        self.write(result)
        return result

    def write(self, out: NDArray[Any]) -> None:
        """Put the rows into an array, computed as float64 and then converted.

        Args:
            out: (rows, columns) of any type of floats.
        """
        self._scatter(out, slice(None), self._made, self._sorted())  # it is done once: not worth keeping

    def take(self, places: Rows, out: NDArray[Any]) -> None:
        """Put some of the rows into an array; for a few at a time, since they come from all over the file.

        Args:
            places: of rows in the selection.
            out: (places, columns).
        """
        out[...] = self._made(self.table[self.rows[places]])

    def columns(self, first: int, last: int) -> Array:
        """These columns as they are in the file, (rows, last - first)."""
        result = np.empty((len(self.rows), last - first))
        self._scatter(result, slice(first, last), lambda rows: rows, self._order)
        return result

    def column_groups(self) -> Iterator[tuple[int, int]]:
        """Ranges of columns that are small enough to be in memory.

        There are two columns at least in each if there are two at all: NumPy adds the rows of several columns
        one after the other, those of a single column in another order.
        """
        rows, width = self.shape
        most = max(2, GROUP_BYTES // (8 * max(1, rows)))
        edges = np.linspace(0, width, max(1, width // most) + 1).astype(int).tolist()
        yield from pairwise(edges)

    @cached_property
    def _order(self) -> Rows:
        return self._sorted()

    def _sorted(self) -> Rows:
        """Where the rows stand in the selection, in the order in which they stand in the file."""
        return np.argsort(self.rows, kind="stable").astype(np.intp)

    def _scatter(
        self, out: NDArray[Any], columns: slice, make: Callable[[Array], Array], order: Rows
    ) -> None:
        _advise(self.table, mmap.MADV_SEQUENTIAL)
        rising = self.rows[order]
        step = max(1, BLOCK_BYTES // (8 * self.table.shape[1]))
        edges = np.searchsorted(rising, range(0, len(self.table) + step, step))
        for i, (low, high) in enumerate(pairwise(edges.tolist())):
            start = i * step
            block = np.asarray(self.table[start : start + step, columns])
            out[order[low:high]] = make(block[rising[low:high] - start])
            give_back(self.table)
        _advise(self.table, mmap.MADV_RANDOM)  # for `take`: neighbours of a row are of no use to it

    def _made(self, rows: Array) -> Array:
        if self.fill is not None:
            rows = np.where(np.isnan(rows), self.fill, rows)
        if self.scale is None:
            return rows
        shift, divisor = self.scale
        return np.asarray((rows - shift) / divisor)


def give_back(table: NDArray[Any]) -> None:
    """Let the system take back the pages of a mapped array; they are in the file."""
    _advise(table, mmap.MADV_DONTNEED)


def _advise(table: NDArray[Any], advice: int) -> None:
    if isinstance(table.base, mmap.mmap):  # sent to a cluster, it is an array like any other
        table.base.madvise(advice)
