"""The evidence: what a diagnosis looks at in the runs of one setting."""

import json
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnlab.analysis.target import Target, target_of

if TYPE_CHECKING:
    import pandas as pd

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


@dataclass(frozen=True)
class Evidence:
    """The completed runs of one setting.

    Args:
        settings: all of them, dotted keys.
        metrics: name -> one value for each seed; NaN where a run has no such number.
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
        return len(self.metrics["train_loss"])

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

    def active(self) -> dict[str, Any]:
        """The regularizers that do something: name -> main setting."""
        found: dict[str, Any] = {}
        for key, value in self.settings.items():
            section, _, name = key.partition(".")
            if section == "regularization" and value not in (None, 0, False):
                found.setdefault(name.partition(".")[0], value)
        return found

    def strength(self, name: str) -> float:
        """The main setting of a regularizer, of several layers its mean; 0 if it is off."""
        return float(np.mean(self.active().get(name, 0.0)))

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


def of_frame(runs: "pd.DataFrame") -> dict[tuple[str, str, str], Evidence]:
    """The evidence of every line of a report, by experiment, strategy and settings.

    Args:
        runs: as made by `runs_frame`.
    """
    numbers = runs[list(METRICS)].to_numpy(dtype=np.float64)
    status = runs["status"].to_numpy()
    overlap, crossed = _of_experiments(runs)
    data_seeds, seeds = runs["data_seed"].to_numpy(), runs["seed"].to_numpy()
    first = {name: runs[name].to_numpy() for name in ("target", "features", "top_feature")}
    found = {}
    places_of: dict[Any, Any] = runs.groupby(["experiment", "strategy", "settings"], sort=False).indices
    for (experiment, strategy, settings), places in places_of.items():
        completed = places[status[places] == "completed"]
        own = numbers[completed]
        labels: list[Hashable] = list(zip(data_seeds[completed], seeds[completed], strict=True))
        if crossed[experiment]:
            own = _independent(own, data_seeds[completed])
            labels = np.unique(data_seeds[completed]).tolist()
        parsed = json.loads(settings)
        asked = first["target"][places[0]]
        found[experiment, strategy, settings] = Evidence(
            parsed,
            {name: own[:, i] for i, name in enumerate(METRICS)},
            int(np.sum(status[places] == "diverged")),
            target_of(parsed, None if asked is None or math.isnan(asked) else float(asked)),
            overlap[experiment],
            int(first["features"][places[0]]),
            _agreed(first["top_feature"][places]),
            tuple(labels),
        )
    return found


def _of_experiments(runs: "pd.DataFrame") -> tuple[dict[str, float], dict[str, bool]]:
    """Of each experiment, how much its splits overlap, and whether data seeds are crossed with seeds."""
    from nnlab.analysis.comparison import split_overlap  # pandas: a single run does without
    from nnlab.analysis.seeds import is_crossed

    groups = {str(name): group for name, group in runs.groupby("experiment", sort=False)}
    return (
        {name: split_overlap(group) for name, group in groups.items()},
        {name: is_crossed(group) for name, group in groups.items()},
    )


def _independent(numbers: Values, data_seeds: NDArray[Any]) -> Values:
    """The means of the runs of each data seed, which share their rows; of an rmse, the root mean square."""
    squared = np.array([name.endswith("_rmse") for name in METRICS])
    values = np.where(squared, numbers**2, numbers)
    _, owner = np.unique(data_seeds, return_inverse=True)
    means = np.array([values[owner == i].mean(axis=0) for i in range(owner.max(initial=-1) + 1)])
    means = means.reshape(-1, len(METRICS))
    return np.where(squared, np.sqrt(np.abs(means)), means)


def _agreed(names: NDArray[Any]) -> str:
    return str(names[0]) if len(set(names)) == 1 else ""


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
