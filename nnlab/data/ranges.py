"""Ranges: what is known of every column of a table without looking at its rows again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnlab.registry import show

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Ranges:
    """Of a table, or of a stretch of its rows; each has one entry for every column.

    Args:
        rows: how many rows it is about.
        lowest: the smallest value; NaN if all are missing.
        highest: the largest value.
        gaps: whether a value is missing.
        counts: whether every value is that of the row before plus 1.
        first: the values of the first row.
        last: the values of the last row.
    """

    rows: int
    lowest: Array
    highest: Array
    gaps: NDArray[np.bool_]
    counts: NDArray[np.bool_]
    first: Array
    last: Array

    @classmethod
    def of(cls, features: Array) -> "Ranges":
        """Look at the rows, (rows, columns), at least one.

        >>> Ranges.of(np.array([[1.0, 5.0], [2.0, 5.0]])).counts
        array([ True, False])
        """
        lowest, highest = features.min(axis=0), features.max(axis=0)
        gaps = np.isnan(lowest)
        if gaps.any():
            lowest, highest = np.fmin.reduce(features, axis=0), np.fmax.reduce(features, axis=0)
        with np.errstate(over="ignore"):  # what is that far apart counts no rows
            counts: NDArray[np.bool_] = features[-1] - features[0] == len(features) - 1
        counts[counts] = (np.diff(features[:, counts], axis=0) == 1).all(axis=0)
        return cls(len(features), lowest, highest, gaps, counts, features[0].copy(), features[-1].copy())

    def then(self, below: "Ranges") -> "Ranges":
        """Of these rows and those below them together."""
        with np.errstate(over="ignore"):
            counts_on = below.first - self.last == 1
        return Ranges(
            self.rows + below.rows,
            np.fmin(self.lowest, below.lowest),
            np.fmax(self.highest, below.highest),
            self.gaps | below.gaps,
            self.counts & below.counts & counts_on,
            self.first,
            below.last,
        )

    def oddities(self, names: Sequence[str]) -> list[str]:
        """What is odd about columns without being wrong, one sentence each."""
        told = []
        for i, name in enumerate(names):
            if self.lowest[i] == self.highest[i]:
                told.append(f"column {show(name)} is the same in every row")
            elif self.counts[i] and self.rows > 2:
                told.append(f"column {show(name)} counts the rows; if it is an id, list it under data.drop")
        return told
