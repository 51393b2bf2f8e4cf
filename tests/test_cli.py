"""The commands from the outside: what they print, store and answer."""

import csv
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from nnlab.store.writing import Store
from tests.cli import MOONS, Desk


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def without_seconds(path: Path) -> list[dict[str, str]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in table(path)]


def test_train_prints_its_metrics_and_stores_the_run(desk: Desk) -> None:
    answer = desk.nnlab("train", desk.write(MOONS))
    assert answer.code == 0
    (row,) = table(desk.folder / "runs/config/runs.csv")
    assert f"stored in runs/config as run {row['run']}" in answer.stdout
    assert row["status"] == "completed"
    assert float(row["gap"]) == pytest.approx(float(row["test_loss"]) - float(row["train_loss"]))
    curves = table(desk.folder / "runs/config/curves.csv")
    assert [line["epoch"] for line in curves] == ["0", "1", "2", "3"]
    assert curves[-1]["train_loss"] == row["train_loss"]
    weights = load_file(desk.folder / f"runs/config/weights/{row['run']}.safetensors")
    assert {name: array.shape for name, array in weights.items()} == {
        "layer1.weight": (2, 8),
        "layer1.bias": (8,),
        "layer2.weight": (8, 2),
        "layer2.bias": (2,),
    }


def test_runs_csv_has_the_columns_of_the_contract(desk: Desk) -> None:
    desk.nnlab("sweep", desk.write(MOONS))
    desk.nnlab("sweep", desk.write(MOONS.replace("moons", "sine"), "r.yaml"))
    always = "run strategy seed status epochs best_epoch seconds parameters train_loss val_loss test_loss gap"
    expected = {*always.split(), "penalty", "weight_norm", "regularization.l2"}
    splits = ("train", "val", "test")
    assert expected | {f"{s}_accuracy" for s in splits} <= set(table(desk.folder / "runs/config/runs.csv")[0])
    regression = expected | {f"{s}_{m}" for s in splits for m in ("r2", "rmse")}
    assert regression <= set(table(desk.folder / "runs/r/runs.csv")[0])


def test_a_sweep_prints_one_line_for_each_setting_best_first(desk: Desk) -> None:
    answer = desk.nnlab("sweep", desk.write(MOONS))
    assert answer.code == 0
    assert "4 runs trained" in answer.stderr
    report = desk.nnlab("report", "-f", "json")
    rows = json.loads(report.stdout)["rows"]
    assert sorted(row["strategy"] for row in rows) == ["l2=0", "l2=1"]
    assert rows[0]["val_loss"] <= rows[1]["val_loss"]
    assert all(row["seeds"] == 2 for row in rows)


def test_the_same_sweep_again_trains_nothing_and_a_larger_one_what_is_new(desk: Desk) -> None:
    config = desk.write(MOONS)
    desk.nnlab("sweep", config)
    before = table(desk.folder / "runs/config/runs.csv")
    assert "0 runs trained, 4 were there" in desk.nnlab("sweep", config).stderr
    assert table(desk.folder / "runs/config/runs.csv") == before
    larger = desk.nnlab("sweep", config, "--grid", "regularization.l2=[0,1,2]", "--seeds", "3")
    assert "5 runs trained, 4 were there" in larger.stderr
    after = {row["run"]: row for row in table(desk.folder / "runs/config/runs.csv")}
    assert len(after) == 9
    assert all(after[row["run"]] == row for row in before)


def test_the_stored_config_gives_the_same_runs_again(desk: Desk) -> None:
    (desk.folder / "data").mkdir()
    desk.write("a,y\n" + "".join(f"{i},{i * i}\n" for i in range(40)), "data/t.csv")
    text = "data: {source: csv, path: data/t.csv, target: y}\ntraining: {epochs: 2}\nsweep: {seeds: 2}"
    desk.nnlab("sweep", desk.write(text, "first.yaml"))
    again = desk.nnlab("sweep", "runs/first/config.yaml", "-n", "second")
    assert again.code == 0
    first, second = (without_seconds(desk.folder / f"runs/{name}/runs.csv") for name in ("first", "second"))
    for row in (*first, *second):
        del row["strategy"]  # a sweep without settings is named after its experiment
    assert first == second


