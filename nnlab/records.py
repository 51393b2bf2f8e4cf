"""Records: what is measured of the runs of a population while they train, one row for each recorded epoch."""

from collections.abc import Mapping, Sequence

import numpy as np

from nnlab.arrays import Array, Indices


class Records:
    """The rows so far; all runs of a population have them for the same epochs.

    Args:
        columns: their names, once there are rows; the first is `epoch`.
        table: (runs, rows, columns), float64.

    >>> records = Records()
    >>> for epoch, losses in enumerate(([4.0, 6.0], [2.0, 5.0])):
    ...     records.add(epoch, {"train_loss": np.array(losses)})
    >>> records.column("train_loss")
    array([[4., 2.],
           [6., 5.]])
    >>> records.of_runs(np.array([1]))[0]["train_loss"]
    array([6., 5.])
    """

    def __init__(self, columns: Sequence[str] = (), table: Array | None = None) -> None:
        self.columns = tuple(columns)
        rows = np.empty((0, 0, 0)) if table is None else table.transpose(1, 2, 0)
        self._rows: list[Array] = list(rows)  # (columns, runs) each

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, epoch: int, measured: Mapping[str, Array]) -> None:
        """Adds a row.

        Args:
            measured: by column, (runs,) each; the same columns every time.
        """
        self.columns = ("epoch", *measured)
        runs = len(next(iter(measured.values())))
        self._rows.append(np.stack([np.full(runs, float(epoch)), *measured.values()], dtype=np.float64))

    def latest(self) -> dict[str, Array]:
        """The last row, by column, (runs,) each."""
        return dict(zip(self.columns, self._rows[-1], strict=True))

    def column(self, name: str) -> Array:
        """One column of all rows, (runs, rows)."""
        i = self.columns.index(name)
        return np.stack([row[i] for row in self._rows], axis=1)

    def of_runs(self, runs: Indices) -> list[dict[str, Array]]:
        """All rows of each of these runs, by column, (rows,) each."""
        tables = np.ascontiguousarray(np.stack(self._rows, axis=-1).transpose(1, 0, 2)[runs])
        return [dict(zip(self.columns, table, strict=True)) for table in tables]

    def table(self) -> Array:
        """All of it, (runs, rows, columns)."""
        return np.stack(self._rows).transpose(2, 0, 1)

    def take(self, runs: Indices) -> "Records":
        """The rows of these runs alone."""
        return Records(self.columns, self.table()[runs])
