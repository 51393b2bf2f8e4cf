"""Curves over a setting: which there are, and that their numbers are those of arithmetic."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nnlab.analysis.curves import curves, heat_maps
from nnlab.analysis.frames import runs_frame
from tests.experiments import experiment_of
from tests.reports import rows_of

LOSSES = [0.5, 0.7, 0.6, 0.9]


def frame(*settings: dict[str, Any], rows: float | None = 100.0) -> pd.DataFrame:
    """Runs of these settings; the loss of the i-th is i more."""
    found = []
    for i, own in enumerate(settings):
        size = own.pop("rows", rows)
        losses = [loss + i for loss in LOSSES]
        metrics = {
            "train_loss": losses,
            "val_loss": losses,
            "test_loss": losses,
            "train_rows": [size] * len(LOSSES),
        }
        found += rows_of(str(own), metrics, own)
    return runs_frame([experiment_of(found, "e")])


def l2(*values: float) -> list[dict[str, Any]]:
    return [{"regularization.l2": value} for value in values]


def drawn(found: pd.DataFrame) -> dict[str, list[float]]:
    """The values of each line."""
    return {line: own["value"].tolist() for line, own in found.groupby("line", sort=False)}


def test_a_point_is_the_mean_over_seeds_with_the_t_interval() -> None:
    point = curves(frame(*l2(0, 1, 10))).iloc[1]
    seen = np.array(LOSSES) + 1
    interval = stats.ttest_1samp(seen, 0).confidence_interval(0.95)
    assert (point["key"], point["value"], point["seeds"]) == ("regularization.l2", 1, 4)
    assert [point[name] for name in ("test_loss", "test_loss_low", "test_loss_high")] == pytest.approx(
        [seen.mean(), interval.low, interval.high]
    )


def test_where_data_seeds_are_crossed_the_interval_is_over_their_means() -> None:
    runs = frame(*l2(0, 1, 10))
    point = curves(runs.assign(data_seed=runs["seed"] // 2)).iloc[0]
    means = [np.mean(LOSSES[:2]), np.mean(LOSSES[2:])]
    interval = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    assert point["seeds"] == 4
    assert [point["test_loss_low"], point["test_loss_high"]] == pytest.approx([interval.low, interval.high])


def test_the_points_of_a_curve_are_in_order() -> None:
    assert drawn(curves(frame(*l2(10, 0, 1)))) == {"": [0, 1, 10]}


def test_two_values_are_no_curve() -> None:
    assert curves(frame(*l2(0, 1))).empty


def test_names_are_no_numbers() -> None:
    assert curves(frame(*({"model.activation": name} for name in ("relu", "tanh", "gelu")))).empty
    assert curves(
        frame(*({"data.standardize": value} for value in (True, False)), {"data.standardize": None})
    ).empty


def test_equal_layers_count_by_their_width() -> None:
    widths = ([8], [8, 8], [16], [32], [64, 32])
    found = curves(frame(*({"model.hidden": hidden} for hidden in widths)))
    assert sorted(set(found["value"])) == [8, 16, 32]


def test_a_setting_crossed_with_another_has_a_line_for_each_of_its_values() -> None:
    grid = [
        {"training.epochs": epochs, "model.activation": name}
        for name in ("relu", "tanh")
        for epochs in (1, 2, 3)
    ]
    assert drawn(curves(frame(*grid))) == {"activation=relu": [1, 2, 3], "activation=tanh": [1, 2, 3]}


def test_settings_varied_one_at_a_time_have_a_curve_each() -> None:
    runs = frame(
        {"regularization.l2": 0, "regularization.dropout": 0},
        *({"regularization.l2": value, "regularization.dropout": 0} for value in (1, 10)),
        *({"regularization.l2": 0, "regularization.dropout": value} for value in (0.2, 0.5, 0.8)),
    )
    found = curves(runs)
    assert drawn(found[found["key"] == "regularization.l2"]) == {"": [0, 1, 10]}
    assert drawn(found[found["key"] == "regularization.dropout"]) == {"": [0, 0.2, 0.5, 0.8]}


def test_numbers_drawn_at_random_make_no_curve() -> None:
    rng = np.random.default_rng(0)
    runs = frame(
        *({"regularization.l2": rng.random(), "regularization.dropout": rng.random()} for _ in range(20))
    )
    assert curves(runs).empty
    assert heat_maps(runs).empty


def test_the_size_of_the_data_is_in_rows() -> None:
    runs = frame(
        {"data.train_size": 50, "training.batch_size": 32, "rows": 50.0},
        {"data.train_size": 0.5, "training.batch_size": 32, "rows": 150.0},
        {"data.train_size": 20, "training.batch_size": 20, "rows": 20.0},
        {"data.train_size": None, "training.batch_size": 32, "rows": 300.0},
    )
    assert drawn(curves(runs)) == {"": [20, 50, 150, 300]}


def test_copies_are_no_more_data() -> None:
    runs = frame(*({"data.train_size": n, "data.copies": 4, "rows": 4.0 * n} for n in (10, 20, 30)))
    assert drawn(curves(runs)) == {"": [10, 20, 30]}


def test_a_full_grid_of_two_numbers_is_a_heat_map() -> None:
    grid = [{"regularization.l2": x, "training.epochs": y} for x in (0, 1, 10) for y in (1, 2, 3, 4)]
    found = heat_maps(frame(*grid))
    assert len(found) == 12
    assert curves(frame(*grid)).empty
    cell = found[(found["x"] == 3) & (found["y"] == 1) | (found["x"] == 1) & (found["y"] == 3)].iloc[0]
    assert cell["test_loss"] == pytest.approx(np.mean(LOSSES) + 6)
    assert heat_maps(frame(*grid[:-1])).empty  # one is missing


def test_what_diverged_has_no_point() -> None:
    runs = frame(*l2(0, 1, 10, 100))
    runs.loc[runs["regularization.l2"] == 100, "status"] = "diverged"
    assert drawn(curves(runs)) == {"": [0, 1, 10]}
