"""Populations: a run's bits never depend on its company, and its numbers mean what they say."""

import hashlib
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.metrics import (
    accuracy_score,
    log_loss,
    mean_poisson_deviance,
    mean_squared_error,
    r2_score,
    root_mean_squared_error,
)

from nnlab.arrays import Array
from nnlab.config.load import load
from nnlab.data.prepare import Prepared, prepare
from nnlab.nn import masks
from nnlab.nn.activations import ACTIVATIONS
from nnlab.nn.losses import LOSSES
from nnlab.nn.optimizers import OPTIMIZERS
from nnlab.plan import Run, plan_sweep, populations
from nnlab.result import Result
from nnlab.train import Population, train
from tests.conftest import PlanRuns

MEMBER = 17


def digest(result: Result) -> str:
    """All that a run is, but for the time it took; equal only if every bit is (all NaN count as one)."""
    facts = (result.run, result.status, result.epochs, result.best_epoch, result.parameters, result.error)
    metrics = {name: value.hex() for name, value in result.metrics.items()}
    hashed = hashlib.sha256(repr((facts, metrics)).encode())
    alone = {"feature_weights": result.feature_weights, "predictions": result.predictions}
    for arrays in (result.curves, result.weights, alone):
        for name, array in arrays.items():
            bits = np.where(np.isnan(array), np.nan, array).astype(array.dtype).tobytes()
            hashed.update(f"{name} {array.dtype} {array.shape}".encode() + bits)
    return hashed.hexdigest()


def crowd(runs_of: PlanRuns, raw: dict[str, Any], rates: Sequence[float] = (), count: int = 64) -> list[Run]:
    """Runs with seeds, lambdas, dropout and learning rates of their own that train as one population."""
    runs: list[Run] = []
    for i in range(count):
        own = {
            "regularization.l2": [0.01 + 0.3 * i],
            "regularization.dropout": [0.1 + 0.01 * (i % 60)],
            "optimizer.learning_rate": [rates[i] if rates else 0.001 * (1 + i % 5)],
        }
        runs += runs_of({**raw, "sweep": {"seeds": [100 + 3 * i], "grid": own}})
    assert [len(stack) for stack in populations(runs)] == [count]
    return runs


def config(source: str = "moons", **sections: Any) -> dict[str, Any]:
    return {
        "data": {"source": source, "samples": 80},
        "model": {"hidden": [9, 6]},
        "training": {"epochs": 4, "batch_size": 7},
        **sections,
    }


def assert_same_alone(runs: Sequence[Run], member: int = MEMBER) -> list[Result]:
    """Trains the whole stack, the member alone, and the member in a smaller stack."""
    together = train(runs)
    (alone,) = train([runs[member]])
    few = train(runs[member - 2 : member + 1])
    assert digest(together[member]) == digest(alone) == digest(few[2])
    assert len({digest(result) for result in together}) == len(runs)
    return together


# --- alone equals stacked -------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("batch_size", [1, 7, 47, "full"])  # of 48 training rows: 7 leaves 6 and 47 leaves 1
def test_a_run_has_the_same_bits_alone_and_as_member_17_of_64(
    optimizer: str, batch_size: int | str, runs_of: PlanRuns
) -> None:
    raw = config(optimizer={"name": optimizer}, training={"epochs": 3, "batch_size": batch_size})
    results = assert_same_alone(crowd(runs_of, raw))
    assert {result.status for result in results} == {"completed"}


@pytest.mark.parametrize(
    ("source", "model"),
    [
        ("blobs", {"hidden": [9, 6]}),
        ("tones", {"hidden": [33]}),  # 64 features, 12 classes
        ("moons", {"hidden": [9], "output": "sigmoid"}),
        ("friedman1", {"hidden": [9, 6]}),
        ("robot_arm", {"hidden": [9, 6]}),
        ("digits", {"hidden": [65, 3]}),
        ("moons", {"hidden": [9, 6], "dtype": "float64"}),
        ("moons", {"hidden": [1, 2, 1]}),
    ],
    ids=str,
)
def test_alone_equals_stacked_whatever_the_task_and_the_shape(
    source: str, model: dict[str, Any], runs_of: PlanRuns
) -> None:
    raw = config(source, model=model, training={"epochs": 2, "batch_size": 32})
    raw["data"] = {"source": source} | ({} if source == "digits" else {"samples": 700})
    assert_same_alone(crowd(runs_of, raw, count=19))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_alone_equals_stacked_for_every_activation(activation: str, runs_of: PlanRuns) -> None:
    raw = config(model={"hidden": [9, 6], "activation": activation}, training={"epochs": 2, "batch_size": 7})
    assert_same_alone(crowd(runs_of, raw, count=5), member=3)