def test_overwrite_forgets_earlier_runs(desk: Desk) -> None:
    config = desk.write(MOONS)
    desk.nnlab("sweep", config)
    desk.nnlab("sweep", config, "--seeds", "1", "--overwrite")
    assert len(table(desk.folder / "runs/config/runs.csv")) == 2


def test_dry_run_writes_nothing(desk: Desk) -> None:
    for command in ("train", "sweep"):
        answer = desk.nnlab(command, desk.write(MOONS), "--dry-run")
        assert answer.code == 0
        assert "would train" in answer.stdout
        assert "time" in answer.stdout
    assert desk.experiments == []


def test_a_learning_rate_of_a_million_diverges_and_its_neighbours_do_not_mind(desk: Desk) -> None:
    config = desk.write(MOONS)
    desk.nnlab("sweep", config, "-n", "calm", "--grid", "optimizer.learning_rate=[0.001]")
    wild = desk.nnlab("sweep", config, "-n", "wild", "--grid", "optimizer.learning_rate=[0.001, 1e6]")
    assert wild.code == 3
    assert "diverged" in wild.stdout
    rows = without_seconds(desk.folder / "runs/wild/runs.csv")
    assert {row["status"] for row in rows if row["optimizer.learning_rate"] == "1000000.0"} == {"diverged"}
    sound = {row["run"]: row["test_loss"] for row in rows if row["status"] == "completed"}
    calm = {row["run"]: row["test_loss"] for row in without_seconds(desk.folder / "runs/calm/runs.csv")}
    assert sound == calm
    assert desk.nnlab("train", config, "-s", "optimizer.learning_rate=1e6").code == 3


def test_retry_failed_trains_diverged_runs_again(desk: Desk) -> None:
    config = desk.write(MOONS)
    desk.nnlab("sweep", config, "-s", "optimizer.learning_rate=1e6")
    assert "0 runs trained" in desk.nnlab("sweep", config, "-s", "optimizer.learning_rate=1e6").stderr
    again = desk.nnlab("sweep", config, "-s", "optimizer.learning_rate=1e6", "--retry-failed")
    assert "4 runs trained" in again.stderr
    assert again.code == 3


def test_early_stopping_says_that_it_restored_an_epoch(desk: Desk) -> None:
    text = "data: {source: moons}\nregularization: {early_stopping: 2}\ntraining: {epochs: 60}"
    answer = desk.nnlab("train", desk.write(text), "-s", "optimizer.learning_rate=0.1")
    (row,) = table(desk.folder / "runs/config/runs.csv")
    assert f"{row['epochs']}, all numbers are of the restored epoch {row['best_epoch']}" in answer.stdout
    assert int(row["best_epoch"]) < int(row["epochs"]) < 60


def shown(text: str, form: str, metric: str) -> dict[str, tuple[float, float]]:
    """What a report says of each strategy: the mean, and how far from it rounding may lead."""
    if form in ("csv", "json"):
        rows = csv.DictReader(io.StringIO(text)) if form == "csv" else json.loads(text)["rows"]
        return {row["strategy"]: (float(row[metric]), 1e-12) for row in rows}
    found = {}
    for line in text.splitlines():
        if cells := re.search(r"(rate=[\d.]+).* (-?\d+(?:\.(\d+))?) ± ", line):
            strategy, mean, decimals = cells.groups(default="")
            found[f"learning_{strategy}"] = (float(mean), 0.5 * 10 ** -len(decimals))
    return found


