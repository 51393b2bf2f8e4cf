"""Bias and variance from YAML to the report: closed forms, sums, and what is said of them."""

import json
import math
import re
import sqlite3
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nnlab.analysis.parts import UNBIASED
from nnlab.config.load import load
from nnlab.data.prepare import fixed_test_rows
from nnlab.plan import plan_sweep
from tests.cli import Desk

CLOSE = 1e-9


def decomposed(desk: Desk, config: str, *arguments: str) -> list[dict[str, Any]]:
    """The lines of `nnlab report --decompose -f json` after a sweep."""
    desk.write(config)
    answer = desk.nnlab("sweep", "config.yaml", "-q")
    assert answer.code == 0, answer.stderr
    answer = desk.nnlab("report", "runs/config", *(arguments or ["--decompose"]), "-f", "json")
    assert answer.code == 0, answer.stderr
    rows: list[dict[str, Any]] = json.loads(answer.stdout)["rows"]
    return rows


RIDGE = """
data:
  {source: linear, informative: 2, irrelevant: 1, noise: 1.5, samples: 160, test: 100, validation: 0,
   split_seed: 9, scale: none}
model: {hidden: [], dtype: float64}
optimizer: {name: sgd, learning_rate: 0.1}
training: {epochs: 400, batch_size: full, evaluate_every: last}
sweep: {seeds: 200, grid: {regularization.l2: [0.01, 60]}}
"""


def ridge_moments(strength: float, x: Any, draws: int) -> tuple[Any, float]:
    """Mean prediction on x and its variance, for ridge regression on 60 rows of the `linear` source.

    Over the noise by formula: f(x) = x_mean'b + (x - x_mean)'A b has the variance
    s^2 (1/m + |B'(x - x_mean)|^2), with A = B X, B = (X'X + c I)^-1 X', c = lambda/2. Over X by drawing it.
    """
    m, b, s = 60, np.array([1.0, 1.0, 0.0]), 1.5
    rng = np.random.default_rng(123)
    means, noise = np.empty((draws, len(x))), 0.0
    for i in range(draws):
        rows = rng.normal(size=(m, 3))
        centre = rows.mean(axis=0)
        rows -= centre
        operator = np.linalg.solve(rows.T @ rows + strength / 2 * np.eye(3), rows.T)
        means[i] = centre @ b + (x - centre) @ operator @ rows @ b
        noise += s**2 * (1 / m + np.square((x - centre) @ operator).sum(axis=1).mean()) / draws
    return means.mean(axis=0), noise + means.var(axis=0).mean()


def test_bias_and_variance_of_ridge_regression_are_those_of_its_formulas(desk: Desk) -> None:
    lines = {line["regularization.l2"]: line for line in decomposed(desk, RIDGE)}
    run = plan_sweep(load(str(desk.folder / "config.yaml"))).runs[0]
    rows = fixed_test_rows(run.setting.material, run.config.data.preparation)
    assert rows is not None
    for strength, line in lines.items():
        mean, variance = ridge_moments(strength, rows.features, draws=3000)
        bias2 = np.mean((mean - rows.target[:, 0]) ** 2) - 1.5**2  # with the noise that these rows have
        assert line["squared_error_noise"] == 1.5**2
        assert line["networks"] == 200
        assert line["squared_error_variance"] == pytest.approx(variance, rel=0.2)
        for part, truth in (("bias2", bias2), ("variance", variance)):
            low, high = (line[f"squared_error_{part}_{end}"] for end in ("low", "high"))
            assert abs(line[f"squared_error_{part}"] - truth) < 0.75 * (high - low)  # three standard errors
        error_of_bias = 2 * math.sqrt(variance * np.mean((mean - rows.target[:, 0]) ** 2) / 200)
        assert line["squared_error_bias2"] == pytest.approx(bias2, abs=4 * error_of_bias)
    weak, strong = lines[0.01], lines[60]
    assert strong["squared_error_bias2"] > weak["squared_error_bias2"] + 0.1
    assert strong["squared_error_variance"] < 0.8 * weak["squared_error_variance"]


LOSSES = {
    "squared_error": "data: {source: robot_arm, samples: 80, split_seed: 1}",
    "cross_entropy": "data: {source: blobs, samples: 80, split_seed: 1}",
    "binary_cross_entropy": "data: {source: blobs, samples: 80, split_seed: 1}\nloss: binary_cross_entropy",
    "binary_cross_entropy, one unit": (
        "data: {source: moons, samples: 80, split_seed: 1}\nloss: binary_cross_entropy"
    ),
    "squared_error, softmax": "data: {source: blobs, samples: 80, split_seed: 1}\nloss: squared_error",
    "squared_error, sigmoid": ("data: {source: moons, samples: 80, split_seed: 1}\nloss: squared_error\n"),
}


