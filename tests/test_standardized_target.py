"""The target of a regression: learnt in a unit of its own, reported as the table has it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnlab.config.load import configure
from nnlab.errors import InputError
from nnlab.registry import write
from nnlab.result import Result
from nnlab.train import train
from tests.conftest import PlanRuns
from tests.test_population import assert_same_alone, config, crowd

UNIT = 1024.0  # a power of 2: multiplying by it rounds nothing


def table(folder: Path, unit: float = 1.0, shift: float = 0.0) -> dict[str, Any]:
    """A table of 60 rows whose target is measured in some unit."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    y = np.sin(x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=60)
    lines = [",".join(map(repr, map(float, row))) for row in np.column_stack([x, y * unit + shift])]
    (folder / "t.csv").write_text("\n".join(["a,b,c,y", *lines]))
    return {"source": "csv", "path": "t.csv", "target": "y"}


def trained(runs_of: PlanRuns, data: dict[str, Any], **sections: Any) -> Result:
    (run,) = runs_of(config(data=data, model={"hidden": [9], "dtype": "float64"}, **sections))
    return train([run])[0]


DEGREES = {"squared_error": 2, "huber": 2, "absolute_error": 1}


@pytest.mark.parametrize("loss", DEGREES)
def test_another_unit_of_the_target_changes_the_reported_numbers_by_that_unit_alone(
    loss: str, runs_of: PlanRuns, tmp_path: Path
) -> None:
    sections = {"loss": loss, "regularization": {"l2": 3.0}}
    one = trained(runs_of, table(tmp_path), **sections)
    other = trained(runs_of, table(tmp_path, UNIT), **sections)
    for split in ("train", "val", "test"):
        expected = one.metrics[f"{split}_loss"] * UNIT ** DEGREES[loss]
        assert other.metrics[f"{split}_loss"] == pytest.approx(expected, rel=1e-12)
        assert other.metrics[f"{split}_rmse"] == pytest.approx(one.metrics[f"{split}_rmse"] * UNIT, rel=1e-12)
        assert other.metrics[f"{split}_r2"] == pytest.approx(one.metrics[f"{split}_r2"], rel=1e-12)
    for name in ("penalty", "weight_norm"):
        assert other.metrics[name] == pytest.approx(one.metrics[name], rel=1e-12)
    np.testing.assert_allclose(other.weights["layer1.weight"], one.weights["layer1.weight"], rtol=1e-10)
    np.testing.assert_allclose(other.weights["layer2.bias"], one.weights["layer2.bias"] * UNIT, rtol=1e-10)


def test_a_target_of_millions_is_learnt_in_float32_with_the_settings_that_are_usual(
    runs_of: PlanRuns, tmp_path: Path
) -> None:
    data = table(tmp_path, unit=1e4, shift=5e6)
    training = {"training": {"epochs": 200}, "optimizer": {"name": "adam", "learning_rate": 0.01}}
    (auto,) = train(runs_of({"data": data, **training}))
    (raw,) = train(runs_of({"data": {**data, "standardize_target": False}, **training}))
    assert auto.metrics["train_r2"] > 0.95
    assert raw.metrics["train_r2"] < 0


def test_the_stored_weights_predict_in_the_unit_of_the_table(runs_of: PlanRuns, tmp_path: Path) -> None:
    result = trained(runs_of, table(tmp_path, UNIT, shift=1e5), training={"epochs": 30})
    bias = result.weights["layer2.bias"]
    assert bias == pytest.approx(1e5, rel=0.1)


def test_runs_with_other_rows_have_units_of_their_own(runs_of: PlanRuns) -> None:
    results = assert_same_alone(crowd(runs_of, config("friedman1"), count=19))
    assert {result.status for result in results} == {"completed"}


def test_early_stopping_restores_the_best_epoch_in_the_unit_of_the_table(
    runs_of: PlanRuns, tmp_path: Path
) -> None:
    sections = {"regularization": {"early_stopping": 3}, "training": {"epochs": 60}}
    result = trained(runs_of, table(tmp_path, UNIT), **sections)
    assert result.metrics["val_loss"] == result.curves["val_loss"].min()


# --- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "loss", "setting", "resolved"),
    [
        ("diabetes", "squared_error", "auto", True),
        ("diabetes", "huber", "auto", True),
        ("diabetes", "huber", False, False),
        ("diabetes", "poisson", "auto", False),
        ("moons", "squared_error", "auto", False),
    ],
)
def test_auto_is_made_definite(
    source: str, loss: str, setting: Any, resolved: bool, runs_of: PlanRuns
) -> None:
    (run,) = runs_of({"data": {"source": source, "standardize_target": setting}, "loss": loss})
    assert run.config.data.preparation.standardize_target is resolved


def test_counts_are_not_standardized(runs_of: PlanRuns) -> None:
    with pytest.raises(InputError, match="standardize_target: true came with loss poisson"):
        runs_of({"data": {"source": "diabetes", "standardize_target": True}, "loss": "poisson"})


@pytest.mark.parametrize(
    ("given", "scale"),
    [
        ({}, "standard"),
        ({"standardize": True}, "standard"),
        ({"standardize": False}, "none"),
        ({"standardize": False, "scale": "none"}, "none"),
        ({"scale": "robust"}, "robust"),
    ],
)
def test_standardize_is_another_word_for_scale(given: dict[str, Any], scale: str) -> None:
    read, problems = configure({"data": {"source": "moons", **given}})
    assert not problems
    assert read is not None
    assert read.data.preparation.scale == scale
    assert write(read)["data"]["scale"] == scale
    assert configure(write(read))[0] == read


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"standardize": True, "scale": "robust"},
            "data.standardize: true came beside data.scale: robust, expected one of the two",
        ),
        ({"standardize": "no"}, "data.standardize: 'no' came, expected true or false"),
        ({"scale": "minmax"}, "data.scale: 'minmax' came, expected standard or min_max or robust or none"),
        ({"standardize_target": 1}, "data.standardize_target: 1 came, expected true or false, or auto"),
    ],
)
def test_contradictions_and_unknown_scales_are_refused(given: dict[str, Any], message: str) -> None:
    _, problems = configure({"data": {"source": "moons", **given}})
    assert [problem.message for problem in problems] == [message]


def test_a_sweep_may_vary_either_word(runs_of: PlanRuns) -> None:
    for key, values in (("data.standardize", [True, False]), ("data.scale", ["standard", "none"])):
        runs = runs_of(config(sweep={"seeds": 1, "grid": {key: values}}))
        assert [run.config.data.preparation.scale for run in runs] == ["standard", "none"]
