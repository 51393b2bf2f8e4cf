"""Ready-made strategies: each set fits any config, and says what it leaves out."""

from pathlib import Path

import pytest

from nnlab.config.load import Override, load
from nnlab.errors import InputError
from nnlab.plan import Materials, Plan, plan_sweep, settings_of
from nnlab.strategies.adopt import adopt, names, read_set
from tests.cli import Desk

TABLE = "x,y,target\n" + "".join(f"{i % 7},{i * i % 11},{'ab'[i % 3 == 0]}\n" for i in range(60))


def fitted(folder: Path, config: str, strategies: str = "cabinet", **settings: str) -> tuple[Plan, list[str]]:
    (folder / "table.csv").write_text(TABLE)
    (folder / "config.yaml").write_text(config)
    overrides = [Override(key.replace("__", "."), text, f"--set {key}") for key, text in settings.items()]
    file = load(str(folder / "config.yaml"), overrides)
    materials = Materials(file)
    adopted, notes = adopt(file, read_set(strategies), materials)
    return plan_sweep(adopted, 100_000, materials), notes


def settings_by_strategy(plan: Plan) -> dict[str, list[str]]:
    by_run = {run.id: run for run in plan.runs}
    found: dict[str, list[str]] = {}
    for run, strategy in plan.members:
        found.setdefault(strategy, []).append(str(by_run[run].config.model.hidden))
    return found


CONFIGS = {
    "classes": "data: {source: csv, path: table.csv, target: target}",
    "numbers": "data: {source: csv, path: table.csv, target: y, task: regression}",
    "a generator": "data: {source: moons, samples: 60}",
    "a linear model": "data: {source: moons, samples: 60}\nmodel: {hidden: []}",
    "no validation rows": "data: {source: moons, samples: 60, validation: 0}",
    "full batches": "data: {source: moons, samples: 60}\ntraining: {batch_size: full, evaluate_every: last}",
    "few rows": "data: {source: moons, samples: 60, train_size: 6}",
}


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_every_set_fits_every_config(name: str, config: str, tmp_path: Path) -> None:
    plan, notes = fitted(tmp_path, config, name)
    strategies = set(read_set(name).strategies)
    there = {strategy for _, strategy in plan.members}
    left_out = {note.partition(" is left out: ")[0] for note in notes}
    assert there | left_out == strategies
    assert not there & left_out
    assert len(there) >= 4


def test_relative_values_follow_the_config(tmp_path: Path) -> None:
    plan, _ = fitted(tmp_path, "data: {source: moons, samples: 60}\nmodel: {hidden: [40, 20]}")
    hidden = settings_by_strategy(plan)
    assert hidden["smaller net"][0] == "(10, 5)"
    assert hidden["larger net"][0] == "(160, 80)"


@pytest.mark.parametrize(("epochs", "patience"), [("100", 10), ("200", 20), ("1", 1), ("5000", 500)])
def test_early_stopping_waits_for_a_share_of_the_epochs(epochs: str, patience: int, tmp_path: Path) -> None:
    plan, _ = fitted(tmp_path, CONFIGS["a generator"], training__epochs=epochs)
    run = next(run for run, strategy in plan.members if strategy == "early stopping")
    config = next(one.config for one in plan.runs if one.id == run)
    assert settings_of(config)["regularization.early_stopping.patience"] == patience


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "model.hiden: {times: 2}",
            "model.hiden: 'model.hiden' is not a setting of this config",
        ),
        ("model.hidden: {times: much}", "model.hidden: {'times': 'much'} came, expected {times: 0.5}, or"),
        ("model.hidden: {times: 2, off: seed}", "model.hidden: {'times': 2, 'off': 'seed'} came, expected"),
        (
            "model.activation: {times: 2}",
            "model.activation: model.activation is 'relu' here, expected a number",
        ),
    ],
)
def test_what_cannot_be_multiplied_is_told_with_its_place(desk: Desk, setting: str, message: str) -> None:
    desk.write(f"baseline: none\nstrategies:\n  none: {{}}\n  odd: {{{setting}}}", "own.yaml")
    answer = desk.nnlab("sweep", desk.write(CONFIGS["a generator"]), "--strategies", "own.yaml")
    assert answer.code == 2
    assert answer.stderr.startswith("own.yaml:4:")
    assert f"odd: {message}" in answer.stderr


def test_what_changes_nothing_or_cannot_work_is_left_out_with_the_reason(tmp_path: Path) -> None:
    _, notes = fitted(tmp_path, CONFIGS["no validation rows"])
    assert "all the data is left out: here it is the same as none" in notes
    assert any(
        note.startswith("early stopping is left out: regularization.early_stopping:") for note in notes
    )


def test_a_set_of_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("baseline: plain\nstrategies: {plain: {}, decay: {regularization.l2: [1, 2]}}")
    plan, notes = fitted(tmp_path, CONFIGS["a generator"], str(own), sweep__seeds="3")
    assert len(plan.runs) == 3 * 3
    assert notes == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("baseline: b\nstrategies: {a: {}}", "own.yaml:1:11: baseline: 'b' is not one of the strategies"),
        ("strategies: {a: {}}", "own.yaml:1:1: 'baseline' is missing, expected the name of one of the"),
        ("baseline: a\nstrategies: [a]", "own.yaml:2:13: strategies: expected named strategies"),
        ("baseline: a\nstrategy: {a: {}}", "own.yaml:2:1: unknown key 'strategy'; known here"),
        (
            "baseline: a\nstrategies:\n  a: {}\n  b: {regularization.drop: 1}",
            "own.yaml:4:6: b: unknown key 'drop' in regularization (did you mean 'dropout'?)",
        ),
    ],
)
def test_a_mistake_in_a_set_is_told_with_its_place(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        fitted(tmp_path, CONFIGS["a generator"], str(tmp_path / "own.yaml"))
    assert words in str(error.value)


def test_a_set_fits_a_config_whose_sweep_section_is_empty(desk: Desk) -> None:
    config = desk.write("data: {source: moons, samples: 60}\ntraining: {epochs: 1}\nsweep:\n")
    answer = desk.nnlab("sweep", config, "--strategies", "cabinet", "--dry-run")
    assert (answer.code, "runs" in answer.stdout) == (0, True)


def test_the_command_trains_a_set_and_its_config_stands_alone(desk: Desk) -> None:
    config = desk.write("data: {source: moons, samples: 60}\ntraining: {epochs: 2}")
    answer = desk.nnlab("sweep", config, "--strategies", "cabinet", "--seeds", "2")
    assert answer.code == 0
    assert "note: all the data is left out: here it is the same as none" in answer.stderr
    assert "Against none, over 2 paired seeds: too few seeds to tell" in answer.stdout.replace("\n", " ")
    again = desk.nnlab("sweep", "runs/config/config.yaml", "-n", "config")
    assert again.code == 0
    assert "0 runs trained" in again.stderr


def test_wrong_names_and_company_are_refused(desk: Desk) -> None:
    config = desk.write("data: {source: moons}")
    answer = desk.nnlab("sweep", config, "--strategies", "cabinett")
    assert (answer.code, answer.stderr) == (
        2,
        "--strategies cabinett: expected cabinet, or a YAML file (did you mean 'cabinet'?)\n",
    )
    answer = desk.nnlab("sweep", config, "--strategies", "cabinet", "--grid", "regularization.l2=[0,1]")
    assert (answer.code, answer.stderr) == (2, "--grid came beside --strategies, expected one of the two\n")
