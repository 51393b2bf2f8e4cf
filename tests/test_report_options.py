"""`nnlab report` finds runs: filters, order, columns, single runs, several experiments in one table."""

import csv
import io
import json
from typing import Any

import pytest

from nnlab.render.formats import FORMATS
from tests.cli import Desk

SWEEP = """
data: {source: moons, samples: 60}
model: {hidden: [4]}
training: {epochs: 3}
sweep:
  seeds: 3
  baseline: none
  strategies: {none: {}, l2: {regularization.l2: [0.1, 10]}, full: {training.batch_size: full}}
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Two experiments; nothing is written into them later."""
    desk = Desk(tmp_path_factory.mktemp("swept"))
    assert desk.nnlab("sweep", desk.write(SWEEP), "-n", "first", "-q").code == 0
    assert (
        desk.nnlab("sweep", "config.yaml", "-n", "second", "--seeds", "2", "-s", "data.noise=0.5", "-q").code
        == 0
    )
    return desk


def rows(desk: Desk, *options: str) -> list[dict[str, Any]]:
    answer = desk.nnlab("report", *options, "-f", "json")
    assert answer.code == 0, answer.stderr
    return list(json.loads(answer.stdout)["rows"])


def runs(desk: Desk, name: str = "first") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((desk.folder / f"runs/{name}/runs.csv").read_text())))


def test_a_filter_chooses_runs_before_means_are_taken(swept: Desk) -> None:
    (line,) = rows(swept, "runs/first", "-F", "strategy == 'none' and seed in [0, 2]")
    losses = [
        float(run["test_loss"]) for run in runs(swept) if run["strategy"] == "none" and run["seed"] != "1"
    ]
    assert line["seeds"] == 2
    assert line["test_loss"] == pytest.approx(sum(losses) / 2)


def test_a_filter_that_leaves_other_seeds_to_other_lines_says_so(swept: Desk) -> None:
    same = swept.nnlab("report", "runs/first", "--filter", "seed < 2")
    assert (same.code, same.stderr) == (0, "")
    other = swept.nnlab("report", "runs/first", "--filter", "seed < 2 or strategy != 'none'")
    assert other.stderr.startswith("note: --filter keeps 8 of 9 runs, and not the same seeds of every line")


def test_a_filter_that_keeps_nothing_and_one_that_is_wrong_are_told(swept: Desk) -> None:
    nothing = swept.nnlab("report", "runs/first", "-F", "test_loss > 1e6")
    assert (nothing.code, nothing.stderr) == (
        2,
        "--filter test_loss > 1e6: none of 9 runs of chosen settings meets it; --all looks at all 12\n",
    )
    answers = [swept.nnlab("report", "runs/first", "-F", f"l2 == {strength}") for strength in (0.1, 10)]
    not_chosen = next(answer for answer in answers if answer.code)
    assert not_chosen.stderr.endswith("none of 9 runs of chosen settings meets it; --all looks at all 12\n")
    wrong = swept.nnlab("report", "-F", "tst_loss > 1")
    assert (wrong.code, wrong.stderr.count("\n")) == (2, 1)
    assert "--filter, column 1: 'tst_loss' is not known (did you mean 'test_loss'?)" in wrong.stderr


def test_per_seed_shows_every_run_with_its_id(swept: Desk) -> None:
    lines = rows(swept, "runs/first", "--per-seed", "--all")
    stored = {run["run"]: run for run in runs(swept)}
    assert {line["run"] for line in lines} == set(stored)
    assert all(line["test_loss"] == float(stored[line["run"]]["test_loss"]) for line in lines)
    assert [line["val_loss"] for line in lines] == sorted(line["val_loss"] for line in lines)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_writes_single_runs_and_settings(swept: Desk, form: str) -> None:
    answer = swept.nnlab("report", "runs/first", "--per-seed", "--cols", "l2,gap", "-f", form)
    assert answer.code == 0, answer.stderr
    assert runs(swept)[0]["run"] in answer.stdout


def test_pictures_beside_single_runs_are_of_means(swept: Desk) -> None:
    pytest.importorskip("altair")
    for options in ([], ["--per-seed"]):
        swept.nnlab("report", "runs/first", *options, "--plot", f"{len(options)}.svg")
    assert (swept.folder / "0.svg").read_text() == (swept.folder / "1.svg").read_text()


def test_lines_are_sorted_by_what_short_names_mean_and_best_first(swept: Desk) -> None:
    def order(column: str, name: str) -> list[Any]:
        return [line[name] for line in rows(swept, "runs/first", "--all", "--sort-by", column)]

    assert order("l2", "regularization.l2") == [0, 0, 0.1, 10]
    assert order("batch_size", "training.batch_size")[-1] == "full"  # after the numbers
    assert order("test_accuracy", "test_accuracy") == sorted(
        order("test_accuracy", "test_accuracy"), reverse=True
    )
    assert order("gap", "gap") == sorted(order("gap", "gap"))
    wins = [line["wins"] for line in rows(swept, "runs/first", "--sort-by", "wins")]
    assert wins[:-1] == sorted(wins[:-1], reverse=True)
    assert wins[-1] is None  # the baseline


def test_columns_may_be_settings_though_they_do_not_vary(swept: Desk) -> None:
    head, _, *lines = swept.nnlab(
        "report", "runs/first", "--cols", "l2,hidden,gap", "-f", "md"
    ).stdout.splitlines()
    cells = [cell.strip() for cell in head.strip("|").split("|")]
    assert {"regularization.l2", "model.hidden", "gap"} <= set(cells)
    assert "test_loss" not in cells
    assert all("4" in line.split("|")[cells.index("model.hidden") + 1] for line in lines[:3])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--cols", "gab"], "--cols: 'gab' is not known (did you mean 'gap'?)"),
        (["--cols", "test_r2"], "--cols: 'test_r2' is not known"),
        (["--cols", ""], "--cols: '' is not known"),
        (["--sort-by", "tst_loss"], "--sort-by: 'tst_loss' is not known (did you mean 'test_loss'?)"),
        (["--sort-by", "seed"], "--sort-by: 'seed' is not known (did you mean 'seeds'?)"),
    ],
)
def test_an_unknown_column_is_told(swept: Desk, options: list[str], words: str) -> None:
    answer = swept.nnlab("report", *options)
    assert (answer.code, answer.stderr.count("\n")) == (2, 1)
    assert answer.stderr.startswith(words)


def test_lines_of_one_experiment_stand_together_and_the_best_of_each_can_be_asked_for(swept: Desk) -> None:
    assert [line["experiment"] for line in rows(swept)] == ["first"] * 3 + ["second"] * 3
    best = rows(swept, "-n", "1")
    assert [line["experiment"] for line in best] == ["first", "second"]
    assert best[0] == rows(swept)[0]
    assert len(rows(swept, "-n", "1", "--sort-by", "test_loss")) == 1


def test_experiments_are_told_apart_in_the_terminal(swept: Desk) -> None:
    assert "\n\nsecond" in swept.nnlab("report").stdout
    assert "experiment" not in swept.nnlab("report", "runs/first").stdout