@pytest.mark.parametrize("form", ["table", "md", "csv", "json"])
def test_every_format_tells_the_same_means(desk: Desk, form: str) -> None:
    far_apart = "optimizer.learning_rate=[0.01, 0.1]"
    config = desk.write(MOONS.split("sweep:")[0])
    desk.nnlab("sweep", config, "--grid", far_apart, "--seeds", "5", "-s", "training.epochs=20")
    rows = table(desk.folder / "runs/config/runs.csv")
    found = shown(desk.nnlab("report", "-f", form, "--cols", "test_loss").stdout, form, "test_loss")
    assert set(found) == {"learning_rate=0.01", "learning_rate=0.1"}
    for strategy, (mean, rounding) in found.items():
        expected = np.mean([float(row["test_loss"]) for row in rows if row["strategy"] == strategy])
        assert rounding < 0.01
        assert mean == pytest.approx(expected, rel=1e-12, abs=rounding * 1.000001)


def test_report_writes_to_a_file_and_shows_chosen_columns(desk: Desk) -> None:
    desk.nnlab("sweep", desk.write(MOONS))
    assert desk.nnlab("report", "runs/config", "--cols", "gap", "-f", "md", "-o", "out.md").stdout == ""
    assert (desk.folder / "out.md").read_text().startswith("| strategy | seeds | gap |\n")


def test_several_experiments_stand_side_by_side(desk: Desk) -> None:
    for name in ("a", "b"):
        desk.nnlab("train", desk.write(MOONS), "-n", name, "-q")
    assert desk.nnlab("report", "-f", "md").stdout.count("\n|") == 3
    assert "| experiment |" in desk.nnlab("report", "runs/a", "runs/b", "-f", "md").stdout


def nnlab_process(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "nnlab", *arguments],
        cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


LONG = """
data: {source: moons, samples: 200}
model: {hidden: [16]}
training: {epochs: 120}
sweep: {seeds: 2, grid: {model.hidden: [[4], [5], [6], [7], [8], [9], [10], [11], [12], [13], [14], [15]]}}
"""


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGINT, 130, "interrupted; every run that had finished is saved"),
        (signal.SIGTERM, 143, "terminated; every run that had finished is saved"),
        (signal.SIGKILL, -9, ""),
    ],
)
def test_a_sweep_that_is_stopped_keeps_what_has_ended_and_goes_on(
    desk: Desk, number: int, code: int, words: str
) -> None:
    config = desk.write(LONG)
    process = nnlab_process(desk.folder, "sweep", config)
    database = desk.folder / "runs/config/results.sqlite"
    weights = desk.folder / "runs/config/weights"
    deadline = time.monotonic() + 30
    while len(list(weights.glob("*.safetensors"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, number)
    stderr = process.communicate(timeout=30)[1]
    assert process.returncode == code
    assert words in stderr
    assert "Traceback" not in stderr
    assert database.exists()
    again = desk.nnlab("sweep", config)
    assert again.code == 0
    kept = int(again.stderr.split(" runs trained, ")[1].split()[0])
    assert 2 <= kept < 24
    desk.nnlab("sweep", config, "-n", "whole", "-q")
    assert without_seconds(desk.folder / "runs/config/runs.csv") == without_seconds(
        desk.folder / "runs/whole/runs.csv"
    )
    for path in weights.glob("*.safetensors"):
        assert path.read_bytes() == (desk.folder / "runs/whole/weights" / path.name).read_bytes()


def test_a_folder_in_use_is_told_at_once(desk: Desk) -> None:
    config = desk.write(LONG)
    process = nnlab_process(desk.folder, "sweep", config)
    holder = desk.folder / "runs/config/.holder"
    deadline = time.monotonic() + 30
    while not holder.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        second = desk.nnlab("sweep", config)
        assert second.code == 4
        assert second.stderr.startswith(f"runs/config is in use by process {process.pid} on ")
        report = desk.nnlab("report")  # readers never wait
        assert report.code == 0 or "no run has ended here yet" in report.stderr
    finally:
        process.kill()
        process.communicate()


def test_the_program_starts_as_a_module() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "nnlab", "--version"], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "0.1.0\n"


DIVERGING = "sweep config.yaml --grid optimizer.learning_rate=[0.001,1e6]"


@pytest.mark.parametrize("stderr_too", [False, True])
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("report -f json", 0),
        ("sweep config.yaml -q", 0),
        (f"{DIVERGING} -q", 3),
        (DIVERGING, 3),
        ("train config.yaml", 0),
        ("sweep config.yaml --dry-run", 0),
    ],
)
def test_a_closed_pipe_changes_no_exit_code(desk: Desk, command: str, code: int, stderr_too: bool) -> None:
    desk.nnlab("sweep", desk.write(MOONS), "-n", "earlier")
    reader, writer = os.pipe()
    os.close(reader)  # as `| true` does, before the first word
    program = [sys.executable, "-m", "nnlab", *command.split()]
    stderr = writer if stderr_too else subprocess.PIPE
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    answer = subprocess.run(
        program, cwd=desk.folder, stdout=writer, stderr=stderr, text=True, check=False, env=buffered
    )
    os.close(writer)
    assert answer.returncode == code
    if not stderr_too:
        assert "Traceback" not in answer.stderr
        assert "BrokenPipe" not in answer.stderr


