"""What a folder of results holds, as records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One finished run.

    Args:
        settings: all settings of the run, dotted keys.
        values: the columns of BASIC and RUN_METRICS; None where a run has no such number.
        feature_weights: norm of the first-layer weights, by feature.
        error: what went wrong, if something did.
        target: the error of the best possible model, if the config of its experiment tells it.
    """

    settings: Mapping[str, Any]
    values: Mapping[str, Any]
    feature_weights: Mapping[str, float]
    error: str | None
    target: float | None = None

    @property
    def top_feature(self) -> str:
        """The feature with the largest weights."""
        return largest(self.feature_weights)


@dataclass(frozen=True)
class Experiment:
    """What a folder holds, column by column: one entry for each finished run as a member of a strategy.

    Args:
        name: of the folder.
        columns: those of BASIC and RUN_METRICS, None where a run has no such number; settings (as text),
            tuned (1 if the settings of its strategy compete to stand for it), current (1 if the latest
            sweep asked for it; without a sweep, every run is), features (how many) and top_feature (the
            one with the largest weights). In the order of the tables.
        settings: text of settings -> the settings, dotted keys.
        select: the metric that chooses the setting of a tuned strategy.
        baseline: the strategy that others are compared with.
        target: the error of the best possible model, if the config tells it.
    """

    name: str
    columns: Mapping[str, Sequence[Any]]
    settings: Mapping[str, Mapping[str, Any]]
    select: str = "val_loss"
    baseline: str | None = None
    target: float | None = None

    def __len__(self) -> int:
        return len(self.columns["run"])


def largest(weights: Mapping[str, float]) -> str:
    return max(weights, key=weights.__getitem__, default="")
