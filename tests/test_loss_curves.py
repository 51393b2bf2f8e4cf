"""Loss curves: means over seeds of what is stored, thinned, and of runs that are still training."""

from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from nnlab.analysis.frames import runs_frame
from nnlab.analysis.loss_curves import EPOCHS_SHOWN, loss_curves
from nnlab.store.reading import read, read_curves
from tests.cli import MOONS, Desk


def stored(desk: Desk, config: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The curves of an experiment, and curves.csv with the strategy of each run."""
    assert desk.nnlab("sweep", desk.write(config), "-q").code == 0
    folder = desk.folder / "runs/config"
    runs = runs_frame([read(folder)])
    curves = pd.read_csv(folder / "curves.csv").merge(runs[["run", "strategy"]], on="run")
    return loss_curves(runs, {"config": folder}), curves


def test_a_point_is_the_mean_over_seeds_with_its_interval(desk: Desk) -> None:
    found, csv = stored(desk, MOONS)
    point = found[(found["strategy"] == "l2=1") & (found["split"] == "val") & (found["epoch"] == 2)].iloc[0]
    seen = csv.loc[(csv["strategy"] == "l2=1") & (csv["epoch"] == 2), "val_loss"]
    interval = stats.ttest_1samp(seen, 0).confidence_interval(0.95)
    assert (point["loss"], point["low"], point["high"]) == pytest.approx(
        (seen.mean(), interval.low, interval.high)
    )
    assert point["seeds"] == 2


def test_where_data_seeds_are_crossed_the_band_is_over_their_means(desk: Desk) -> None:
    config = MOONS.replace("seeds: 2", "seeds: [5, 6, 7], data_seeds: 2")
    assert desk.nnlab("sweep", desk.write(config), "-q").code == 0
    folder = desk.folder / "runs/config"
    runs = runs_frame([read(folder)])
    found = loss_curves(runs, {"config": folder})
    csv = pd.read_csv(folder / "curves.csv").merge(runs[["run", "strategy", "data_seed"]], on="run")
    own = csv[(csv["strategy"] == "l2=1") & (csv["epoch"] == 2)]
    means = own.groupby("data_seed")["train_loss"].mean()
    interval = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    point = found[(found["strategy"] == "l2=1") & (found["split"] == "train") & (found["epoch"] == 2)].iloc[0]
    assert (point["low"], point["high"]) == pytest.approx((interval.low, interval.high))
    assert point["seeds"] == 2


def test_many_epochs_are_thinned_and_both_ends_stay(desk: Desk) -> None:
    config = MOONS.replace("epochs: 3", "epochs: 450, evaluate_every: 1").replace("seeds: 2", "seeds: 1")
    found, csv = stored(desk, config)
    epochs = sorted(found["epoch"].unique())
    assert len(csv["epoch"].unique()) == 451
    assert EPOCHS_SHOWN / 2 < len(epochs) <= EPOCHS_SHOWN + 1
    assert (epochs[0], epochs[-1]) == (0, 450)


def test_where_nothing_is_stored_there_are_no_curves(tmp_path: Path) -> None:
    assert read_curves(tmp_path, ["a"], ["train_loss"]) == []


def test_runs_that_were_not_asked_for_are_not_read(desk: Desk) -> None:
    stored(desk, MOONS)
    folder = desk.folder / "runs/config"
    run = read(folder).columns["run"][0]
    lines = read_curves(folder, [run], ["train_loss", "val_loss"])
    assert {line[0] for line in lines} == {run}
    assert [line[1] for line in lines] == [0, 1, 2, 3]


def test_an_epoch_counts_as_long_as_half_of_the_runs_are_there(desk: Desk) -> None:
    config = """
data: {source: moons, samples: 60}
training: {epochs: 200, evaluate_every: 1}
regularization: {early_stopping: 3}
optimizer: {name: adam, learning_rate: 3e-2}
sweep: {seeds: 6, grid: {model.activation: [relu]}}
"""
    found, csv = stored(desk, config)
    ends = sorted(csv.groupby("run")["epoch"].max())
    assert ends[2] < ends[-1]  # they stop at different epochs
    assert found["epoch"].max() == ends[3]  # the first three may be gone, the other three are there
    assert found["seeds"].min() >= 3