@pytest.mark.parametrize("case", LOSSES)
@pytest.mark.parametrize("crossed", [False, True])
def test_parts_add_up_to_the_mean_test_error_whatever_the_loss(case: str, crossed: bool, desk: Desk) -> None:
    output = ", output: sigmoid" if case.endswith("sigmoid") else ""
    config = f"{LOSSES[case]}\nmodel: {{hidden: [6], dtype: float64{output}}}\ntraining: {{epochs: 5}}\n"
    config += f"sweep: {{seeds: 4, data_seeds: {3 if crossed else 'null'}, grid: {{regularization.l2: [1]}}}}"
    (line,) = decomposed(desk, config)
    loss = case.partition(",")[0]
    assert line[f"{loss}_error"] == pytest.approx(line["test_loss"], abs=CLOSE)
    assert line["networks"] == (12 if crossed else 4)
    losses = {loss: line["test_loss"]}
    if line.get("test_accuracy") is not None:
        losses["zero_one"] = 1 - line["test_accuracy"]
    for name, error in losses.items():
        noise = line.get(f"{name}_noise") or 0
        assert line[f"{name}_bias2"] + line[f"{name}_variance"] + noise == pytest.approx(error, abs=CLOSE)
        for part in ("bias2", "variance") if name in UNBIASED else ():
            low, high = line[f"{name}_{part}_low"], line[f"{name}_{part}_high"]
            assert low is None or low <= line[f"{name}_{part}"] <= high
        if crossed:
            two = line[f"{name}_variance_data"] + line[f"{name}_variance_seeds"]
            assert two == pytest.approx(line[f"{name}_variance"], abs=CLOSE)
        else:
            assert f"{name}_variance_data" not in line


@pytest.mark.parametrize(
    ("config", "still", "varies"),
    [
        ("optimizer: {name: sgd, learning_rate: 1e-12}", "data", "seeds"),  # first weights, whatever the rows
        (
            "optimizer: {name: sgd, learning_rate: 0.3}\nmodel: {initializer: zeros, hidden: []}",
            "seeds",
            "data",
        ),
    ],
    ids=["seeds", "data"],
)
def test_what_varies_is_the_source_that_it_is_said_to_be(
    config: str, still: str, varies: str, desk: Desk
) -> None:
    data = "data: {source: sine, samples: 40, split_seed: 1, scale: none, standardize_target: false}\n"
    sweep = "\ntraining: {batch_size: full}\nsweep: {seeds: 4, data_seeds: 3, grid: {regularization.l2: [1]}}"
    (line,) = decomposed(desk, data + config + sweep)
    assert line[f"squared_error_variance_{still}"] == pytest.approx(0, abs=CLOSE)
    assert line[f"squared_error_variance_{varies}"] > 1e-3


SWEEP = """
data: {source: moons, samples: 60, split_seed: 1}
model: {hidden: [4]}
training: {epochs: 3}
sweep: {seeds: 3, strategies: {none: {}, "=l2": {regularization.l2: [1, 100]}}, baseline: none}
"""


def test_the_section_below_the_table_has_a_line_for_each_strategy(desk: Desk) -> None:
    (best, other) = decomposed(desk, SWEEP)
    for form in ("table", "md"):
        text = desk.nnlab("report", "--decompose", "-f", form).stdout
        section = text[text.index("Bias and variance") :]
        assert section.index("cross_entropy") < section.index("zero_one")
        start = "\n    " if form == "md" else "\n"
        assert (
            section.count(f"{start}{best['strategy']} ") == section.count(f"{start}{other['strategy']} ") == 2
        )
        assert "cross_entropy error bias^2 variance" in " ".join(section.split())
        assert "In brackets stand their 95 % intervals over networks." in " ".join(section.split())
        assert "over 3 networks" in section
        assert "63 %" not in section
    page = desk.nnlab("report", "--decompose", "-f", "html").stdout
    assert page.count('<th scope="col" class="number">bias^2</th>') == 2
    assert len(re.findall(r'<td class="number">-?[\d.]+ \[-?[\d.]+, -?[\d.]+\]</td>', page)) >= 2
    assert "Bias and variance" not in desk.nnlab("report").stdout


def test_domingos_is_an_option(desk: Desk) -> None:
    line = decomposed(desk, SWEEP, "--domingos")[0]
    assert line["zero_one_domingos_bias2"] + line["zero_one_domingos_variance"] == pytest.approx(
        1 - line["test_accuracy"], abs=1e-6
    )
    assert not any(name.startswith("zero_one_bias") for name in line)
    shown = " ".join(desk.nnlab("report", "--domingos").stdout.split())
    assert "zero_one_domingos error bias variance" in shown


