"""Early stopping: when it ends a run and what it restores, against a run that goes on to the end."""

from collections.abc import Sequence
from typing import Any

import pytest

from nnlab.metrics import higher_is_better
from nnlab.plan import Run, populations
from nnlab.result import Result
from nnlab.train import train
from tests.conftest import PlanRuns

EPOCHS = 40
SEEDS = 12


def config(source: str = "moons", **stopping: Any) -> dict[str, Any]:
    return {
        "data": {"source": source, "samples": 60, "label_noise": 0.3},
        "model": {"hidden": [20]},
        "optimizer": {"name": "adam", "learning_rate": 0.05},
        "regularization": {"early_stopping": stopping or None},
        "training": {"epochs": EPOCHS, "batch_size": 12},
        "sweep": {"seeds": SEEDS},
    }


def keras(values: Sequence[float], patience: int, min_delta: float) -> tuple[int, int]:
    """Epochs trained and best epoch, by the counter that Keras keeps; low values are good."""
    best, best_epoch, wait = float("inf"), 0, 0
    for epoch, value in enumerate(values, start=1):
        wait += 1
        if value < best - min_delta:
            best, best_epoch, wait = value, epoch, 0
        if wait >= patience:
            return epoch, best_epoch
    return len(values), best_epoch


def without_stopping(source: str, runs_of: PlanRuns) -> list[Result]:
    return train(runs_of(config(source)))


@pytest.mark.parametrize(
    ("source", "stopping"),
    [
        ("moons", {"patience": 1}),
        ("moons", {"patience": 4}),
        ("moons", {"patience": 10}),
        ("moons", {"patience": 3, "min_delta": 0.05}),
        ("moons", {"patience": 4, "metric": "val_accuracy"}),
        ("moons", {"patience": 2, "metric": "train_loss"}),
        ("friedman1", {"patience": 3, "metric": "val_r2"}),
        ("friedman1", {"patience": 3, "metric": "val_rmse", "min_delta": 0.1}),
    ],
    ids=str,
)
def test_a_run_stops_once_its_patience_is_over(source: str, stopping: Any, runs_of: PlanRuns) -> None:
    metric = stopping.get("metric", "val_loss")
    sign = -1 if higher_is_better(metric) else 1
    stopped = train(runs_of(config(source, **stopping)))
    for result, full in zip(stopped, without_stopping(source, runs_of), strict=True):
        watched = list(sign * full.curves[metric][1:])
        epochs, best = keras(watched, stopping["patience"], stopping.get("min_delta", 0.0))
        assert (result.epochs, result.best_epoch, result.status) == (epochs, best, "completed")
        assert result.metrics["val_loss"] == full.curves["val_loss"][best]
    assert min(result.epochs for result in stopped) < EPOCHS


def trained_for(epochs: int, run: Run, runs_of: PlanRuns) -> Result:
    raw = config()
    raw["training"]["epochs"] = epochs
    return train(runs_of(raw | {"sweep": {"seeds": [run.seed]}}))[0]


def test_weights_and_metrics_are_those_of_the_best_epoch(runs_of: PlanRuns) -> None:
    runs = runs_of(config(patience=5))
    for run, result in zip(runs, train(runs), strict=True):
        assert result.best_epoch is not None
        assert result.best_epoch <= result.epochs
        reference = trained_for(result.best_epoch, run, runs_of)
        for name, weight in reference.weights.items():
            assert result.weights[name].tobytes() == weight.tobytes()
        assert result.metrics == reference.metrics


def test_curves_go_on_to_the_epoch_where_training_stopped(runs_of: PlanRuns) -> None:
    for result in train(runs_of(config(patience=5))):
        assert result.curves["epoch"].tolist() == list(range(result.epochs + 1))


def test_patience_that_is_never_over_changes_no_weight_on_the_way(runs_of: PlanRuns) -> None:
    patient = train(runs_of(config(patience=EPOCHS)))
    for result, full in zip(patient, without_stopping("moons", runs_of), strict=True):
        assert result.epochs == full.epochs == EPOCHS
        assert result.best_epoch == full.best_epoch
        assert result.curves["train_loss"].tobytes() == full.curves["train_loss"].tobytes()
        assert result.metrics["val_loss"] == min(full.curves["val_loss"][1:])