@pytest.mark.parametrize(("loss", "output"), [(n, o) for n, cls in LOSSES.items() for o in cls.outputs])
def test_alone_equals_stacked_for_every_loss_and_output(loss: str, output: str, runs_of: PlanRuns) -> None:
    raw = config("blobs", loss=loss, model={"hidden": [9, 6], "output": output})
    raw["data"] |= {"classes": 9}
    if "classification" not in LOSSES[loss].tasks:
        raw["data"] = {"source": "diabetes", "train_size": 60}
    assert_same_alone(crowd(runs_of, raw, count=5), member=3)


def test_alone_equals_stacked_where_rows_have_weights(runs_of: PlanRuns) -> None:
    raw = config("breast_cancer", loss={"name": "cross_entropy", "class_weight": "balanced"})
    raw["data"] = {"source": "breast_cancer", "train_size": 60, "resample": "bootstrap"}
    assert_same_alone(crowd(runs_of, raw, count=19))


def test_a_linear_model_without_regularization_is_the_same_alone_too(runs_of: PlanRuns) -> None:
    runs = runs_of(config(model={"hidden": []}, sweep={"seeds": 30}))
    assert_same_alone(runs)


def test_bits_are_the_same_when_runs_leave_one_after_the_other(runs_of: PlanRuns) -> None:
    stopping = {"early_stopping": {"patience": 3, "metric": "val_accuracy"}}
    raw = config(regularization=stopping, training={"epochs": 40, "batch_size": 7})
    results = assert_same_alone(crowd(runs_of, raw, [0.02] * 64))
    assert len({result.epochs for result in results}) > 5


def test_patience_may_differ_within_a_population(runs_of: PlanRuns) -> None:
    raw = config(
        regularization={"early_stopping": 1},
        training={"epochs": 30, "batch_size": 7},
        sweep={"seeds": 5, "grid": {"regularization.early_stopping": [1, 2, 5, 9]}},
    )
    runs = runs_of(raw)
    assert [len(stack) for stack in populations(runs)] == [20]
    assert_same_alone(runs)


def test_a_second_process_gets_the_same_bits(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        json.dumps(
            config(
                regularization={"l2": 0.5, "dropout": 0.3, "early_stopping": 2},
                training={"epochs": 10, "batch_size": 7},
                sweep={"seeds": 8, "grid": {"optimizer.learning_rate": [0.01, 0.1]}},
            )
        )
    )
    here = [digest(result) for result in train(plan_sweep(load(str(path))).runs)]
    script = (
        "import sys; from tests.test_population import digest, load, plan_sweep, train\n"
        "for run in plan_sweep(load(sys.argv[1])).runs: print(digest(train([run])[0]))"
    )
    # Without the variables of conftest: training sees to one BLAS thread by itself.
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    root = Path(__file__).parents[1]
    there = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.split() == here


def test_dropout_does_nothing_to_a_network_without_hidden_units(runs_of: PlanRuns) -> None:
    raw = config(model={"hidden": []}, sweep={"seeds": 1, "grid": {"regularization.dropout": [0, 0.5]}})
    plain, dropped = (train([run])[0] for run in runs_of(raw))
    assert plain.metrics == dropped.metrics


def test_runs_of_different_tasks_never_share_a_population(runs_of: PlanRuns) -> None:
    # Moons with two units and the robot arm with two outputs have one shape.
    raw = config(
        loss="squared_error",
        model={"hidden": [4], "output": "identity"},
        sweep={"seeds": 1, "grid": {"data.source": ["moons", "robot_arm"]}},
    )
    assert [len(stack) for stack in populations(runs_of(raw))] == [1, 1]


# --- divergence -----------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_run_that_diverges_leaves_the_bits_of_others_alone(optimizer: str, runs_of: PlanRuns) -> None:
    raw = config(optimizer={"name": optimizer}, training={"epochs": 6, "batch_size": 7})
    rates = [1e6 if i % 16 == 0 else 0.01 for i in range(64)]
    results = assert_same_alone(crowd(runs_of, raw, rates))
    assert [result.status for result in results] == [
        "diverged" if i % 16 == 0 else "completed" for i in range(64)
    ]


