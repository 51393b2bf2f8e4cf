"""Early stopping: training ends before the network has learned the noise."""

from dataclasses import dataclass

from nnlab.metrics import CurveMetric
from nnlab.nn.regularizer import Regularizer
from nnlab.registry import CountOrZero, NonNegative


@dataclass(frozen=True)
class EarlyStopping(Regularizer):
    """Stops when a metric has not improved for a while, and restores the best epoch.

    An epoch counts as better if it beats the best so far by more than `min_delta`; training stops
    once `patience` epochs have passed since the best one.

    Args:
        patience: epochs to wait for the next improvement; 0 is like 1.
        min_delta: the least change that counts.
        metric: what is watched; a loss should fall, an accuracy or R2 should rise.
    """

    name = "early_stopping"
    on_by_default = False
    patience: CountOrZero = 10
    min_delta: NonNegative = 0.0
    metric: CurveMetric = "val_loss"