def test_only_recorded_epochs_can_be_the_best(runs_of: PlanRuns) -> None:
    raw = config(patience=6)
    raw["training"]["evaluate_every"] = 3
    full = without_stopping("moons", runs_of)
    for result, reference in zip(train(runs_of(raw)), full, strict=True):
        seen = reference.curves["val_loss"][3 : result.epochs + 1 : 3]
        assert result.best_epoch in (3 * (1 + int(seen.argmin())), EPOCHS)
        assert result.epochs == EPOCHS or result.epochs - result.best_epoch == 6


def test_a_watched_metric_that_is_never_defined_leaves_the_last_epoch(runs_of: PlanRuns) -> None:
    raw = {
        "data": {"source": "sine", "samples": 20, "validation": 1, "test": 1},
        "training": {"epochs": 5},
        "regularization": {"early_stopping": {"metric": "val_r2"}},
    }
    (result,) = train(runs_of(raw))  # R2 of a single row
    assert (result.status, result.best_epoch, result.epochs) == ("completed", 5, 5)


def test_patience_0_stops_at_the_first_epoch_that_is_no_better(runs_of: PlanRuns) -> None:
    raw: dict[str, Any] = {"data": {"source": "moons", "samples": 60}, "training": {"epochs": 300}}
    zero, one = ({**raw, "regularization": {"early_stopping": patience}} for patience in (0, 1))
    assert train(runs_of(zero))[0].epochs == train(runs_of(one))[0].epochs > 1


def by_definition(rule: str, values: Sequence[float], patience: int, threshold: float) -> int:
    """The epoch where GL or UP of Prechelt (1998) ends training, written down as he defines them."""
    for epoch in range(1, len(values) + 1):
        seen = values[:epoch]
        if rule == "generalization_loss" and 100 * (seen[-1] / min(seen) - 1) > threshold:
            return epoch
        rises = [seen[-1 - i] > seen[-2 - i] for i in range(patience)] if epoch > patience else [False]
        if rule == "successive_rises" and all(rises):
            return epoch
    return len(values)


@pytest.mark.parametrize(
    "stopping",
    [
        {"rule": "generalization_loss", "threshold": 2.0},
        {"rule": "generalization_loss", "threshold": 20.0},
        {"rule": "successive_rises", "patience": 1},
        {"rule": "successive_rises", "patience": 3},
        {"rule": "successive_rises", "patience": 2, "metric": "val_accuracy"},
    ],
    ids=str,
)
def test_rules_of_prechelt_stop_where_he_says(stopping: dict[str, Any], runs_of: PlanRuns) -> None:
    metric = stopping.get("metric", "val_loss")
    sign = -1 if higher_is_better(metric) else 1
    stopped = train(runs_of(config(**stopping)))
    for result, full in zip(stopped, without_stopping("moons", runs_of), strict=True):
        values = list(sign * full.curves[metric][1:])
        expected = by_definition(
            stopping["rule"], values, stopping.get("patience", 10), stopping.get("threshold", 5.0)
        )
        assert result.epochs == expected
        assert result.metrics[metric] == full.curves[metric][result.best_epoch]
    assert 1 < min(result.epochs for result in stopped) < EPOCHS


def test_thresholds_may_differ_within_a_population_but_rules_may_not(runs_of: PlanRuns) -> None:
    raw = config(rule="generalization_loss")
    raw["sweep"] = {"seeds": 2, "grid": {"regularization.early_stopping.threshold": [2.0, 20.0]}}
    runs = runs_of(raw)
    assert [len(stack) for stack in populations(runs)] == [4]
    assert [r.epochs for r in train(runs)] == [train([run])[0].epochs for run in runs]
    raw["sweep"]["grid"] = {"regularization.early_stopping.rule": ["patience", "generalization_loss"]}
    assert [len(stack) for stack in populations(runs_of(raw))] == [2, 2]
