"""Predictions on fixed test rows: what is kept, and that it is what the metrics were measured on."""

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import log_softmax

from nnlab.data.prepare import fixed_test_rows, prepare
from nnlab.plan import Run, populations
from nnlab.store.reading import read, read_predictions
from nnlab.store.writing import Store
from nnlab.train import train
from tests.cli import Desk
from tests.conftest import PlanRuns
from tests.test_population import digest


def table(start: int) -> str:
    return "x,y\n" + "".join(f"{i % 7},{i * i % 11}\n" for i in range(start, start + 40))


def config(source: str = "moons", **data: Any) -> dict[str, Any]:
    return {
        "data": {"source": source, "samples": 90, "split_seed": 3, **data},
        "model": {"hidden": [5], "dtype": "float64"},
        "training": {"epochs": 4},
        "sweep": {"seeds": 3},
    }


def stored(runs: tuple[Run, ...], folder: Path) -> Path:
    with Store(folder) as store:
        members = [(run.id, run.setting.strategy) for run in runs]
        config = {"sweep": {"select": "val_loss", "baseline": None}, "report": {"target": None}}
        store.begin(config, members, False, True)
        for stack in populations(runs):
            store.save(stack, train(stack))
    return folder


@pytest.mark.parametrize("source", ["moons", "blobs", "friedman1", "robot_arm"])
def test_the_test_loss_is_that_of_the_stored_predictions(
    source: str, runs_of: PlanRuns, tmp_path: Path
) -> None:
    runs = runs_of(config(source))
    folder = stored(runs, tmp_path / "runs")
    predictions = read_predictions(folder, [run.id for run in runs])
    assert predictions is not None
    assert sorted(predictions.runs) == sorted(run.id for run in runs)
    if source in ("moons", "blobs"):
        of_rows = -log_softmax(predictions.z, axis=2)[:, np.arange(18), predictions.targets]
    else:
        of_rows = np.sum((predictions.z - predictions.targets) ** 2, axis=2)
    losses = dict(zip(predictions.runs, of_rows.mean(axis=1), strict=True))
    columns = read(folder).columns
    metrics = dict(zip(columns["run"], columns["test_loss"], strict=True))
    assert losses == pytest.approx(metrics, rel=1e-12)


@pytest.mark.parametrize("source", ["moons", "sine", "iris", "diabetes"])
@pytest.mark.parametrize("test", [0.2, 7])
def test_fixed_test_rows_are_those_that_every_run_meets(source: str, test: float, runs_of: PlanRuns) -> None:
    raw = config(source, test=test)
    if source in ("iris", "diabetes"):
        del raw["data"]["samples"]
    for run in runs_of(raw):
        preparation = run.config.data.preparation
        fixed = fixed_test_rows(run.setting.material, preparation)
        met = prepare(run.setting.material, preparation, run.seed)
        assert fixed is not None
        np.testing.assert_array_equal(met.test_y, fixed.target)
        np.testing.assert_allclose(met.test_x * met.divisor + met.shift, fixed.features, atol=1e-12)


def test_without_fixed_test_rows_nothing_is_kept(runs_of: PlanRuns, tmp_path: Path) -> None:
    for name, data in {"other rows": {"split_seed": None}, "no rows": {"test": 0}}.items():
        runs = runs_of(config(**data))
        assert read_predictions(stored(runs, tmp_path / name), [run.id for run in runs]) is None


def test_a_given_test_table_is_the_same_for_every_seed(desk: Desk) -> None:
    desk.write(table(40), "main.csv")
    desk.write(table(0), "test.csv")
    desk.write(
        "data: {source: csv, path: main.csv, test_path: test.csv, target: y, task: regression}\n"
        "training: {epochs: 1}\nsweep: {seeds: 2}"
    )
    assert desk.nnlab("sweep", "config.yaml", "-q").code == 0
    folder = desk.folder / "runs/config"
    predictions = read_predictions(folder, read(folder).columns["run"])
    assert predictions is not None
    assert predictions.z.shape == (2, 40, 1)
    assert predictions.z.dtype == np.float32
    assert predictions.targets[:, 0].tolist() == [i * i % 11 for i in range(40)]


def test_a_run_that_diverges_keeps_no_predictions(runs_of: PlanRuns, tmp_path: Path) -> None:
    raw = config("friedman1")
    raw["optimizer"] = {"name": "sgd"}
    raw["sweep"]["grid"] = {"optimizer.learning_rate": [0.001, 1e6]}
    runs = runs_of(raw)
    predictions = read_predictions(stored(runs, tmp_path / "runs"), [run.id for run in runs])
    assert predictions is not None
    assert set(predictions.runs) == {run.id for run in runs if run.config.optimizer.learning_rate == 0.001}  # type: ignore[attr-defined]


def test_keeping_predictions_of_one_run_leaves_its_neighbour_alone(runs_of: PlanRuns) -> None:
    keeps, other = (
        runs_of(config(split_seed=seed, test=18, validation=18) | {"sweep": {"seeds": 1}})[0]
        for seed in (3, None)
    )
    assert len(populations([keeps, other])) == 1
    together = train([keeps, other])
    assert [digest(result) for result in together] == [digest(train([run])[0]) for run in (keeps, other)]
    assert [result.predictions.shape for result in together] == [(18, 2), (0, 2)]


def test_a_folder_of_an_older_nnlab_goes_on_working(desk: Desk) -> None:
    desk.write("data: {source: sine, samples: 50, split_seed: 1}\ntraining: {epochs: 1}\nsweep: {seeds: 2}")
    assert desk.nnlab("sweep", "config.yaml", "-q").code == 0
    path = desk.folder / "runs/config/results.sqlite"
    with sqlite3.connect(path) as database:
        for change in (
            "DROP TABLE predictions",
            "DROP TABLE test_rows",
            "ALTER TABLE runs DROP COLUMN data_seed",
        ):
            database.execute(change)
    before = read(path.parent).columns
    assert before["data_seed"] == [0, 1]
    assert read_predictions(path.parent, before["run"]) is None
    assert desk.nnlab("report", "runs/config").code == 0
    assert "1 run trained, 2 were there" in desk.nnlab("sweep", "config.yaml", "--seeds", "3").stderr
    after = read(path.parent).columns
    assert after["data_seed"] == [0, 1, 2]
    predictions = read_predictions(path.parent, after["run"])
    assert predictions is not None
    assert predictions.runs == (after["run"][2],)
