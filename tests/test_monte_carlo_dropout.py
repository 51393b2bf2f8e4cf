"""Monte-Carlo dropout: a prediction is the mean of random passes, and training knows nothing of it."""

import numpy as np
import pytest
from scipy.special import softmax

from nnlab.arrays import Array
from nnlab.plan import populations
from nnlab.streams import stream
from nnlab.train import train
from tests.conftest import PlanRuns
from tests.regularizers import config, kept, rows_of


@pytest.mark.parametrize(
    ("source", "output"), [("blobs", "softmax"), ("moons", "sigmoid"), ("robot_arm", "identity")]
)
def test_monte_carlo_dropout_predicts_the_mean_of_random_passes(
    source: str, output: str, runs_of: PlanRuns
) -> None:
    raw = config(
        data={"source": source, "samples": 80, "standardize_target": False},
        model={"hidden": [9], "activation": "tanh", "dtype": "float64", "output": output},
        regularization={"dropout": {"p": 0.25, "samples": 3}},
    )
    run, _ = runs_of(raw)
    result, data = train([run])[0], rows_of(run)
    rng, w = stream(run.seed, "monte_carlo"), result.weights
    x, target = data.test_x, data.test_y
    said: Array = np.zeros(1)
    for _ in range(3):
        mask = kept(rng, 0.25, 9 * len(x)).reshape(9, len(x)).T / 0.75
        z = (np.tanh(x @ w["layer1.weight"] + w["layer1.bias"]) * mask) @ w["layer2.weight"] + w[
            "layer2.bias"
        ]
        if output == "sigmoid":
            z = np.hstack([np.zeros_like(z), z])
        said = said + (z if output == "identity" else softmax(z, axis=1)) / 3
    if output == "identity":
        assert result.metrics["test_loss"] == pytest.approx(((said - target) ** 2).sum(axis=1).mean())
    else:
        assert result.metrics["test_loss"] == pytest.approx(-np.log(said[range(len(x)), target]).mean())
        assert result.metrics["test_accuracy"] == np.mean(said.argmax(axis=1) == target)


def test_monte_carlo_dropout_changes_no_training(runs_of: PlanRuns) -> None:
    plain, sampled = (
        train(runs_of(config(regularization={"dropout": {"p": 0.5, "samples": samples}})))
        for samples in (0, 4)
    )
    for one, other in zip(plain, sampled, strict=True):
        for name, weight in one.weights.items():
            assert weight.tobytes() == other.weights[name].tobytes()
        assert one.metrics["test_loss"] != other.metrics["test_loss"]


def test_runs_with_other_numbers_of_samples_train_apart(runs_of: PlanRuns) -> None:
    grid = {"regularization.dropout": [{"p": 0.5, "samples": n} for n in (0, 2, 3)]}
    assert [len(stack) for stack in populations(runs_of(config(sweep={"seeds": 2, "grid": grid})))] == [
        2,
        2,
        2,
    ]