def test_the_csv_files_are_written_again_if_a_kill_came_before_them(desk: Desk) -> None:
    config = desk.write(MOONS)
    desk.nnlab("sweep", config)
    whole = (desk.folder / "runs/config/runs.csv").read_text()
    with sqlite3.connect(desk.folder / "runs/config/results.sqlite") as database:
        database.execute("UPDATE facts SET value = 'no' WHERE name = 'exported'")
    database.close()
    (desk.folder / "runs/config/runs.csv").write_text("stale")
    assert "0 runs trained" in desk.nnlab("sweep", config).stderr
    assert (desk.folder / "runs/config/runs.csv").read_text() == whole


STRATEGIES = """
data: {source: moons, samples: 60}
model: {hidden: [8]}
training: {epochs: 3}
sweep:
  seeds: 3
  strategies:
    none: {}
    l2: {regularization.l2: [0, 1, 10]}
"""


def test_a_strategy_is_shown_with_its_chosen_setting_and_how_many_it_tried(desk: Desk) -> None:
    answer = desk.nnlab("sweep", desk.write(STRATEGIES))
    assert answer.stdout.partition("\nDiagnosis")[0].count("l2 ") == 1
    rows = table(desk.folder / "runs/config/runs.csv")
    means = {
        strength: np.mean([float(r["val_loss"]) for r in rows if r["regularization.l2"] == strength])
        for strength in ("0.0", "1.0", "10.0")
    }
    best = min(means, key=lambda strength: means[strength])
    chosen = {row["regularization.l2"] for row in rows if row["strategy"] == "l2" and row["chosen"] == "true"}
    assert chosen == {best}
    report = json.loads(desk.nnlab("report", "-f", "json").stdout)["rows"]
    assert {row["strategy"]: row["tried"] for row in report} == {"none": 1, "l2": 3}
    assert len(json.loads(desk.nnlab("report", "--all", "-f", "json").stdout)["rows"]) == 4


def test_a_filter_may_leave_the_baseline_out(desk: Desk) -> None:
    desk.nnlab("sweep", desk.write(STRATEGIES + "  baseline: none\n"), "--seeds", "6")
    assert "Against none" in desk.nnlab("report").stdout
    for name in ("table", "md", "json", "csv", "latex", "html"):
        answer = desk.nnlab("report", "-F", "strategy == 'l2'", "-f", name)
        assert answer.code == 0
        assert "Against" not in answer.stdout
        assert "note: --filter leaves out the baseline none: nothing is compared with it" in answer.stderr
    assert desk.nnlab("report", "-F", "strategy == 'l2'", "--plot", "x.svg").code == 0


def test_the_report_says_what_chose_the_settings(desk: Desk) -> None:
    config = desk.write(STRATEGIES)
    assert "shows the one with the best mean val_loss. (report" in desk.nnlab("sweep", config).stdout
    answer = desk.nnlab("sweep", config, "-s", "data.validation=0", "-n", "blind")
    assert "shows the one with the best mean train_loss. There are no validation rows" in answer.stdout
    assert "each strategy shows" not in desk.nnlab("report", "runs/config", "--all").stdout


