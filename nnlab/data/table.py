"""The record that every data source delivers: numbers, names, and what is known about them."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nnlab.data.ranges import Ranges
from nnlab.data.selection import Selection

Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Table:
    """Rows of data before splitting, encoded as numbers and not yet scaled.

    Args:
        features: shape (rows, features), float64; NaN marks a missing cell to be imputed.
        target: classification: class indices, shape (rows,), int64;
            regression: shape (rows, outputs), float64.
        feature_names: one for each column of `features`.
        task: what the target asks for.
        class_names: classification only; `target` indexes them.
        known_error: the smallest error any model can reach, where theory knows it: the Bayes error
            rate for classes, the noise variance (summed over outputs) for regression.
        ranges: what is known of the features, where they are mapped from a file and not in memory.
    """

    features: NDArray[np.float64]
    target: NDArray[Any]
    feature_names: tuple[str, ...]
    task: Task
    class_names: tuple[str, ...] = ()
    known_error: float | None = None
    ranges: Ranges | None = None

    def __len__(self) -> int:
        return len(self.features)

    def take(self, rows: NDArray[np.intp]) -> "Table":
        """The table of these rows, in this order and in memory."""
        features = self.features[rows] if self.ranges is None else np.asarray(Selection(self.features, rows))
        return replace(self, features=features, target=self.target[rows], ranges=None)