def test_csv_and_the_order_of_lines_know_the_parts(desk: Desk) -> None:
    decomposed(desk, SWEEP)
    answer = desk.nnlab(
        "report", "--all", "--decompose", "--sort-by", "cross_entropy_variance", "-f", "csv", "-o", "t.csv"
    )
    assert answer.code == 0
    table = pd.read_csv(desk.folder / "t.csv")
    assert len(table) == 3
    assert table["cross_entropy_variance"].is_monotonic_increasing
    assert table["zero_one_bias2"].notna().all()


def test_a_run_that_diverged_leaves_its_seed_out_of_a_crossed_split(desk: Desk) -> None:
    decomposed(desk, SWEEP.replace("seeds: 3,", "seeds: 3, data_seeds: 2,"))
    with sqlite3.connect(desk.folder / "runs/config/results.sqlite") as database:
        database.execute("UPDATE runs SET status = 'diverged' WHERE seed = 1 AND data_seed = 0")
    rows = json.loads(desk.nnlab("report", "--decompose", "-f", "json").stdout)["rows"]
    assert [line["networks"] for line in rows] == [4, 4]
    assert all(line["cross_entropy_variance_data"] is not None for line in rows)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("{source: iris, split_seed: 1}", "share most of its rows"),
        ("{source: iris, split_seed: 1, resample: bootstrap}", "63 % of the rows"),
        ("{source: moons, split_seed: 1, seed: 4}", "first weights and batches"),
        ("{source: moons, split_seed: 1}", "holds the noise"),
    ],
)
def test_what_the_variance_leaves_out_is_said(data: str, words: str, desk: Desk) -> None:
    desk.write(f"data: {data}\ntraining: {{epochs: 1}}\nsweep: {{seeds: 2}}")
    assert desk.nnlab("sweep", "config.yaml", "-q").code == 0
    others = {"share most of its rows", "63 % of the rows", "first weights and batches"} - {words}
    text = " ".join(desk.nnlab("report", "--decompose").stdout.split())
    assert words in text
    assert not any(other in text for other in others)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{source: moons}", "--decompose: every seed has test rows of its own, expected data.split_seed"),
        ("{source: moons, test: 0, split_seed: 1}", "--decompose: these runs met no test rows"),
    ],
)
def test_without_fixed_test_rows_one_line_says_what_to_set(data: str, message: str, desk: Desk) -> None:
    desk.write(f"data: {data}\ntraining: {{epochs: 1}}\nsweep: {{seeds: 2}}")
    assert desk.nnlab("sweep", "config.yaml", "-q").code == 0
    answer = desk.nnlab("report", "--decompose")
    assert answer.code == 2
    assert message in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_one_network_is_told_to_be_too_few(desk: Desk) -> None:
    desk.write("data: {source: sine, samples: 40, split_seed: 1}\ntraining: {epochs: 1}\nsweep: {seeds: 1}")
    assert desk.nnlab("sweep", "config.yaml", "-q").code == 0
    assert "at least two seeds are needed" in desk.nnlab("report", "--decompose").stdout


def test_experiments_without_predictions_are_named_beside_the_others(desk: Desk) -> None:
    text = "data: {source: sine, samples: 40, split_seed: SEED}\ntraining: {epochs: 1}\nsweep: {seeds: 2}"
    for name, seed in (("fixed", "1"), ("other", "null")):
        desk.write(text.replace("SEED", seed), f"{name}.yaml")
        assert desk.nnlab("sweep", f"{name}.yaml", "-q").code == 0
    shown = desk.nnlab("report", "--decompose").stdout
    assert "no predictions on such rows are stored: other other." in shown
    assert "\nfixed " in shown[shown.index("squared_error") :]


def test_settings_that_differ_in_late_digits_are_lines_of_their_own(desk: Desk) -> None:
    base, close = SWEEP.partition("sweep:")[0], "{regularization.l2: [1.0000001, 1.0000002, 5]}"
    words = ["l2=1.0000001", "l2=1.0000002", "l2=5"]
    lines = decomposed(
        desk, f"{base}sweep: {{seeds: 2, strategies: {{l2: {close}}}}}", "--all", "--decompose"
    )
    assert sorted((line["strategy"], line["setting"]) for line in lines) == [("l2", own) for own in words]
    lines = decomposed(desk, f"{base}sweep: {{seeds: 2, grid: {close}}}", "--all", "--decompose")
    there = [(line["strategy"], line["setting"]) for line in lines]
    assert sorted(name for name, _ in there if name in words) == words