def test_a_run_that_two_strategies_ask_for_is_trained_once_and_counted_in_both(desk: Desk) -> None:
    answer = desk.nnlab("sweep", desk.write(STRATEGIES))
    assert "note: 3 runs came up again; each is trained once" in answer.stderr
    assert "9 runs trained" in answer.stderr
    rows = table(desk.folder / "runs/config/runs.csv")
    assert len(rows) == 12
    none, l2 = ({r["run"] for r in rows if r["strategy"] == name} for name in ("none", "l2"))
    assert none < l2


@pytest.mark.parametrize(
    ("settings", "note"),
    [
        ("regularization.early_stopping=100", "early stopping waits 100 epochs and there are 3"),
        ("regularization.dropout=0.5", "dropout drops hidden units and there is no hidden layer"),
        ("schedule.name=step", "schedule step falls every 30 epochs and there are 3"),
        ("schedule.name=reduce_on_plateau", "reduce_on_plateau waits 10 epochs and there are 3"),
        ("schedule={name: cosine, period: 9}", "the period of the cosine is 9 epochs and there are 3"),
        ("training.epochs=0", "0 epochs: the networks keep their first weights"),
    ],
)
def test_settings_that_make_no_sense_together_get_a_note(desk: Desk, settings: str, note: str) -> None:
    answer = desk.nnlab("train", desk.write(MOONS), "-s", settings, "-s", "model.hidden=[]")
    assert answer.code == 0
    assert note in answer.stderr
    assert "note" not in desk.nnlab("train", "config.yaml", "-n", "calm").stderr


@pytest.mark.parametrize(
    "settings",
    [
        # 60 training rows: 0.5 * 600 / 60 = 5, so weights are multiplied by 1 - 5 in every step.
        "optimizer: {name: sgd, learning_rate: 0.5}\nregularization: {l2: 600}\n",
        "optimizer: {name: sgdw, learning_rate: 0.5, weight_decay: 10}\n",
        "optimizer: {name: adamw, learning_rate: 0.5, weight_decay: 10}\n",
    ],
)
def test_decay_that_overshoots_gets_a_note_and_diverges(desk: Desk, settings: str) -> None:
    answer = desk.nnlab("train", desk.write(MOONS + settings), "-s", "training.epochs=60")
    assert "is 5: above 2" in answer.stderr
    assert answer.code == 3


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        (
            "model.hidden=[1000000,1000000]",
            "--set model.hidden=[1000000,1000000]: model.hidden: 1,000,006,000,002",
        ),
        (
            "data.samples=1000000000000",
            "--set data.samples=1000000000000: data.samples: 1,000,000,000,000 came, 8.0 TB",
        ),
    ],
)
def test_what_cannot_fit_into_memory_is_refused_at_once(desk: Desk, setting: str, line: str) -> None:
    answer = desk.nnlab("train", desk.write(MOONS), "-s", setting)
    assert answer.code == 2
    assert answer.stderr.startswith(line)
    assert desk.experiments == []


def test_the_bill_counts_what_is_there_and_trains_nothing(desk: Desk) -> None:
    config = desk.write(STRATEGIES)
    before = desk.nnlab("sweep", config, "--dry-run").stdout
    assert "9 (12 with duplicates)" in before
    assert "42 a run" in before
    desk.nnlab("sweep", config, "--seeds", "1")
    assert "stored before  3" in desk.nnlab("sweep", config, "--dry-run").stdout
    desk.nnlab("sweep", config)
    assert "nothing is left to do" in desk.nnlab("sweep", config, "--dry-run").stdout


def test_the_same_folder_twice_counts_its_runs_once(desk: Desk) -> None:
    desk.nnlab("sweep", desk.write(MOONS))
    once = desk.nnlab("report", "runs/config", "-f", "csv").stdout
    assert desk.nnlab("report", "runs/config", "runs/../runs/config", "runs", "-f", "csv").stdout == once