def test_a_diverged_run_has_curves_but_no_metrics(runs_of: PlanRuns) -> None:
    (run,) = runs_of(config("friedman1", optimizer={"name": "sgd", "learning_rate": 1e6}))
    (result,) = train([run])
    assert (result.status, result.epochs, result.best_epoch) == ("diverged", 1, None)
    assert result.metrics == {}
    assert not result.curves["train_loss"][-1] < 1e6
    assert result.error is None


def test_a_population_in_which_all_diverge_ends(runs_of: PlanRuns) -> None:
    raw = config(
        optimizer={"name": "sgd", "learning_rate": 1e6},
        regularization={"l2": 1.0, "dropout": 0.5, "early_stopping": 5},
        sweep={"seeds": 4},
    )
    results = train(runs_of(raw))
    assert [result.status for result in results] == ["diverged"] * 4
    assert max(result.epochs for result in results) < 4


# --- the same seed --------------------------------------------------------------------------------


def batches(run: Run, epochs: int = 3) -> list[list[list[int]]]:
    """The rows of each step of some epochs."""
    population = Population([run])
    return [[step[0].tolist() for step in population.batches.epoch()] for _ in range(epochs)]


def test_strategies_with_one_seed_share_split_first_weights_and_batch_order(runs_of: PlanRuns) -> None:
    raw = config(sweep={"seeds": [5, 6], "strategies": {"none": {}, "l2": {"regularization.l2": 10}}})
    raw["training"]["epochs"] = 0
    plain, other, decayed, _ = runs_of(raw)
    assert (plain.seed, decayed.seed, decayed.setting.strategy) == (5, 5, "l2")
    mine, theirs = rows_of(plain), rows_of(decayed)
    for part in ("train_x", "train_y", "val_x", "val_y", "test_x", "test_y"):
        assert np.array_equal(getattr(mine, part), getattr(theirs, part))
    (first,), (second,), (third,) = train([plain]), train([decayed]), train([other])
    for name, weight in first.weights.items():
        assert weight.tobytes() == second.weights[name].tobytes()
    assert first.weights["layer1.weight"].tobytes() != third.weights["layer1.weight"].tobytes()
    assert batches(plain) == batches(decayed) != batches(other)


def test_every_epoch_goes_through_all_rows_once_in_a_new_order(runs_of: PlanRuns) -> None:
    (run,) = runs_of(config())
    epochs = batches(run)
    assert [[len(step) for step in epoch] for epoch in epochs] == [[7, 7, 7, 7, 7, 7, 6]] * 3
    orders = [[row for step in epoch for row in step] for epoch in epochs]
    assert all(sorted(order) == list(range(48)) for order in orders)
    assert orders[0] != orders[1] != orders[2]


def test_an_epoch_of_mini_batches_is_worked_out_step_by_step(runs_of: PlanRuns) -> None:
    raw = config("friedman1", model={"hidden": [], "dtype": "float64"}, regularization={"l2": 30.0})
    raw["optimizer"] = {"name": "sgd", "learning_rate": 0.01}
    raw["sweep"] = {"seeds": 1, "grid": {"training.epochs": [0, 1]}}
    start, run = runs_of(raw)
    before, after = train([start])[0].weights, train([run])[0].weights
    w, b, data = before["layer1.weight"], before["layer1.bias"], rows_of(run)
    for rows in batches(run)[0]:
        x, wrong_by = data.train_x[rows], data.train_x[rows] @ w + b - data.train_y[rows]
        # The mean over the batch, but lambda over all 48 training rows.
        w = w - 0.01 * (2 * x.T @ wrong_by / len(rows) + 30.0 / 48 * w)
        b = b - 0.01 * 2 * wrong_by.mean(axis=0)
    np.testing.assert_allclose(after["layer1.weight"], w, rtol=1e-10)
    np.testing.assert_allclose(after["layer1.bias"], b, rtol=1e-10)


# --- what the numbers mean ------------------------------------------------------------------------


def rows_of(run: Run) -> Prepared:
    return prepare(run.setting.material, run.config.data.preparation, run.seed)


def logits(result: Result, x: Array) -> Array:
    """A forward pass in plain NumPy, without dropout, (rows, outputs)."""
    depth, h = len(result.weights) // 2, x
    for i in range(1, depth + 1):
        z = h @ result.weights[f"layer{i}.weight"] + result.weights[f"layer{i}.bias"]
        h = np.maximum(z, 0)
    return np.asarray(z)


