"""Rows that do not fit into memory: batch by batch out of the mapped table, scaled on the way.

Pages of the file that were touched stay with the process until the system wants them back, which costs it
nothing: giving them back early was measured to take longer than the training.
"""

from collections.abc import Sequence

import numpy as np

from nnlab.arrays import Array, Indices
from nnlab.data.selection import Selection


class MappedRows:
    """Stands in for an array (data sets, rows, features + 1), its last column all ones, that would not fit.

    Args:
        sets: the rows of each data set, as many in each.
    """

    def __init__(self, sets: Sequence[Selection]) -> None:
        self._sets = sets
        rows, features = sets[0].shape
        self.shape = (len(sets), rows, features + 1)

    def __len__(self) -> int:
        return len(self._sets)

    def take(self, indices: Indices, axis: int, out: Array, mode: str) -> None:
        """What `take` of the array does, were the rows of all data sets one below the other.

        Args:
            indices: (runs, batch), each run within one data set.
            axis: 0, as in the array's method, like `mode`.
            out: (runs, batch, features + 1).
        """
        owner = indices[:, 0] // self.shape[1]
        self._fill(owner, indices - owner[:, np.newaxis] * self.shape[1], out)

    def block(self, start: int, stop: int, owner: Indices, out: Array) -> None:
        """Rows start to stop of the data set of each run.

        Args:
            owner: the data sets, (runs,).
            out: (runs, stop - start, features + 1).
        """
        self._fill(owner, np.broadcast_to(np.arange(start, stop), (len(owner), stop - start)), out)

    def _fill(self, owner: Indices, places: Indices, out: Array) -> None:
        first: dict[int, int] = {}  # runs that share their data mostly share their batches
        for run, one in enumerate(owner.tolist()):
            like = first.setdefault(one, run)
            if like != run and (places[like] == places[run]).all():
                out[run] = out[like]
                continue
            self._sets[one].take(places[run], out[run, :, :-1])
            out[run, :, -1] = 1