def test_two_folders_of_one_name_are_told_apart(desk: Desk) -> None:
    config = desk.write(MOONS)
    desk.nnlab("sweep", config)
    desk.nnlab("sweep", config, "-o", "other")
    rows = json.loads(desk.nnlab("report", "runs/config", "other/config", "-f", "json").stdout)["rows"]
    assert [row["seeds"] for row in rows] == [2, 2, 2, 2]
    assert {row["experiment"] for row in rows} == {"runs/config", "other/config"}


def test_a_single_run_in_the_folder_of_a_sweep_leaves_its_comparison_alone(desk: Desk) -> None:
    config = desk.write(MOONS)
    desk.nnlab("train", config)
    swept = desk.nnlab("sweep", config).stdout
    stored = (desk.folder / "runs/config/config.yaml").read_text()
    desk.nnlab("train", config, "--seed", "7")
    assert desk.nnlab("report", "runs/config").stdout == swept
    assert (desk.folder / "runs/config/config.yaml").read_text() == stored
    assert (
        "0 runs trained, 4 were there"
        in desk.nnlab("sweep", "runs/config/config.yaml", "-n", "config").stderr
    )
    assert len(table(desk.folder / "runs/config/runs.csv")) == 5  # one is of the sweep, too
    assert desk.nnlab("report", "--all", "-f", "md").stdout.count("\n|") == 1 + 3


def test_a_smaller_sweep_shows_what_it_asked_for(desk: Desk) -> None:
    config = desk.write(STRATEGIES)
    desk.nnlab("sweep", config)
    desk.nnlab("sweep", config, "-s", "sweep.strategies.l2.regularization.l2=[1]")
    rows = json.loads(desk.nnlab("report", "-f", "json").stdout)["rows"]
    assert {row["strategy"]: (row["tried"], row["seeds"]) for row in rows} == {"none": (1, 3), "l2": (1, 3)}


def test_a_folder_with_files_of_others_is_left_alone(desk: Desk) -> None:
    (desk.folder / "mine").mkdir()
    config = desk.write(MOONS, "mine/config.yaml")
    before = (desk.folder / config).read_text()
    answer = desk.nnlab("train", config, "-o", ".", "-n", "mine", "--overwrite")
    assert answer.code == 2
    assert (
        answer.stderr == "mine: this folder holds 'config.yaml' and no results, expected a new one (--name)\n"
    )
    assert (desk.folder / config).read_text() == before


def test_a_metric_that_the_runs_do_not_have_is_refused(desk: Desk) -> None:
    desk.nnlab("sweep", desk.write(MOONS))
    answer = desk.nnlab("report", "--metric", "test_r2")
    assert answer.code == 2
    assert answer.stderr.startswith(
        "--metric test_r2: these runs do not have it, expected one of train_loss, "
    )


def test_without_validation_rows_the_order_of_the_config_stays(desk: Desk) -> None:
    text = MOONS.replace("samples: 100", "samples: 100, validation: 0").replace("[0, 1]", "[100, 0, 10]")
    desk.nnlab("sweep", desk.write(text))
    rows = json.loads(desk.nnlab("report", "-f", "json").stdout)["rows"]
    assert [row["strategy"] for row in rows] == ["l2=100", "l2=0", "l2=10"]


def test_early_stopping_looks_often_enough_for_its_patience(desk: Desk) -> None:
    text = "data: {source: moons}\ntraining: {epochs: 2000}\nregularization: {early_stopping: 5}"
    desk.nnlab("train", desk.write(text))
    epochs = [int(line["epoch"]) for line in table(desk.folder / "runs/config/curves.csv")]
    assert epochs[:4] == [0, 1, 2, 3]
    answer = desk.nnlab("train", "config.yaml", "-s", "training.evaluate_every=last")
    assert "last came with early stopping" in answer.stderr


