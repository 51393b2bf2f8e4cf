"""The summary: means and intervals against scipy, line by line."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nnlab.analysis.summary import intervals, summarize

SETTINGS, SEEDS = 7, 5


def runs() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = SETTINGS * SEEDS
    frame = pd.DataFrame(
        {
            "experiment": "e",
            "strategy": np.repeat([f"s{i}" for i in range(SETTINGS)], SEEDS),
            "setting": "",
            "settings": np.repeat([f"{{{i}}}" for i in range(SETTINGS)], SEEDS),
            "seed": np.tile(range(SEEDS), SETTINGS),
            "data_seed": np.tile(range(SEEDS), SETTINGS),
            "status": "completed",
            "chosen": True,
            "tried": 1,
            "val_loss": rng.normal(1, 1, n),
            "test_loss": rng.normal(1, 1, n),
        }
    )
    return frame.sample(frac=1, random_state=0).reset_index(drop=True)


def test_means_and_intervals_are_those_of_scipy() -> None:
    frame = runs()
    summary = summarize(frame).set_index("strategy")
    for strategy, group in frame.groupby("strategy"):
        line = summary.loc[strategy]
        values = group["test_loss"]
        ends = stats.t.interval(0.95, SEEDS - 1, values.mean(), stats.sem(values))
        assert (line["test_loss"], line["seeds"]) == (pytest.approx(values.mean()), SEEDS)
        assert (line["test_loss_low"], line["test_loss_high"]) == pytest.approx(ends)


def test_runs_that_did_not_complete_are_counted_and_do_not_count() -> None:
    frame = runs()
    own = frame.index[frame["strategy"] == "s3"]
    frame.loc[own[:2], "status"] = "diverged"
    frame.loc[own[2], "status"] = "failed"
    line = summarize(frame).set_index("strategy").loc["s3"]
    assert (line["seeds"], line["diverged"], line["failed"]) == (2, 2, 1)
    assert line["test_loss"] == pytest.approx(frame.loc[own[3:], "test_loss"].mean())


def test_a_line_without_a_completed_run_stays_and_comes_last() -> None:
    frame = runs()
    frame.loc[frame["strategy"] == "s0", "status"] = "diverged"
    last = summarize(frame).iloc[-1]
    assert (last["strategy"], last["seeds"]) == ("s0", 0)
    assert np.isnan(last["test_loss"])


def test_one_value_has_a_mean_and_no_interval_and_a_missing_one_is_left_out() -> None:
    values = pd.DataFrame({"loss": [1.0, np.nan, 3.0, 5.0, np.nan]})
    found = intervals(values, np.array([0, 0, 1, 1, 2]))
    assert found["loss"].tolist()[:2] == [1.0, 4.0]
    # 3 and 5: s / sqrt(2) = 1 and t(1) = 12.7062
    assert found["loss_high"].tolist()[1] == pytest.approx(4 + 12.7062, abs=1e-4)
    assert found[["loss_low", "loss_high"]].isna().all(axis=1).tolist() == [True, False, True]
    assert np.isnan(found["loss"][2])
