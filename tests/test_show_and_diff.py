"""`nnlab show` and `nnlab diff`: one run, and what differs between two, against what is stored."""

import csv
import io
import json
from typing import Any

import pytest
from safetensors.numpy import load_file

from tests.cli import Desk

SWEEP = """
data: {source: moons, samples: 60, noise: 0.3}
model: {hidden: [4]}
training: {epochs: 3}
sweep: {seeds: 2, strategies: {none: {}, l2: {regularization.l2: 10}}}
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Two experiments; nothing is written into them later."""
    desk = Desk(tmp_path_factory.mktemp("swept"))
    assert desk.nnlab("sweep", desk.write(SWEEP), "-n", "first", "-q").code == 0
    options = ["-s", "training.epochs=9", "-s", "data.noise=0.2", "--seeds", "3", "-q"]
    assert desk.nnlab("sweep", "config.yaml", "-n", "second", *options).code == 0
    return desk


def runs(desk: Desk, name: str = "first") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((desk.folder / f"runs/{name}/runs.csv").read_text())))


def read_json(desk: Desk, *arguments: str) -> dict[str, Any]:
    answer = desk.nnlab(*arguments, "-f", "json")
    assert answer.code == 0, answer.stderr
    return dict(json.loads(answer.stdout))


def test_a_run_is_shown_by_the_beginning_of_its_id(swept: Desk) -> None:
    stored = runs(swept)[-1]
    whole = swept.nnlab("show", stored["run"])
    assert swept.nnlab("show", stored["run"][:9]) == whole
    assert swept.nnlab("show", stored["run"], "runs/first") == whole
    words = [line.split() for line in whole.stdout.splitlines()]
    assert ["run", stored["run"]] in words
    assert ["strategy", "l2"] in words
    weights = next(line[1] for line in words if line[:1] == ["weights"])
    assert load_file(swept.folder / weights)


def test_settings_that_differ_from_the_defaults_come_first_and_the_others_on_demand(swept: Desk) -> None:
    run = runs(swept)[-1]["run"]
    short, long = swept.nnlab("show", run).stdout, swept.nnlab("show", run, "--all").stdout
    own, others = short.split("set, or found by the data")
    assert {line.split()[0] for line in own.split("set\n")[1].splitlines() if line} == {
        "data.source",
        "data.samples",
        "data.noise",
        "model.hidden",
        "training.epochs",
        "regularization.l2",
    }
    assert "batch_size" in others
    assert "data.copies" not in short
    assert "data.copies" in long


def test_show_as_json_has_all_that_is_stored(swept: Desk) -> None:
    stored = runs(swept)[0]
    found = read_json(swept, "show", stored["run"])
    assert found["settings"]["model.hidden"] == [4]
    assert (found["run"], str(found["test_loss"])) == (stored["run"], stored["test_loss"])
    assert len(found["feature_weights"]) == 2


@pytest.mark.parametrize("command", [["show"], ["diff", "runs/first/nowhere"]])
def test_unknown_and_ambiguous_ids_are_told_in_one_line(swept: Desk, command: list[str]) -> None:
    run = runs(swept)[0]["run"]
    misspelt = ("y" if run[0] != "y" else "z") + run[1:]
    answer = swept.nnlab("show", misspelt)
    assert (answer.code, answer.stderr.count("\n")) == (2, 1)
    assert f"'{misspelt}': no run of 2 experiments begins so (did you mean '{run}'?)" in answer.stderr
    answer = swept.nnlab(*command, "")
    assert (answer.code, answer.stderr.count("\n")) == (2, 1)
    empty = swept.nnlab("show", "").stderr
    assert empty.startswith("no id came, expected that of a run, or its beginning")
    ids = {one["run"][0] for name in ("first", "second") for one in runs(swept, name)}
    several = next(first for first in ids if len(begins(swept, first)) > 1)
    answer = swept.nnlab("show", several)
    assert (answer.code, answer.stderr.count("\n")) == (2, 1)
    assert f"{len(begins(swept, several))} runs begin so" in answer.stderr


def begins(desk: Desk, first: str) -> list[str]:
    return [run["run"] for name in ("first", "second") for run in runs(desk, name) if run["run"][0] == first]


