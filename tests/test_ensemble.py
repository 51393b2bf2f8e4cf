"""Ensembles: the mean of what members say, and rows drawn for each."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from nnlab.arrays import Array
from nnlab.data.prepare import prepare
from nnlab.result import Result
from nnlab.streams import stream
from nnlab.train import train
from tests.conftest import PlanRuns
from tests.regularizers import config, rows_of, slope


def member(result: Result, number: int) -> dict[str, Array]:
    """The weights of one member of an ensemble."""
    prefix = f"member{number}."
    return {k.removeprefix(prefix): w for k, w in result.weights.items() if k.startswith(prefix)}


@pytest.mark.parametrize(
    ("source", "output"), [("blobs", "softmax"), ("moons", "sigmoid"), ("robot_arm", "identity")]
)
def test_an_ensemble_predicts_the_mean_of_what_its_members_say(
    source: str, output: str, runs_of: PlanRuns
) -> None:
    model = {"hidden": [9], "activation": "tanh", "dtype": "float64", "output": output}
    raw = config(data={"source": source, "samples": 80}, model=model, regularization={"ensemble": 3})
    runs = runs_of(raw)
    alone = train(runs_of({**raw, "regularization": {}}))
    for run, result, single in zip(runs, train(runs), alone, strict=True):
        data = rows_of(run)
        for split in ("train", "val", "test"):
            x, target = getattr(data, f"{split}_x"), getattr(data, f"{split}_y")
            said: Array = np.zeros(1)
            for number in (1, 2, 3):
                w = member(result, number)
                z = np.tanh(x @ w["layer1.weight"] + w["layer1.bias"]) @ w["layer2.weight"] + w["layer2.bias"]
                if output == "sigmoid":
                    z = np.hstack([np.zeros_like(z), z])
                said = said + (z if output == "identity" else softmax(z, axis=1)) / 3
            if output == "identity":
                loss = ((said - target) ** 2).sum(axis=1).mean()
            else:
                loss = -np.log(said[range(len(x)), target]).mean()
                assert result.metrics[f"{split}_accuracy"] == np.mean(said.argmax(axis=1) == target)
            assert result.metrics[f"{split}_loss"] == pytest.approx(loss, rel=1e-10)
        assert result.parameters == 3 * single.parameters
        first = member(result, 1)
        assert {k: w.tobytes() for k, w in first.items()} == {
            k: w.tobytes() for k, w in single.weights.items()
        }
        assert member(result, 2)["layer1.weight"].tobytes() != first["layer1.weight"].tobytes()


@pytest.mark.parametrize("batch_size", ["full", 48, 7])
def test_bagging_draws_rows_for_each_member_by_itself(batch_size: int | str, runs_of: PlanRuns) -> None:
    raw = config(
        data={"source": "friedman1", "samples": 80, "resample": "bootstrap"},
        model={"hidden": [], "dtype": "float64"},
        training={"epochs": 1, "batch_size": batch_size},
        regularization={"ensemble": 3},
    )
    raw["sweep"] = {"seeds": 1, "grid": {"training.epochs": [0, 1]}}
    start, run = runs_of(raw)
    before, after = (train([one])[0] for one in (start, run))
    shared = replace(run.config.data.preparation, resample="none")
    data = prepare(run.setting.material, shared, run.seed)
    for number in (1, 2, 3):
        w, b = member(before, number)["layer1.weight"], member(before, number)["layer1.bias"]
        bag = stream(run.seed, "resample", number - 1).integers(0, 48, 48)
        assert 20 < len(set(bag)) < 40
        order = stream(run.seed, "batches", number - 1).permutation(48)
        for first in range(0, 48, 48 if batch_size == "full" else int(batch_size)):
            rows = bag if batch_size in ("full", 48) else bag[order[first : first + 7]]
            by_w, by_b = slope(data.train_x[rows], data.train_y[rows], w, b)
            w, b = w - 0.1 * by_w, b - 0.1 * by_b
        np.testing.assert_allclose(member(after, number)["layer1.weight"], w, rtol=1e-9)
        np.testing.assert_allclose(member(after, number)["layer1.bias"], b, rtol=1e-9)


def test_an_ensemble_ends_when_one_member_diverges(runs_of: PlanRuns) -> None:
    raw = config("friedman1", optimizer={"name": "sgd", "learning_rate": 1e6}, regularization={"ensemble": 2})
    assert {result.status for result in train(runs_of(raw))} == {"diverged"}