@pytest.mark.parametrize("stopping", [None, {"patience": 3}], ids=["to the end", "early stopping"])
@pytest.mark.parametrize(
    ("source", "output"), [("blobs", "softmax"), ("moons", "softmax"), ("moons", "sigmoid")]
)
def test_metrics_of_a_classifier_come_out_of_its_stored_weights(
    source: str, output: str, stopping: Any, runs_of: PlanRuns
) -> None:
    raw = config(
        source,
        data={"source": source, "samples": 900, "label_noise": 0.2},  # more rows than one block of 256
        model={"hidden": [9, 6], "output": output, "dtype": "float64"},
        regularization={"dropout": 0.3, "l2": 0.5, "early_stopping": stopping},
        optimizer={"name": "adam", "learning_rate": 0.03},
        training={"epochs": 12, "batch_size": 32},
        sweep={"seeds": 2},
    )
    runs = runs_of(raw)
    for run, result in zip(runs, train(runs), strict=True):
        data, classes = rows_of(run), len(run.setting.material.class_names)
        for split in ("train", "val", "test"):
            z, labels = logits(result, getattr(data, f"{split}_x")), getattr(data, f"{split}_y")
            chances = softmax(z, axis=1) if output == "softmax" else np.hstack([1 - expit(z), expit(z)])
            loss = log_loss(labels, chances, labels=range(classes))
            assert result.metrics[f"{split}_loss"] == pytest.approx(loss, rel=1e-12)
            assert result.metrics[f"{split}_accuracy"] == accuracy_score(labels, chances.argmax(axis=1))


@pytest.mark.parametrize("source", ["friedman1", "robot_arm"])
def test_metrics_of_a_regression_come_out_of_its_stored_weights(source: str, runs_of: PlanRuns) -> None:
    raw = config(
        source,
        data={"source": source, "samples": 900},
        model={"hidden": [9, 6], "dtype": "float64"},
        regularization={"dropout": 0.3, "l2": 0.5, "early_stopping": 3},
        optimizer={"name": "adam", "learning_rate": 0.03},
        training={"epochs": 12, "batch_size": 32},
        sweep={"seeds": 2},
    )
    runs = runs_of(raw)
    for run, result in zip(runs, train(runs), strict=True):
        data = rows_of(run)
        for split in ("train", "val", "test"):
            y, target = logits(result, getattr(data, f"{split}_x")), getattr(data, f"{split}_y")
            mean = mean_squared_error(target, y)  # over rows and outputs
            assert result.metrics[f"{split}_loss"] == pytest.approx(mean * target.shape[1], rel=1e-12)
            assert result.metrics[f"{split}_rmse"] == pytest.approx(np.sqrt(mean), rel=1e-12)
            assert result.metrics[f"{split}_r2"] == pytest.approx(r2_score(target, y), rel=1e-12)


def test_metrics_of_counts_are_those_of_their_predicted_means(runs_of: PlanRuns) -> None:
    raw = config("diabetes", data={"source": "diabetes"}, model={"hidden": [9, 6], "dtype": "float64"})
    (run,) = runs_of({**raw, "loss": "poisson", "sweep": {"seeds": 1}})
    (result,), data = train([run]), rows_of(run)
    for split in ("train", "val", "test"):
        mean, target = np.exp(logits(result, getattr(data, f"{split}_x"))), getattr(data, f"{split}_y")
        loss = mean_poisson_deviance(target, mean) / 2
        assert result.metrics[f"{split}_loss"] == pytest.approx(loss, rel=1e-9)
        assert result.metrics[f"{split}_rmse"] == pytest.approx(
            root_mean_squared_error(target, mean), rel=1e-9
        )
        assert result.metrics[f"{split}_r2"] == pytest.approx(r2_score(target, mean), rel=1e-9)


def test_penalty_norm_gap_and_counts_are_worked_out_from_the_weights(runs_of: PlanRuns) -> None:
    raw = config(model={"hidden": [9, 6], "dtype": "float64"}, regularization={"l2": 3.0})
    (result,) = train(runs_of(raw))
    squares = sum(np.sum(w**2) for name, w in result.weights.items() if name.endswith("weight"))
    metrics = result.metrics
    assert metrics["penalty"] == pytest.approx(3.0 / (2 * 48) * squares, rel=1e-12)
    assert metrics["weight_norm"] == pytest.approx(np.sqrt(squares), rel=1e-12)
    assert metrics["gap"] == metrics["test_loss"] - metrics["train_loss"]
    assert result.parameters == sum(w.size for w in result.weights.values()) == 3 * 9 + 10 * 6 + 7 * 2
    np.testing.assert_allclose(
        result.feature_weights**2, np.sum(result.weights["layer1.weight"] ** 2, axis=1)
    )


