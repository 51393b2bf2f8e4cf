"""The evidence: what a diagnosis looks at in the runs of one setting."""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnlab.analysis.target import Target, target_of

if TYPE_CHECKING:
    from nnlab.store.experiment import Row

Values = NDArray[np.float64]

METRICS = (
    "epochs",
    "parameters",
    "train_loss",
    "train_accuracy",
    "train_r2",
    "train_rmse",
    "val_loss",
    "val_accuracy",
    "val_r2",
    "val_rmse",
    "test_loss",
    "test_accuracy",
    "test_r2",
    "test_rmse",
    "penalty",
    "top_feature_share",
    "gradient_ratio",
    "dead_units",
    "saturated_units",
    "train_loss_fall",
    "val_loss_rise",
    "train_rows",
    "val_rows",
    "test_rows",
)


class Columns(Mapping[str, Values]):
    """Metrics by name, as columns of one array.

    Args:
        numbers: (..., seeds, metrics), in the order of METRICS.
    """

    __slots__ = ("numbers",)
    places = MappingProxyType({name: i for i, name in enumerate(METRICS)})

    def __init__(self, numbers: Values) -> None:
        self.numbers = numbers

    def __getitem__(self, name: str) -> Values:
        return np.asarray(self.numbers[..., self.places[name]])

    def __iter__(self) -> Iterator[str]:
        return iter(METRICS)

    def __len__(self) -> int:
        return len(METRICS)


@dataclass(frozen=True)
class Evidence:
    """The completed runs of one setting, or of a stack of settings that are measured alike.

    Args:
        settings: all of them, dotted keys; of a stack those that it has in common.
        metrics: name -> one value for each seed, of a stack (settings, seeds); NaN where a run has no such
            number.
        diverged: runs that did.
        target: what the training error is compared with.
        overlap: test rows over all others where seeds split one table, otherwise 0.
        features: how many numbers describe a row; top_feature: the one with the largest weights, if the
            seeds agree in it.
        labels: of each run its data seed and seed, or its data seed alone where the values are means over
            seeds; without them runs are paired in their order.
    """

    settings: Mapping[str, Any]
    metrics: Mapping[str, Values]
    diverged: int
    target: Target
    overlap: float = 0.0
    features: int = 1
    top_feature: str = ""
    labels: tuple[Hashable, ...] = ()

    @property
    def pairs(self) -> Sequence[Hashable]:
        """What two strategies are paired by, one label for each value."""
        return self.labels or range(self.seeds)

    @property
    def seeds(self) -> int:
        return int(self.metrics["train_loss"].shape[-1])

    def as_stack(self) -> "Evidence":
        """The same as a stack of one."""
        return replace(self, metrics={name: values[None] for name, values in self.metrics.items()})

    @property
    def unseen(self) -> str:
        """The rows that stand for those the network will meet: test, or val where there are none."""
        tested = np.isfinite([self.metrics["test_accuracy"], self.metrics["test_rmse"]])
        return "test" if tested.any() else "val"

    @property
    def counts_wrong_answers(self) -> bool:
        """Whether the error is a share of wrong answers; otherwise it is a squared error."""
        return bool(np.isfinite(self.metrics["train_accuracy"]).any())

    def error(self, split: str) -> Values:
        """The error of each seed: 1 - accuracy, or the squared error summed over outputs."""
        if self.counts_wrong_answers:
            return 1 - self.metrics[f"{split}_accuracy"]
        return np.asarray(self.target.outputs * np.square(self.metrics[f"{split}_rmse"]))

    def standard_error(self, split: str) -> Values:
        """Of one seed's error, from its rows alone.

        Wrong answers are binomial. A sum of squared normal residuals over n rows has the relative
        standard deviation sqrt(2 / n).
        """
        error, rows = self.error(split), self.metrics[f"{split}_rows"]
        spread = error * (1 - error) if self.counts_wrong_answers else 2 * np.square(error)
        return np.sqrt(np.maximum(spread, 0) / rows)

    def mean(self, name: str) -> float:
        """Over the seeds that have it; NaN if none has."""
        values = self.metrics[name]
        values = values[np.isfinite(values)]
        return float(values.mean()) if len(values) else math.nan

    @cached_property
    def active(self) -> Mapping[str, Any]:
        """The regularizers that do something: name -> main setting."""
        found: dict[str, Any] = {}
        for key, value in self.settings.items():
            if key.startswith("regularization.") and value not in (None, 0, False):
                found.setdefault(key.split(".")[1], value)
        return found

    def strength(self, name: str) -> float:
        """The main setting of a regularizer, of several layers its mean; 0 if it is off."""
        return float(np.mean(self.active.get(name, 0.0)))

    def name_of(self, key: str) -> Any:
        """The name of an entry, which stands alone or above its options."""
        return self.settings.get(f"{key}.name", self.settings.get(key))


def of_row(row: "Row", asked: float | None) -> Evidence:
    """The evidence of a single run."""
    there = row.values["status"] == "completed"
    metrics = {name: np.array([_number(row.values[name])] if there else []) for name in METRICS}
    return Evidence(
        row.settings,
        metrics,
        int(row.values["status"] == "diverged"),
        target_of(row.settings, asked),
        features=len(row.feature_weights),
        top_feature=row.top_feature,
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
