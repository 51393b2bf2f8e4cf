"""A part of a table: some of its rows, and the target that they are learned with."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.data.table import Table

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Part:
    """Rows for training, for validation, or for testing.

    Args:
        table: where they are.
        rows: which ones, in their order; None is all.
        target: of each row, as `Table.target` has it.
    """

    table: Table
    rows: Rows | None
    target: NDArray[Any]

    @classmethod
    def of(cls, table: Table, rows: Rows | None = None) -> "Part":
        """These rows with the target that the table gives them."""
        return cls(table, rows, table.target if rows is None else table.target[rows])

    def __len__(self) -> int:
        return len(self.target)

    def take(self, places: Rows) -> "Part":
        """Those of its rows that stand at these places."""
        rows = places if self.rows is None else self.rows[places]
        return replace(self, rows=rows, target=self.target[places])