@pytest.mark.parametrize(
    ("unseen", "stands_in"), [({"test": 0}, "val_loss"), ({"validation": 0}, "test_loss")]
)
def test_the_gap_takes_validation_rows_where_there_are_no_test_rows(
    unseen: dict[str, int], stands_in: str, runs_of: PlanRuns
) -> None:
    (result,) = train(runs_of(config(data={"source": "moons", "samples": 80, **unseen})))
    assert result.metrics["gap"] == result.metrics[stands_in] - result.metrics["train_loss"]
    assert len({"val_loss", "test_loss"} & set(result.metrics)) == 1


def test_without_unseen_rows_there_is_no_gap(runs_of: PlanRuns) -> None:
    (result,) = train(runs_of(config(data={"source": "moons", "samples": 80, "validation": 0, "test": 0})))
    assert not {"gap", "val_loss", "test_loss"} & set(result.metrics)


def test_the_first_row_of_curves_is_the_untrained_network(runs_of: PlanRuns) -> None:
    raw = config(sweep={"seeds": 1, "grid": {"training.epochs": [0, 4]}})
    untrained, trained = (train([run])[0] for run in runs_of(raw))
    assert trained.curves["epoch"].tolist() == [0, 1, 2, 3, 4]
    assert trained.curves["train_loss"][0] == untrained.metrics["train_loss"]
    assert trained.curves["val_loss"][-1] == trained.metrics["val_loss"]
    assert (untrained.status, untrained.epochs, untrained.best_epoch) == ("completed", 0, 0)


def test_curves_have_a_row_where_they_are_asked_for_and_at_the_end(runs_of: PlanRuns) -> None:
    def epochs(evaluate_every: Any) -> list[float]:
        training = {"epochs": 10, "batch_size": 7, "evaluate_every": evaluate_every}
        return list(train(runs_of(config(training=training)))[0].curves["epoch"])

    assert epochs("auto") == list(range(11))
    assert epochs(4) == [0, 4, 8, 10]
    assert epochs("last") == [0, 10]


def test_how_often_a_run_is_evaluated_does_not_change_it(runs_of: PlanRuns) -> None:
    raw = config(sweep={"seeds": 1, "grid": {"training.evaluate_every": [1, 3, "last"]}})
    raw["regularization"] = {"dropout": 0.5}
    first, *others = (train([run])[0] for run in runs_of(raw))
    for other in others:
        assert {k: v.tobytes() for k, v in other.weights.items()} == {
            k: v.tobytes() for k, v in first.weights.items()
        }


# --- the hot loop ---------------------------------------------------------------------------------


def peak_of_an_epoch(population: Population) -> int:
    """Bytes allocated at most at one time in an epoch that is not the first."""
    population._train_epoch()
    tracemalloc.start()
    population._train_epoch()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def wide(activation: str, **regularization: float) -> dict[str, Any]:
    return config(
        "tones",
        data={"source": "tones", "samples": 160, "length": 512},
        model={"hidden": [256, 256], "activation": activation},
        training={"epochs": 1, "batch_size": 32},
        regularization=regularization,
        sweep={"seeds": 8},
    )


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_the_hot_loop_allocates_next_to_nothing(activation: str, l2: float, runs_of: PlanRuns) -> None:
    population = Population(runs_of(wide(activation, l2=l2)))
    a_layer = population.learner.layers[1].nbytes
    assert peak_of_an_epoch(population) < 0.1 * a_layer  # row numbers, and NumPy's buffers of 64 KB


def test_dropout_holds_no_more_words_than_it_should(
    runs_of: PlanRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = 1 << 20
    monkeypatch.setattr(masks, "CHUNK_BYTES", held)
    population = Population(runs_of(wide("relu", dropout=0.5)))
    assert peak_of_an_epoch(population) < 2.3 * held  # the old words are let go after the new are drawn


def test_first_weights_that_overflow_are_a_diverged_run_even_without_training(runs_of: PlanRuns) -> None:
    raw = config(
        model={"hidden": [4], "initializer": {"name": "normal", "std": 3e38}}, training={"epochs": 0}
    )
    result = train(runs_of({**raw, "sweep": {"seeds": 1}}))[0]
    assert result.status == "diverged"
    assert not result.metrics