def test_escape_codes_in_names_reach_no_terminal_and_no_table(desk: Desk) -> None:
    text = 'data: {source: moons, samples: 50}\nsweep: {seeds: 1, strategies: {"a\\e[31m": {}}}'
    answer = desk.nnlab("sweep", desk.write(text))
    everything = answer.stdout + answer.stderr + desk.nnlab("report", "-f", "csv").stdout
    everything += (desk.folder / "runs/config/runs.csv").read_text()
    assert answer.code == 0
    assert "\x1b" not in everything
    assert "a\\x1b[31m" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "99999999999999999999"], "expected a whole number from 0 up to 2^63"),
        (["-s", "seed=-1"], "expected a whole number from 0 up to 2^63"),
    ],
)
def test_a_seed_that_no_database_holds_is_refused(desk: Desk, arguments: list[str], message: str) -> None:
    answer = desk.nnlab("train", desk.write(MOONS), *arguments)
    assert answer.code == 2
    assert message in answer.stderr


def test_exclude_that_leaves_nothing_is_refused(desk: Desk) -> None:
    text = "data: {source: moons}\nsweep: {grid: {training.epochs: [1]}, exclude: [{training.epochs: 1}]}"
    answer = desk.nnlab("sweep", desk.write(text))
    assert answer.code == 2
    assert "sweep.exclude: it leaves no combination" in answer.stderr


def test_an_empty_weights_file_is_trained_again(desk: Desk) -> None:
    config = desk.write(MOONS)
    desk.nnlab("sweep", config)
    lost = min((desk.folder / "runs/config/weights").iterdir())
    whole = lost.read_bytes()
    lost.write_bytes(b"")
    assert "1 run trained, 3 were there" in desk.nnlab("sweep", config).stderr
    assert lost.read_bytes() == whole


