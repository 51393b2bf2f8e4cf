"""Whole training runs against scikit-learn's MLPClassifier and MLPRegressor, step for step."""

from typing import Any

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

from nnlab.data.prepare import prepare
from nnlab.plan import Run
from nnlab.result import Result
from nnlab.train import train
from tests.conftest import PlanRuns

STEPS = 50
HIDDEN = [6, 5]
THEIR_NAMES = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic", "identity": "identity"}
EVERY = pytest.mark.parametrize("activation", THEIR_NAMES)


def config(source: str, activation: str, learning_rate: float, l2: float, **model: str) -> dict[str, Any]:
    return {
        "data": {"source": source, "samples": 60, "validation": 0, "test": 0},
        "model": {"hidden": HIDDEN, "activation": activation, "dtype": "float64", **model},
        "optimizer": {"name": "sgd", "learning_rate": learning_rate},
        "regularization": {"l2": l2},
        "training": {"batch_size": "full", "evaluate_every": "last"},
        "sweep": {"seeds": [3], "grid": {"training.epochs": [0, STEPS]}},
    }


def settings(activation: str, learning_rate: float, alpha: float) -> dict[str, Any]:
    return {
        "hidden_layer_sizes": HIDDEN,
        "activation": THEIR_NAMES[activation],
        "solver": "sgd",
        "learning_rate": "constant",
        "learning_rate_init": learning_rate,
        "alpha": alpha,
        "momentum": 0,
        "nesterovs_momentum": False,
        "shuffle": False,
    }


def weights(result: Result) -> tuple[list[Any], list[Any]]:
    layers = range(1, len(HIDDEN) + 2)
    return (
        [result.weights[f"layer{i}.weight"] for i in layers],
        [result.weights[f"layer{i}.bias"] for i in layers],
    )


def assert_same_after_50_steps(
    raw: dict[str, Any], network: Any, runs_of: PlanRuns, standardized: bool = False, **first: Any
) -> None:
    """Trains both from nnlab's first weights, on nnlab's rows; `partial_fit` is one full-batch step."""
    start, run = runs_of(raw)
    data = prepare(run.setting.material, run.config.data.preparation, run.seed)
    y = data.train_y
    mean, std = (y.mean(axis=0), np.sqrt(y.var(axis=0).mean())) if standardized else (0.0, 1.0)

    def weights_of(run: Run) -> tuple[list[Any], list[Any]]:
        """As the network learns them: the stored last layer predicts in the target's own unit."""
        coefs, intercepts = weights(train([run])[0])
        return [*coefs[:-1], coefs[-1] / std], [*intercepts[:-1], (intercepts[-1] - mean) / std]

    target = (y - mean) / std if standardized else y
    target = target.squeeze()
    network.partial_fit(data.train_x, target, **first)  # makes the arrays that are overwritten now
    coefs, intercepts = weights_of(start)
    network.coefs_, network.intercepts_ = [w.copy() for w in coefs], [b.copy() for b in intercepts]
    for _ in range(STEPS):
        network.partial_fit(data.train_x, target)
    ours = weights_of(run)
    for mine, theirs, before in zip(ours[0], network.coefs_, coefs, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-8)
        assert np.abs(mine - before).max() > 1e-3  # there was something to agree on
    for mine, theirs in zip(ours[1], network.intercepts_, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-8)


@EVERY
def test_three_classes(activation: str, runs_of: PlanRuns) -> None:
    theirs = MLPClassifier(**settings(activation, learning_rate=0.5, alpha=0.7))
    raw = config("blobs", activation, learning_rate=0.5, l2=0.7)
    assert_same_after_50_steps(raw, theirs, runs_of, classes=[0, 1, 2])


@EVERY
def test_two_classes_on_one_unit(activation: str, runs_of: PlanRuns) -> None:
    theirs = MLPClassifier(**settings(activation, learning_rate=0.5, alpha=0.7))
    raw = config("moons", activation, learning_rate=0.5, l2=0.7, output="sigmoid")
    assert_same_after_50_steps(raw, theirs, runs_of, classes=[0, 1])


# For regression scikit-learn descends (1/2m) sum e^2 + alpha/(2m) w^2 (the loss it reports is divided by
# the number of outputs as well, its gradient is not). Twice that is nnlab's objective with lambda = 2 alpha,
# so half the learning rate takes the same steps.


@EVERY
@pytest.mark.parametrize("source", ["friedman1", "robot_arm"])  # one output, two outputs
@pytest.mark.parametrize("standardized", [False, True])
def test_regression(source: str, activation: str, standardized: bool, runs_of: PlanRuns) -> None:
    theirs = MLPRegressor(**settings(activation, learning_rate=0.02, alpha=0.7))
    raw = config(source, activation, learning_rate=0.01, l2=1.4)
    raw["data"]["standardize_target"] = standardized
    assert_same_after_50_steps(raw, theirs, runs_of, standardized)
