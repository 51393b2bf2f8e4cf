"""Data seeds crossed with seeds: what each decides, and what counts as independent."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nnlab.analysis.comparison import compare
from nnlab.analysis.curves import curves
from nnlab.analysis.frames import runs_frame
from nnlab.analysis.summary import summarize
from nnlab.data.prepare import Prepared, prepare
from nnlab.plan import Run, populations
from nnlab.store.reading import read
from nnlab.train import train
from tests.cli import Desk
from tests.conftest import PlanRuns
from tests.test_population import digest

CROSSED = """
data: {source: moons, samples: 60, label_noise: 0.1, resample: bootstrap}
model: {hidden: [4]}
training: {epochs: 2}
sweep:
  seeds: [5, 6, 7]
  data_seeds: 2
  strategies: {none: {}, l2: {regularization.l2: [1, 100]}}
  baseline: none
"""


def config(**sweep: Any) -> dict[str, Any]:
    return {
        "data": {"source": "moons", "samples": 60, "label_noise": 0.2, "resample": "bootstrap"},
        "model": {"hidden": [4]},
        "training": {"epochs": 2},
        "sweep": sweep,
    }


def rows_of(run: Run) -> Prepared:
    return prepare(run.setting.material, run.config.data.preparation, run.seed)


def test_every_setting_meets_every_pair_of_seeds(runs_of: PlanRuns) -> None:
    runs = runs_of(config(seeds=[5, 6], data_seeds=[1, 2, 5], grid={"regularization.l2": [0.0, 1.0]}))
    pairs = [(d, s) for d in (1, 2, 5) for s in (5, 6)]
    assert [(run.data_seed, run.seed) for run in runs] == pairs * 2
    assert [run.setting.strategy for run in runs] == ["l2=0"] * 6 + ["l2=1"] * 6
    assert [len(stack) for stack in populations(runs)] == [6, 6]  # an inactive l2 stands apart


def test_the_data_seed_decides_the_rows_and_the_seed_the_weights(runs_of: PlanRuns) -> None:
    first, other_weights, other_rows, _ = runs_of(config(seeds=2, data_seeds=2))
    here, same, there = map(rows_of, (first, other_weights, other_rows))
    for part in ("train_x", "train_y", "val_x", "val_y", "test_x", "test_y"):
        assert np.array_equal(getattr(here, part), getattr(same, part))
        assert not np.array_equal(getattr(here, part), getattr(there, part))
    untrained = runs_of(config(seeds=2, data_seeds=2) | {"training": {"epochs": 0}})
    weights = [train([run])[0].weights["layer1.weight"].tobytes() for run in untrained]
    assert weights[0] == weights[2] != weights[1] == weights[3]


def test_crossing_changes_no_bit_of_a_run_and_keeps_its_id(runs_of: PlanRuns) -> None:
    crossed = {(run.data_seed, run.seed): run for run in runs_of(config(seeds=3, data_seeds=3))}
    for plain in runs_of(config(seeds=3)):
        run = crossed[plain.seed, plain.seed]
        assert run.id == plain.id
        assert digest(train([run])[0]) == digest(train([plain])[0])
    assert len({run.id for run in crossed.values()}) == 9


def test_a_single_run_takes_its_rows_from_the_data_seed(runs_of: PlanRuns) -> None:
    raw = config(seeds=[8])
    raw["data"]["seed"] = 2
    (run,), (crossed,) = runs_of(raw), runs_of(config(seeds=[8], data_seeds=[2]))
    assert (run.id, run.data_seed) == (crossed.id, 2)


def test_crossed_runs_are_one_setting_in_every_table(desk: Desk) -> None:
    desk.write(CROSSED)
    assert desk.nnlab("sweep", "config.yaml", "-q").code == 0
    stored = pd.read_csv(desk.folder / "runs/config/runs.csv")
    assert list(zip(stored["data_seed"], stored["seed"], strict=True))[:6] == [
        (0, 5), (0, 6), (0, 7), (1, 5), (1, 6), (1, 7),
    ]  # fmt: skip
    assert len(stored) == 18
    assert not {"data.seed", "sweep.data_seeds"} & set(stored)
    assert stored.groupby(["strategy", "regularization.l2"])["chosen"].nunique().eq(1).all()
    (l2, none) = sorted(
        json.loads(desk.nnlab("report", "runs/config", "-f", "json").stdout)["rows"],
        key=lambda line: str(line["strategy"]),
    )
    assert (none["seeds"], none["data_seeds"], l2["tried"]) == (6, 2, 2)
    by_data = stored[stored["strategy"] == "none"].groupby("data_seed")["test_loss"].mean()
    assert none["test_loss"] == pytest.approx(by_data.mean())
    half = 12.7062 * by_data.std() / np.sqrt(2)  # t of 0.975 with one degree of freedom
    assert none["test_loss_high"] - none["test_loss"] == pytest.approx(half, rel=1e-5)
    assert "2 paired data seeds" in desk.nnlab("report", "runs/config").stdout
    assert "| data seeds |" in desk.nnlab("report", "runs/config", "-f", "md").stdout.splitlines()[0]


def test_without_crossing_no_table_speaks_of_data_seeds(desk: Desk) -> None:
    desk.write(CROSSED.replace("  data_seeds: 2\n", ""))
    shown = desk.nnlab("sweep", "config.yaml", "-q").stdout
    assert "data seed" not in shown
    assert "data_seed" not in pd.read_csv(desk.folder / "runs/config/runs.csv")


def crossed_frame(effects: "np.ndarray[Any, Any]") -> pd.DataFrame:
    """Two strategies whose difference is `effects`, (data seeds, seeds)."""
    lines = [
        {"strategy": name, "data_seed": d, "seed": s, "status": "completed", "test_loss": sign * effect}
        for name, sign in (("none", 0), ("fix", 1))
        for d, row in enumerate(effects)
        for s, effect in enumerate(row)
    ]
    return pd.DataFrame(lines).assign(resampled=False, test_share=0.2)


def test_pairs_are_data_seeds_each_the_mean_over_its_seeds() -> None:
    comparison = compare(crossed_frame(np.array([[1.0, 3.0], [4.0, 6.0]])), "none", "test_loss")
    (found,) = comparison.differences
    assert (found.pairs, found.mean, comparison.unit) == (2, 3.5, "data seed")
    assert found.high - found.mean == pytest.approx(12.7062 * 1.5, rel=1e-5)  # d = 2, 5


def test_many_seeds_on_few_data_sets_do_not_look_like_many_pairs() -> None:
    # The fix does nothing on average, but each data set likes it or not: 40 seeds tell no more than one.
    rng = np.random.default_rng(0)
    claimed = 0
    for _ in range(200):
        effects = rng.normal(size=(8, 1)) + 0.01 * rng.normal(size=(8, 40))
        claimed += compare(crossed_frame(effects), "none", "test_loss").differences[0].mark in "+-"
    assert claimed <= 20  # 5 % of 200, and 3 standard deviations


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "data: {source: moons, seed: 3}\nsweep: {data_seeds: 2}",
            "data_seeds: came beside data.seed 3, expected",
        ),
        ("data: {source: moons}\nsweep: {grid: {data.seed: [1, 2]}}", "list of seeds in sweep.data_seeds"),
        ("data: {source: moons}\nsweep: {data_seeds: 0}", "sweep.data_seeds: 0 came, expected null, a whole"),
    ],
)
def test_data_seeds_that_cannot_be_are_told(text: str, message: str, desk: Desk) -> None:
    desk.write(text)
    answer = desk.nnlab("sweep", "config.yaml")
    assert answer.code == 2
    assert message in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_too_many_runs_are_counted_with_the_data_seeds(desk: Desk) -> None:
    desk.write("data: {source: moons}\nsweep: {seeds: 100, data_seeds: 1000000000000}")
    assert "100,000,000,000,000 runs came" in desk.nnlab("sweep", "config.yaml").stderr


def test_the_mean_of_a_crossed_setting_is_over_what_completed() -> None:
    frame = pd.DataFrame(
        [
            {"data_seed": 0, "seed": 0, "status": "completed", "test_loss": 1.0},
            {"data_seed": 0, "seed": 1, "status": "diverged", "test_loss": np.nan},
            {"data_seed": 1, "seed": 0, "status": "completed", "test_loss": 2.0},
            {"data_seed": 1, "seed": 1, "status": "completed", "test_loss": 4.0},
        ]
    ).assign(experiment="e", strategy="s", setting="", settings="{}", chosen=True, tried=1)
    (line,) = summarize(frame).to_dict("records")
    assert (line["test_loss"], line["seeds"], line["data_seeds"], line["diverged"]) == (2.0, 3, 2, 1)


def test_all_settings_of_a_strategy_are_not_taken_for_more_pairs(desk: Desk) -> None:
    fast = "fast: {optimizer.learning_rate: [1e-9, 0.05]}"  # the second one is chosen
    desk.write(CROSSED.replace("  data_seeds: 2\n", "").replace("l2: {regularization.l2: [1, 100]}", fast))
    assert desk.nnlab("sweep", "config.yaml", "-q").code == 0
    shown = [json.loads(desk.nnlab("report", "-f", "json", *more).stdout)["rows"] for more in ([], ["--all"])]
    few, everything = ({(line["strategy"], line["setting"]): line for line in lines} for lines in shown)
    assert "3 paired seeds" in desk.nnlab("report", "--all").stdout
    assert len(everything) == 3
    assert few["fast", "learning_rate=0.05"]["difference"] is not None
    for name, line in everything.items():
        assert line["difference"] == (few[name]["difference"] if name in few else None)


def test_points_of_a_curve_are_means_of_data_seeds(desk: Desk) -> None:
    desk.write(
        "data: {source: sine, samples: 50}\nmodel: {hidden: [4]}\ntraining: {epochs: 2}\n"
        "sweep: {seeds: 3, data_seeds: 2, grid: {regularization.l2: [1, 2, 3]}}"
    )
    assert desk.nnlab("sweep", "config.yaml", "-q").code == 0
    runs = runs_frame([read(desk.folder / "runs/config")])
    summary = summarize(runs).set_index("strategy")
    for point in curves(runs).to_dict("records"):
        line = summary.loc[f"l2={point['value']:g}"]
        assert point["seeds"] == 6
        for column in ("test_loss", "test_loss_low", "test_loss_high"):
            assert point[column] == pytest.approx(line[column])
