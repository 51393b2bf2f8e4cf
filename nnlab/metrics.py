"""Metrics: what is measured on which rows, and which direction is better."""

from dataclasses import dataclass
from typing import Literal

SPLITS = ("train", "val", "test")

# What a training run may watch while it trains: the test rows are met once, at the end.
CurveMetric = Literal[
    "val_loss", "val_accuracy", "val_r2", "val_rmse", "train_loss", "train_accuracy", "train_r2", "train_rmse"
]


@dataclass(frozen=True)
class Measure:
    """Something measured on the rows of a split; its metric is named `<split>_<name>`."""

    name: str
    higher_is_better: bool
    tasks: tuple[str, ...]


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("loss", higher_is_better=False, tasks=("classification", "regression")),
        Measure("accuracy", higher_is_better=True, tasks=("classification",)),
        Measure("r2", higher_is_better=True, tasks=("regression",)),
        Measure("rmse", higher_is_better=False, tasks=("regression",)),
    )
}


def measures(task: str) -> list[Measure]:
    """What is measured for a task, the loss first."""
    return [measure for measure in MEASURES.values() if task in measure.tasks]


def higher_is_better(metric: str) -> bool:
    """The direction of a metric; all that are not of MEASURES (gap, penalty, ...) are better low.

    >>> higher_is_better("val_accuracy"), higher_is_better("gap")
    (True, False)
    """
    measure = MEASURES.get(metric.partition("_")[2])
    return measure is not None and measure.higher_is_better


def _of(split: str) -> list[str]:
    return [f"{split}_{name}" for name in MEASURES]


# The metrics of a finished run, in the order of tables; those of another task stay empty.
RUN_METRICS = (
    *(f"{split}_loss" for split in SPLITS),
    "gap",
    "penalty",
    "weight_norm",
    *(f"{split}_{name}" for name in MEASURES if name != "loss" for split in SPLITS),
    "first_gradient_norm",
    "last_gradient_norm",
    "top_feature_share",
    "gradient_ratio",
    "dead_units",
    "saturated_units",
    "train_loss_fall",
    "val_loss_rise",
    "train_rows",
    "val_rows",
    "test_rows",
    "test_share",
)

# What strategies can be compared by: those of which it is known which way is better.
COMPARABLE = (*(f"{split}_{name}" for name in MEASURES for split in SPLITS), "gap")

# The columns of a run's curves, beside the epoch.
CURVE_COLUMNS = (
    *_of("train"),
    *_of("val"),
    "penalty",
    "weight_norm",
    "first_gradient_norm",
    "last_gradient_norm",
)
