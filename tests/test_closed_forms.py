"""Training to the end, from YAML to weights, against problems whose answer is known on paper."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression, PoissonRegressor, QuantileRegressor

from nnlab.data.prepare import Prepared, prepare
from nnlab.nn.penalties import L2
from nnlab.plan import Run
from nnlab.result import Result
from nnlab.train import train
from tests.conftest import PlanRuns

NO_UNSEEN_ROWS = {"validation": 0, "test": 0}
FULL_BATCH = {"batch_size": "full", "evaluate_every": "last"}


def rows_of(run: Run) -> Prepared:
    return prepare(run.setting.material, run.config.data.preparation, run.seed)


def centred(values: Any) -> Any:
    return values - values.mean(axis=0)


def ridge(x: Any, y: Any, constant: float) -> Any:
    """argmin of ||y - X w||^2 + constant ||w||^2."""
    return np.linalg.solve(x.T @ x + constant * np.eye(x.shape[1]), x.T @ y)


def linear_model(source: str, strengths: list[float]) -> dict[str, Any]:
    return {
        "data": {"source": source, "samples": 40, **NO_UNSEEN_ROWS},
        "model": {"hidden": [], "dtype": "float64"},
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
        "training": {"epochs": 6000, **FULL_BATCH},
        "sweep": {"seeds": 2, "grid": {"regularization.l2": strengths}},
    }


@pytest.mark.parametrize("source", ["linear", "robot_arm", "friedman1"])
def test_gradient_descent_on_a_linear_model_ends_at_ridge_regression(source: str, runs_of: PlanRuns) -> None:
    # (1/m) sum e^2 + lambda/(2m) w^2 has its minimum at ||e||^2 + (lambda/2) ||w||^2; the bias, which is
    # not penalized, takes up the means.
    runs = runs_of(linear_model(source, [0, 3, 40]))
    for run, result in zip(runs, train_together(runs), strict=True):
        data, strength = rows_of(run), l2_of(run).strength
        w = ridge(centred(data.train_x), centred(data.train_y), strength / 2)
        bias = data.train_y.mean(axis=0) - data.train_x.mean(axis=0) @ w
        np.testing.assert_allclose(result.weights["layer1.weight"], w, rtol=0, atol=1e-6)
        np.testing.assert_allclose(result.weights["layer1.bias"], bias, rtol=0, atol=1e-6)


def l2_of(run: Run) -> L2:
    return next(entry for entry in run.config.regularization if isinstance(entry, L2))


def train_together(runs: tuple[Run, ...]) -> list[Result]:
    """Runs that differ in l2 and seed alone; a lambda of 0 is a population of its own."""
    without = [run for run in runs if not l2_of(run).active]
    results = {r.run: r for group in (without, [r for r in runs if r not in without]) for r in train(group)}
    return [results[run.id] for run in runs]


@pytest.mark.parametrize("standardized", [False, True])
def test_at_the_minimum_metrics_are_those_of_ridge_regression(standardized: bool, runs_of: PlanRuns) -> None:
    raw = linear_model("linear", [40])
    raw["data"]["standardize_target"] = standardized
    (run, *_) = runs_of(raw)
    (result,) = train([run])
    data = rows_of(run)
    std = data.train_y.std() if standardized else 1.0  # the penalty is of the weights in training
    w = ridge(centred(data.train_x), centred(data.train_y), 20)
    errors = centred(data.train_y) - centred(data.train_x) @ w
    assert result.metrics["train_loss"] == pytest.approx(np.mean(errors**2), rel=1e-9)
    assert result.metrics["penalty"] == pytest.approx(40 / (2 * 40) * np.sum((w / std) ** 2), rel=1e-9)
    assert result.metrics["weight_norm"] == pytest.approx(np.linalg.norm(w) / std, rel=1e-9)


def test_more_data_means_less_decay_at_the_same_lambda(runs_of: PlanRuns) -> None:
    # Every row twice and lambda twice is the same problem: lambda counts against the number of rows.
    raw = linear_model("linear", [40]) | {
        "sweep": {"seeds": 1, "zip": {"data.copies": [1, 2, 2], "regularization.l2": [20, 40, 20]}}
    }
    once, twice, weaker = [train([run])[0].weights["layer1.weight"] for run in runs_of(raw)]
    np.testing.assert_allclose(once, twice, rtol=1e-9)
    assert np.linalg.norm(weaker) > 1.01 * np.linalg.norm(once)


def test_a_linear_classifier_ends_at_logistic_regression(runs_of: PlanRuns) -> None:
    # C = 1/lambda there; two classes on softmax share the weight, so one sigmoid unit is compared.
    (run,) = runs_of(
        {
            "data": {"source": "moons", "samples": 60, **NO_UNSEEN_ROWS},
            "model": {"hidden": [], "output": "sigmoid", "dtype": "float64"},
            "optimizer": {"name": "sgd", "learning_rate": 1.0},
            "regularization": {"l2": 2.0},
            "training": {"epochs": 2000, **FULL_BATCH},
        }
    )
    (result,), data = train([run]), rows_of(run)
    reference = LogisticRegression(C=1 / 2.0, tol=1e-12, max_iter=10_000).fit(data.train_x, data.train_y)
    np.testing.assert_allclose(result.weights["layer1.weight"][:, 0], reference.coef_[0], atol=1e-6)
    np.testing.assert_allclose(result.weights["layer1.bias"], reference.intercept_, atol=1e-6)


def test_balanced_classes_end_at_the_logistic_regression_of_scikit_learn(runs_of: PlanRuns) -> None:
    (run,) = runs_of(
        {
            "data": {"source": "breast_cancer", "train_size": 150, **NO_UNSEEN_ROWS},
            "model": {"hidden": [], "output": "sigmoid", "dtype": "float64"},
            "loss": {"name": "binary_cross_entropy", "class_weight": "balanced"},
            "optimizer": {"name": "nesterov", "learning_rate": 0.3},
            "regularization": {"l2": 5.0},
            "training": {"epochs": 3000, **FULL_BATCH},
        }
    )
    (result,), data = train([run]), rows_of(run)
    fitted = {
        weight: LogisticRegression(C=1 / 5.0, class_weight=weight, tol=1e-12, max_iter=10_000).fit(
            data.train_x, data.train_y
        )
        for weight in ("balanced", None)
    }
    np.testing.assert_allclose(result.weights["layer1.weight"][:, 0], fitted["balanced"].coef_[0], atol=1e-6)
    np.testing.assert_allclose(result.weights["layer1.bias"], fitted["balanced"].intercept_, atol=1e-6)
    assert np.abs(fitted["balanced"].coef_ - fitted[None].coef_).max() > 0.01  # the weights matter here


def test_counts_end_at_the_poisson_regression_of_scikit_learn(runs_of: PlanRuns) -> None:
    # Their objective is half the mean deviance + alpha/2 w^2: alpha = lambda/m.
    (run,) = runs_of(
        {
            "data": {"source": "diabetes", "train_size": 100, **NO_UNSEEN_ROWS},
            "model": {"hidden": [], "initializer": "zeros", "dtype": "float64"},
            "loss": "poisson",
            "optimizer": {"name": "adam", "learning_rate": 0.1},
            "regularization": {"l2": 30.0},
            "schedule": {"name": "cosine"},
            "training": {"epochs": 4000, **FULL_BATCH},
        }
    )
    (result,), data = train([run]), rows_of(run)
    reference = PoissonRegressor(alpha=0.3, tol=1e-12, max_iter=10_000).fit(data.train_x, data.train_y[:, 0])
    np.testing.assert_allclose(result.weights["layer1.weight"][:, 0], reference.coef_, atol=1e-5)
    np.testing.assert_allclose(result.weights["layer1.bias"], reference.intercept_, atol=1e-5)


def test_absolute_errors_end_at_the_median_regression_of_scikit_learn(runs_of: PlanRuns) -> None:
    (run,) = runs_of(
        {
            "data": {"source": "linear", "samples": 60, "irrelevant": 2, **NO_UNSEEN_ROWS},
            "model": {"hidden": [], "dtype": "float64"},
            "loss": "absolute_error",
            "optimizer": {"name": "adam", "learning_rate": 0.03},
            "schedule": {"name": "cosine"},
            "training": {"epochs": 6000, **FULL_BATCH},
        }
    )
    (result,), data = train([run]), rows_of(run)
    reference = QuantileRegressor(quantile=0.5, alpha=0).fit(data.train_x, data.train_y[:, 0])
    least = np.abs(reference.predict(data.train_x) - data.train_y[:, 0]).mean()
    assert least <= result.metrics["train_loss"] <= 1.0005 * least


# --- a stack of identity layers ------------------------------------------------------------------


@pytest.mark.parametrize("source", ["xor", "spirals"])
def test_a_stack_of_identity_layers_cannot_beat_a_linear_model_but_relu_can(
    source: str, runs_of: PlanRuns
) -> None:
    raw = {
        "data": {"source": source, "samples": 200, **NO_UNSEEN_ROWS},
        "model": {"hidden": [16, 16], "output": "sigmoid", "dtype": "float64"},
        "optimizer": {"name": "adam", "learning_rate": 0.01},
        "training": {"epochs": 400, **FULL_BATCH},
        "sweep": {"seeds": 2, "grid": {"model.activation": ["identity", "relu"]}},
    }
    for run in runs_of(raw):
        (result,), data = train([run]), rows_of(run)
        best = LogisticRegression(C=np.inf, tol=1e-10).fit(data.train_x, data.train_y)
        chances = best.predict_proba(data.train_x)[np.arange(200), data.train_y]
        lowest = -np.log(chances).mean()  # of all linear models
        if run.config.model.activations[0].name == "identity":
            assert result.metrics["train_loss"] >= lowest - 1e-9
            assert result.metrics["train_loss"] == pytest.approx(lowest, rel=0.01)  # and gets there
        else:
            assert result.metrics["train_loss"] < 0.8 * lowest


def test_a_stack_of_identity_layers_predicts_like_the_product_of_its_matrices(runs_of: PlanRuns) -> None:
    (run,) = runs_of(
        {
            "data": {"source": "friedman1", "samples": 100},
            "model": {"hidden": [7, 5], "activation": "identity", "dtype": "float64"},
            "training": {"epochs": 5},
        }
    )
    (result,), data = train([run]), rows_of(run)
    w = result.weights
    matrix = w["layer1.weight"] @ w["layer2.weight"] @ w["layer3.weight"]
    bias = (w["layer1.bias"] @ w["layer2.weight"] + w["layer2.bias"]) @ w["layer3.weight"] + w["layer3.bias"]
    loss = np.mean((data.test_x @ matrix + bias - data.test_y) ** 2)
    assert result.metrics["test_loss"] == pytest.approx(loss, rel=1e-12)


# --- what theory knows ---------------------------------------------------------------------------


def test_zero_weights_stay_equal_so_hidden_units_never_differ(runs_of: PlanRuns) -> None:
    (run,) = runs_of(
        {
            "data": {"source": "moons", "samples": 100},
            "model": {"hidden": [6], "activation": "sigmoid", "initializer": "zeros"},
            "training": {"epochs": 20},
        }
    )
    first = train([run])[0].weights["layer1.weight"]
    np.testing.assert_allclose(first, np.repeat(first[:, :1], 6, axis=1), rtol=1e-5)  # but for rounding
    assert np.abs(first).min() > 1e-3


def test_a_linear_model_on_twonorm_comes_close_to_the_bayes_error(runs_of: PlanRuns) -> None:
    (run,) = runs_of(
        {
            "data": {"source": "twonorm", "samples": 12_000, "test": 0.5, "validation": 0},
            "model": {"hidden": []},
            "optimizer": {"name": "adam", "learning_rate": 0.01},
            "training": {"epochs": 10, "batch_size": 100},
        }
    )
    bayes = norm.cdf(-2)  # 2.28 %
    error = 1 - train([run])[0].metrics["test_accuracy"]
    assert error == pytest.approx(bayes, abs=4 * math.sqrt(bayes / 6000))


def test_a_network_on_a_sine_reaches_the_noise(runs_of: PlanRuns) -> None:
    (run,) = runs_of(
        {
            "data": {"source": "sine", "samples": 4000, "noise": 0.2, "test": 0.5, "validation": 0},
            "model": {"hidden": [32], "activation": "tanh"},
            "optimizer": {"name": "adam", "learning_rate": 0.01},
            "training": {"epochs": 60, "batch_size": 50},
        }
    )
    assert train([run])[0].metrics["test_loss"] == pytest.approx(0.2**2, rel=0.15)
