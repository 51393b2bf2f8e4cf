"""What is left of a run once it has ended, and what is told of its weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from nnlab.arrays import Array

Status = Literal["completed", "diverged", "failed"]


@dataclass(frozen=True)
class Result:
    """The end of a run.

    Args:
        run: its id.
        status: completed, diverged or failed.
        epochs: epochs trained.
        best_epoch: the epoch restored by early stopping; without it, the recorded epoch with the
            lowest validation loss (training loss if there are no validation rows).
        seconds: its share of its population's training time.
        parameters: how many numbers it learned.
        metrics: by name; none of a run that did not complete.
        curves: column -> one value for each recorded epoch.
        weights: parameter name -> array, as they were at the end or at the restored epoch; none of a run
            that did not complete.
        feature_weights: norm of the first-layer weights of each feature.
        error: why it failed.
        predictions: last pre-activations on the test rows, (rows, outputs), where all seeds share these
            rows; otherwise empty, and empty of a run that did not complete.
    """

    run: str
    status: Status
    epochs: int
    best_epoch: int | None
    seconds: float
    parameters: int
    metrics: Mapping[str, float]
    curves: Mapping[str, Array]
    weights: Mapping[str, Array]
    feature_weights: Array
    error: str | None = None
    predictions: Array = field(default_factory=lambda: np.empty((0, 0)))


def failed(run: str, reason: str) -> Result:
    """The end of a run that could not be trained."""
    nothing: dict[str, Array] = {}
    return Result(run, "failed", 0, None, 0.0, 0, {}, nothing, nothing, np.empty(0), reason)


def by_name(layers: Sequence[Array]) -> dict[str, Array]:
    """The parameters of one run: layer1.weight (fan_in, fan_out), layer1.bias (fan_out,), ...

    Those of an ensemble are member1.layer1.weight, and so on.

    Args:
        layers: (members, fan_in + 1, fan_out) each, biases last.
    """
    members = len(layers[0])
    named = {}
    for member in range(members):
        prefix = f"member{member + 1}." if members > 1 else ""
        for i, layer in enumerate(layers, start=1):
            named[f"{prefix}layer{i}.weight"] = np.ascontiguousarray(layer[member, :-1])
            named[f"{prefix}layer{i}.bias"] = np.ascontiguousarray(layer[member, -1])
    return named


def feature_weights(first_layer: Array) -> Array:
    """The norm of the first-layer weights of each feature, (features,); of an ensemble the mean.

    Args:
        first_layer: (members, features + 1, units).
    """
    norms = [np.linalg.norm(member[:-1].astype(np.float64), axis=1) for member in first_layer]
    return np.asarray(np.mean(norms, axis=0))


def top_feature_share(norms: Array) -> float:
    """The share that the most trusted feature has in the squared weights of the first layer.

    >>> top_feature_share(np.array([1.0, 2.0, 2.0, 3.0]))
    0.5
    """
    squares = np.square(norms)
    total = squares.sum()
    return float(squares.max() / total) if total > 0 else float("nan")


def with_gap(metrics: dict[str, float]) -> dict[str, float]:
    """Adds gap = test loss - train loss; validation loss stands in where there are no test rows."""
    unseen = metrics.get("test_loss", metrics.get("val_loss"))
    return metrics if unseen is None else metrics | {"gap": unseen - metrics["train_loss"]}


# --- in a checkpoint --------------------------------------------------------------------------

ALONE = ("feature_weights", "predictions")  # single arrays; curves and weights are groups of them


def to_parts(result: Result) -> tuple[dict[str, Array], dict[str, Any]]:
    """A result as named arrays, and the rest as JSON can hold it."""
    arrays = {f"curves/{name}": array for name, array in result.curves.items()}
    arrays |= {f"weights/{name}": array for name, array in result.weights.items()}
    arrays |= {name: getattr(result, name) for name in ALONE}
    names = ("run", "status", "epochs", "best_epoch", "seconds", "parameters", "metrics", "error")
    return arrays, {name: getattr(result, name) for name in names}


def from_parts(arrays: Mapping[str, Array], facts: Mapping[str, Any]) -> Result:
    """The inverse of `to_parts`."""
    groups: dict[str, dict[str, Array]] = {"curves": {}, "weights": {}}
    for name, array in arrays.items():
        group, slash, rest = name.partition("/")
        if slash:
            groups[group][rest] = array
    alone: dict[str, Any] = {name: arrays[name] for name in ALONE}
    return Result(**facts, curves=groups["curves"], weights=groups["weights"], **alone)