def test_two_runs_side_by_side(swept: Desk) -> None:
    a, b = (next(run for run in runs(swept) if run["strategy"] == name) for name in ("none", "l2"))
    found = read_json(swept, "diff", a["run"], b["run"])
    assert found["settings"] == [
        {"name": "strategy", "a": "none", "b": "l2"},
        {"name": "regularization.l2", "a": 0.0, "b": 10.0},
    ]
    losses = next(line for line in found["metrics"] if line["metric"] == "test_loss")
    assert losses["a"] == float(a["test_loss"])
    assert losses["difference"] == pytest.approx(float(b["test_loss"]) - float(a["test_loss"]))
    words = swept.nnlab("diff", a["run"], b["run"]).stdout.splitlines()
    assert ["regularization.l2", "0", "10"] in [line.split() for line in words]


def test_a_run_does_not_differ_from_itself(swept: Desk) -> None:
    run = runs(swept)[0]["run"]
    assert swept.nnlab("diff", run, run).stdout.startswith("no setting differs\n")
    assert {line["difference"] for line in read_json(swept, "diff", run, run)["metrics"]} == {0}


def test_two_experiments_side_by_side(swept: Desk) -> None:
    found = read_json(swept, "diff", "first", "runs/second")
    assert {line["name"]: (line["a"], line["b"]) for line in found["settings"]} == {
        "seed": ([0, 1], [0, 1, 2]),
        "data.noise": ([0.3], [0.2]),
        "training.epochs": ([3], [9]),
    }
    losses = next(
        line for line in found["metrics"] if (line["strategy"], line["metric"]) == ("l2", "test_loss")
    )
    for side, name in (("a", "first"), ("b", "second")):
        values = [float(run["test_loss"]) for run in runs(swept, name) if run["strategy"] == "l2"]
        assert losses[side] == pytest.approx(sum(values) / len(values))
    assert swept.nnlab("diff", "first", "second").stdout.count("\n") > 10


def test_two_tasks_have_one_loss_each_and_no_name_is_cut(desk: Desk) -> None:
    names = [f"strategy number {i}" for i in range(9)]
    strategies = "".join(f"    {name}: {{regularization.l2: {i}}}\n" for i, name in enumerate(names))
    text = "data: {{source: {}, samples: 60}}\ntraining: {{epochs: 1}}\nsweep:\n  seeds: 1\n  strategies:\n"
    for source, own in (("moons", strategies), ("sine", "    none: {}\n")):
        assert desk.nnlab("sweep", desk.write(text.format(source) + own, f"{source}.yaml"), "-q").code == 0
    found = {
        line["name"]: (line["a"], line["b"]) for line in read_json(desk, "diff", "moons", "sine")["settings"]
    }
    assert found["loss"] == (["cross_entropy"], ["squared_error"])
    assert not {"loss.name", "activation.name"} & set(found)
    words = desk.nnlab("diff", "moons", "sine").stdout
    assert all(name in " ".join(words.split()) for name in names)
    ids = [runs(desk, name)[0]["run"] for name in ("moons", "sine")]
    of_runs = {line["name"]: (line["a"], line["b"]) for line in read_json(desk, "diff", *ids)["settings"]}
    assert of_runs["loss"] == ("cross_entropy", "squared_error")


def test_an_experiment_and_a_run_are_not_of_one_kind(swept: Desk) -> None:
    answer = swept.nnlab("diff", "first", runs(swept)[0]["run"])
    assert (answer.code, answer.stderr.count("\n")) == (2, 1)
    assert answer.stderr.startswith("first is an experiment and ")


def test_hostile_names_do_no_harm(desk: Desk) -> None:
    hostile = SWEEP.replace("none: {}", '"\\e[31m<b>=cmd()": {}')
    assert desk.nnlab("sweep", desk.write(hostile), "-q").code == 0
    run = runs(desk, "config")[0]["run"]
    text = desk.nnlab("show", run).stdout + desk.nnlab("diff", run, runs(desk, "config")[-1]["run"]).stdout
    assert "\x1b" not in text
    assert "\\x1b[31m<b>=cmd()" in text
