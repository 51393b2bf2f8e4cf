"""Axes: counting and choosing combinations."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from nnlab.config import axes
from nnlab.config.load import configure
from tests.cli import Desk

L2 = "regularization.l2"


def drawn(sweep: dict[str, Any], seed: int = 0) -> list[Any]:
    config, problems = configure({"data": {"source": "moons"}, "seed": seed, "sweep": sweep})
    assert config is not None
    assert not problems
    return [combination for _, combination, _ in axes.combinations(config)]


SEARCH = {"method": "random", "runs": 200, "grid": {L2: {"min": 1e-4, "max": 10, "scale": "log"}}}


def test_a_log_range_is_even_in_the_logarithm() -> None:
    values = [math.log10(combination[L2]) for combination in drawn(SEARCH)]
    assert -4 <= min(values) < max(values) <= 1
    assert stats.kstest(values, stats.uniform(-4, 5).cdf).pvalue > 0.01


def test_a_linear_range_is_even_and_whole_if_both_ends_are() -> None:
    values = [
        c["training.epochs"] for c in drawn({**SEARCH, "grid": {"training.epochs": {"min": 1, "max": 4}}})
    ]
    assert all(isinstance(value, int) for value in values)
    counts = np.bincount(values)[1:]
    assert stats.chisquare(counts).pvalue > 0.01
    assert len(counts) == 4


def test_the_same_seed_draws_the_same_and_a_longer_search_begins_like_a_shorter_one() -> None:
    assert drawn(SEARCH) == drawn(SEARCH) != drawn(SEARCH, seed=1)
    assert drawn({**SEARCH, "runs": 7}) == drawn(SEARCH)[:7]


def test_each_strategy_with_a_choice_gets_the_same_number_of_draws() -> None:
    strategies = {
        "none": {},
        "l2": {L2: {"min": 0.1, "max": 1.5}},
        "dropout": {"regularization.dropout": [0.1, 0.5]},
    }
    sweep = {"method": "random", "runs": 5, "strategies": strategies}
    config, _ = configure({"data": {"source": "moons"}, "sweep": sweep})
    assert config is not None
    names = [name for name, _, _ in axes.combinations(config)]
    assert {name: names.count(name) for name in strategies} == {"none": 1, "l2": 5, "dropout": 5}
    assert axes.count(config.sweep) == len(names)


def test_counting_agrees_with_expanding() -> None:
    sweep = {
        "grid": {L2: [1, 2, 3], "training.epochs": [1, 2]},
        "zip": {"data.noise": [0.1, 0.2], "data.label_noise": [0, 0.1]},
    }
    config, problems = configure({"data": {"source": "moons"}, "sweep": sweep})
    assert config is not None
    assert not problems
    assert axes.count(config.sweep) == len(list(axes.combinations(config))) == 12


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        ("{min: 1, max: 1}", "expected {min: A, max: B}, A below B"),
        ("{min: 0, max: 1, scale: log}", "min 0 came with scale: log, expected it above 0"),
        ("{min: 0, max: 1, scale: cubic}", "expected {min: A, max: B}, A below B, with scale: linear or log"),
        ("{min: -1.0, max: 1.0}", "regularization.l2: -1.0 came, expected a number of 0 or more"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(desk: Desk, axis: str, message: str) -> None:
    text = f"data: {{source: moons}}\nsweep: {{method: random, runs: 2, grid: {{regularization.l2: {axis}}}}}"
    answer = desk.nnlab("sweep", desk.write(text))
    assert answer.code == 2
    assert message in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_range_without_random_search_is_refused_and_so_is_a_search_without_a_number(desk: Desk) -> None:
    grid = "grid: {regularization.l2: {min: 0.1, max: 1.0}}"
    answer = desk.nnlab("sweep", desk.write(f"data: {{source: moons}}\nsweep: {{{grid}}}"))
    assert "a range came, expected a list, or sweep.method: random" in answer.stderr
    answer = desk.nnlab("sweep", desk.write(f"data: {{source: moons}}\nsweep: {{method: random, {grid}}}"))
    assert "random came without sweep.runs, expected how many to draw" in answer.stderr


def test_a_billion_runs_are_refused_by_arithmetic(desk: Desk) -> None:
    values = list(range(1, 101))
    keys = ("training.epochs", "training.batch_size", "data.samples", "regularization.l2")
    grid = ", ".join(f"{key}: {values}" for key in keys)
    text = f"data: {{source: moons}}\nsweep: {{seeds: 10, grid: {{{grid}}}}}"
    answer = desk.nnlab("sweep", desk.write(text))
    assert answer.code == 2
    assert (
        answer.stderr == "config.yaml:2:8: 1,000,000,000 runs came, expected at most 100,000 (--max-runs)\n"
    )


@pytest.mark.parametrize("key", ["seeds", "data_seeds"])
@pytest.mark.parametrize("seeds", ["[]", "[1, 2, 1]"])
def test_a_list_of_seeds_has_at_least_one_and_each_once(key: str, seeds: str, desk: Desk) -> None:
    config = desk.write(f"data: {{source: moons}}\nsweep: {{{key}: {seeds}}}")
    answer = desk.nnlab("sweep", config)
    assert answer.code == 2
    place = f"config.yaml:2:{len(key) + 11}"
    words = f"{place}: sweep.{key}: {seeds} came, expected at least one seed, each once\n"
    assert answer.stderr == words