def test_a_report_takes_back_what_a_killed_writer_left_half_done(desk: Desk) -> None:
    desk.nnlab("sweep", desk.write(MOONS))
    whole = desk.nnlab("report", "-f", "csv").stdout
    code = """
import os, sqlite3
database = sqlite3.connect("runs/config/results.sqlite")
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN")
database.execute("DELETE FROM runs")
database.executemany("INSERT INTO curves (run, epoch) VALUES (?, 0)", ((str(i),) for i in range(100000)))
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", code], cwd=desk.folder, check=False)
    assert (desk.folder / "runs/config/results.sqlite-journal").exists()
    assert desk.nnlab("report", "-f", "csv").stdout == whole


def test_a_target_far_from_1_and_numbers_taken_as_classes_get_a_note(desk: Desk) -> None:
    desk.write("a,y\n" + "".join(f"{i},{200_000 + i * 7.5}\n" for i in range(60)), "price.csv")
    desk.write("a,y\n" + "".join(f"{i},{i % 4}\n" for i in range(60)), "grade.csv")
    answer = desk.nnlab("train", desk.write("data: {source: csv, path: price.csv, target: y}"), "-n", "price")
    assert "the target reaches" not in answer.stderr
    answer = desk.nnlab("train", "config.yaml", "-n", "raw", "-s", "data.standardize_target=false")
    assert "the target reaches 2e+05" in answer.stderr
    answer = desk.nnlab("train", desk.write("data: {source: csv, path: grade.csv, target: y}"), "-n", "grade")
    assert "the whole numbers of y are taken as 4 classes; data.task: regression" in answer.stderr


def test_a_target_that_is_far_from_1_is_told_once_with_the_way_back(desk: Desk) -> None:
    desk.write("a,y\n" + "".join(f"{i},{i * 1e-11}\n" for i in range(60)), "tiny.csv")
    config = """
        data: {source: csv, path: tiny.csv, target: y, standardize_target: false}
        training: {epochs: 1}
        sweep: {seeds: 1, grid: {regularization.l2: [0, 1]}}
    """
    answer = desk.nnlab("sweep", desk.write(config))
    assert answer.stderr.count("the target reaches 5.9e-10") == 1
    assert "multiply the column" in answer.stderr


def test_any_strategy_can_be_the_baseline(desk: Desk) -> None:
    desk.nnlab("sweep", desk.write(MOONS), "--seeds", "7")
    rows = json.loads(desk.nnlab("report", "--baseline", "l2=1", "-f", "json").stdout)["rows"]
    stored = table(desk.folder / "runs/config/runs.csv")
    loss = {(row["strategy"], row["seed"]): float(row["test_loss"]) for row in stored}
    mean = np.mean([loss["l2=0", str(seed)] - loss["l2=1", str(seed)] for seed in range(7)])
    found = {row["strategy"]: row["difference"] for row in rows}
    assert found["l2=0"] == pytest.approx(mean)
    assert found["l2=1"] is None
    assert "Against l2=1, over 7 paired seeds: " in desk.nnlab("report", "--baseline", "l2=1").stdout
    answer = desk.nnlab("report", "--baseline", "l3=1")
    assert answer.code == 2
    assert answer.stderr == "--baseline l3=1: not a strategy of these runs (did you mean 'l2=1'?)\n"


def test_a_folder_whose_command_was_ended_at_its_very_beginning_is_no_obstacle(desk: Desk) -> None:
    config = desk.write(MOONS)
    (desk.folder / "runs").mkdir()
    with Store(desk.folder / "runs/config"):
        pass
    for _ in range(2):
        assert desk.nnlab("report").stderr == "runs: no run has ended here yet\n"
        (desk.folder / "runs/config/results.sqlite").write_bytes(b"")  # sooner still
    assert "4 runs trained" in desk.nnlab("sweep", config).stderr


def test_a_table_of_diverged_runs_begins_with_its_headings(desk: Desk) -> None:
    config = desk.write(MOONS + "optimizer: {name: sgd, learning_rate: 1e30}\n")
    lines = desk.nnlab("sweep", config).stdout.splitlines()
    assert lines[0].split() == ["strategy", "seeds", "diverged"]


@pytest.mark.parametrize("commands", [("train", "sweep"), ("sweep", "train"), ("train", "sweep", "train")])
def test_a_run_of_train_that_a_sweep_has_too_is_counted_in_the_sweep_alone(
    desk: Desk, commands: tuple[str, ...]
) -> None:
    config = desk.write("""
        data: {source: moons, samples: 60}
        training: {epochs: 1}
        sweep: {seeds: 2, baseline: none, strategies: {none: {}, l2: {regularization.l2: 1}}}
    """)
    for command in commands:
        assert desk.nnlab(command, config).code == 0
    runs = table(desk.folder / "runs/config/runs.csv")
    assert [(row["strategy"], row["seed"]) for row in runs] == [
        ("none", "0"),
        ("none", "1"),
        ("l2", "0"),
        ("l2", "1"),
    ]
    other = desk.nnlab("train", config, "-s", "regularization.l2=3").stdout
    assert "stored in runs/config as run" in other
    assert len(table(desk.folder / "runs/config/runs.csv")) == 5


def test_where_every_run_diverged_nothing_is_said_of_rows_and_errors(desk: Desk) -> None:
    config = desk.write("""
        data: {source: moons, samples: 100}
        optimizer: {name: sgd, learning_rate: 1e30}
        sweep: {seeds: 2, baseline: none, strategies: {none: {}, l2: {regularization.l2: [0.1, 1]}}}
    """)
    said = desk.nnlab("sweep", config).stdout
    assert "No run completed: of the settings it tried, each strategy shows the simplest." in said
    assert "\nDiagnosis:\n\nnone  no run completed; 2 diverged" in said
    assert not [words for words in ("validation", "squared", "train_loss") if words in said]


def test_without_unseen_rows_the_diagnosis_is_of_training_rows(desk: Desk) -> None:
    config = desk.write(MOONS.replace("samples: 100", "samples: 100, validation: 0, test: 0"))
    for command in ("sweep", "train"):
        said = desk.nnlab(command, config).stdout.lower()
        assert "error rate on training rows" in said
        assert "->" not in said
