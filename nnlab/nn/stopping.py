"""Early stopping: training ends before the network has learned the noise."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nnlab.arrays import Array, Indices
from nnlab.metrics import CurveMetric, higher_is_better
from nnlab.nn.regularizer import Facts, Regularizer
from nnlab.registry import CountOrZero, NonNegative


@dataclass(frozen=True)
class EarlyStopping(Regularizer):
    """Stops when a metric has not improved for a while, and restores the best epoch.

    An epoch counts as better if it beats the best so far by more than `min_delta`. Training stops by one
    of three rules, of which the last two are GL and UP of Prechelt (1998), with the recorded epochs as
    ends of his strips:

        patience               `patience` epochs have passed since the best one
        generalization_loss    100 (value / lowest value so far - 1) > `threshold`
        successive_rises       the metric got worse at `patience` recorded epochs in succession

    Args:
        patience: epochs to wait for the next improvement, or rises to wait for; 0 is like 1.
        min_delta: the least change that counts.
        metric: what is watched; a loss should fall, an accuracy or R2 should rise.
        rule: what ends training.
        threshold: percent by which the metric may lie above its lowest value.
    """

    name = "early_stopping"
    on_by_default = False
    patience: CountOrZero = 10
    min_delta: NonNegative = 0.0
    metric: CurveMetric = "val_loss"
    rule: Literal["patience", "generalization_loss", "successive_rises"] = "patience"
    threshold: NonNegative = 5.0

    def refusal(self, facts: Facts) -> str | None:
        if self.rule == "generalization_loss" and higher_is_better(self.metric):
            return f"rule {self.rule} came with {self.metric}, expected a metric that falls towards 0"
        return None

    def is_over(self, epoch: int, best_epoch: Indices, watched: Array) -> NDArray[np.bool_]:
        """Whether training ends after this epoch, (runs,).

        Args:
            epoch: the last one.
            best_epoch: of each run.
            watched: the metric at every recorded epoch since training began, (runs, epochs).
        """
        patience = np.maximum(np.ravel(self.patience), 1)
        if self.rule == "patience":
            return np.asarray(epoch - best_epoch >= patience)
        if self.rule == "generalization_loss":
            return np.asarray(watched[:, -1] > watched.min(axis=1) * (1 + np.ravel(self.threshold) / 100))
        worse = -1 if higher_is_better(self.metric) else 1
        return np.asarray([_rises(worse * values) for values in watched] >= patience)


def _rises(values: Array) -> int:
    """How often in succession the last values have risen.

    >>> _rises(np.array([3.0, 1.0, 2.0, 3.0]))
    2
    """
    falls = np.flatnonzero(~(np.diff(values) > 0))
    return len(values) - 2 - int(falls[-1]) if len(falls) else len(values) - 1
