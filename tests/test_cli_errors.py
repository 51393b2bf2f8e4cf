"""Every mistake gets its one line and its exit code, and leaves nothing behind."""

import re

import pytest

from nnlab.config.load import Override, load
from tests.cli import MOONS, Desk

TABLE = "a,b,y\n" + "".join(f"{i},{i % 7},{'xz'[i % 2]}\n" for i in range(40))
CSV = "data: {source: csv, path: table.csv, target: y}\n"

BAD_CONFIGS = {
    "unknown section": (
        "data: {source: moons}\nmodle: {hidden: [4]}",
        "c.yaml:2:1: unknown key 'modle' (did you mean 'model'?)",
    ),
    "unknown key of another tool": (
        "data: {source: moons}\noptimizer: {name: adam, lr: 1}",
        "c.yaml:2:25: unknown key 'lr' in optimizer (did you mean 'learning_rate'?)",
    ),
    "wrong type": (
        "data: {source: moons}\ntraining: {epochs: many}",
        "c.yaml:2:20: training.epochs: 'many' came, expected a whole number of 0 or more",
    ),
    "misspelt activation": (
        "data: {source: moons}\nmodel: {activation: rellu}",
        "c.yaml:2:21: model.activation: 'rellu' is not an activation (did you mean 'relu'?)",
    ),
    "misspelt activation of one layer": (
        "data: {source: moons}\nmodel: {hidden: [3, 3], activation: [relu, tahn]}",
        "c.yaml:2:44: model.activation[1]: 'tahn' is not an activation (did you mean 'tanh'?)",
    ),
    "activations for other layers": (
        "data: {source: moons}\nmodel: {hidden: [3], activation: [relu, tanh]}",
        "c.yaml:2:34: model.activation: 2 activations came for 1 hidden layers, "
        "expected one name, or one a layer",
    ),
    "missing file": (
        "data: {source: csv, path: nowhere.csv, target: y}",
        "c.yaml:1:27: data.path: 'nowhere.csv' does not exist",
    ),
    "missing target": (
        CSV.replace("target: y", "target: z"),
        "c.yaml:1:46: data.target: 'z' is not a column of table.csv; its columns: a, b, y",
    ),
    "duplicate key": (
        "data: {source: moons}\nseed: 1\nseed: 2",
        "c.yaml:3:1: key 'seed' came again, first on line 2 (keep one)",
    ),
    "batch larger than the data": (
        CSV + "training: {batch_size: 100}",
        "c.yaml:2:24: training.batch_size: 100 came for 24 training rows, expected at most 24, or full",
    ),
    "dropout 1.0": (
        "data: {source: moons}\nregularization: {dropout: 1.0}",
        "c.yaml:2:27: regularization.dropout: 1.0 came, expected a number from 0 up to, not including, 1, "
        "or a list with one for each hidden layer",
    ),
    "negative lambda": (
        "data: {source: moons}\nregularization: {l2: -1}",
        "c.yaml:2:22: regularization.l2: -1 came, expected a number of 0 or more",
    ),
    "no data": (
        "model: {hidden: [3]}",
        "c.yaml:1:1: 'data' is missing, expected a section such as data: {source: moons}",
    ),
    "unknown source": (
        "data: {source: moon}",
        "c.yaml:1:16: data.source: 'moon' is not a data source (did you mean 'moons'?)",
    ),
    "loss and output apart": (
        "data: {source: moons}\nloss: binary_cross_entropy\nmodel: {output: softmax}",
        "c.yaml:3:17: model.output: softmax does not go with loss binary_cross_entropy, expected sigmoid",
    ),
    "loss of another task": (
        "data: {source: sine}\nloss: cross_entropy",
        "c.yaml:2:7: loss: cross_entropy is not for regression, "
        "expected squared_error or huber or absolute_error or poisson",
    ),
    "early stopping without validation": (
        "data: {source: moons, validation: 0}\nregularization: {early_stopping: 5}",
        "c.yaml:2:34: regularization.early_stopping: val_loss is watched but data.validation is 0, "
        "expected validation rows, or metric: train_loss",
    ),
    "early stopping by a metric of another task": (
        "data: {source: moons}\nregularization: {early_stopping: {metric: val_r2}}",
        "c.yaml:2:43: regularization.early_stopping.metric: val_r2 came for classification, "
        "expected val_loss or val_accuracy",
    ),
    "a name that is a path": (
        "data: {source: moons}\nname: ../up",
        "c.yaml:2:7: name: '../up' came, expected up to 64 letters, digits, '.', '_' or '-', "
        "beginning with a letter or digit",
    ),
    "an output without a name": (
        "data: {source: moons}\nmodel: {output: {}}",
        "c.yaml:2:17: model.output: {} came without a name, expected an output: identity, sigmoid, softmax, "
        "exponential",
    ),
    "more than float32 holds": (
        "data: {source: moons}\nregularization: {l2: 1e300}",
        "c.yaml:2:22: regularization.l2.strength: 1e+300 came, expected a number that float32 can hold, "
        "at most 3.4e+38",
    ),
    "more than float32 holds, in an entry": (
        "data: {source: moons}\noptimizer: {name: sgd, learning_rate: 1e39}",
        "c.yaml:2:39: optimizer.learning_rate: 1e+39 came, expected a number that float32 can hold, "
        "at most 3.4e+38",
    ),
    "passes without end": (
        "data: {source: moons}\nregularization: {dropout: {p: 0.5, samples: 100000}}",
        "c.yaml:2:45: regularization.dropout.samples: 100000 came, expected a whole number from 0 to 10,000",
    ),
    "a share above 1": (
        "data: {source: moons}\nreport: {target: 5}",
        "c.yaml:2:18: report.target: 5 came for classification, expected a share of wrong answers, 0 to 1",
    ),
    "not finite": (
        "data: {source: moons}\noptimizer: {name: sgd, learning_rate: .inf}",
        "c.yaml:2:39: optimizer.learning_rate: .inf came, a number must be finite "
        "(quote it if text is meant)",
    ),
}


@pytest.mark.parametrize(("text", "line"), BAD_CONFIGS.values(), ids=BAD_CONFIGS)
@pytest.mark.parametrize("command", ["train", "sweep"])
def test_a_bad_config_gets_one_line_and_nothing_is_written(
    desk: Desk, command: str, text: str, line: str
) -> None:
    desk.write(TABLE, "table.csv")
    answer = desk.nnlab(command, desk.write(text, "c.yaml"))
    assert (answer.code, answer.stdout, answer.stderr) == (2, "", line + "\n")
    assert desk.experiments == []


BAD_TABLES = {
    "text where a number was": (
        TABLE.replace("\n3,", "\nthree,"),
        "table.csv:5: column 'a': 'three' came, expected",
    ),
    "NaN cell": (TABLE.replace("\n3,", "\nNaN,"), "table.csv:5: column 'a': 'NaN' came, expected a value"),
    "one class only": (TABLE.replace("z", "x"), "table.csv: column 'y': one class"),
    "header only": ("a,b,y\n", "table.csv: a line of column names and no rows came"),
}


@pytest.mark.parametrize(("table", "beginning"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_a_bad_table_gets_one_line(desk: Desk, table: str, beginning: str) -> None:
    desk.write(table, "table.csv")
    answer = desk.nnlab("train", desk.write(CSV, "c.yaml"))
    assert answer.code == 2
    assert re.fullmatch(re.escape(beginning) + r"[^\n]*\n", answer.stderr)
    assert desk.experiments == []


def test_all_problems_of_a_file_come_at_once_in_its_order(desk: Desk) -> None:
    text = (
        "seed: -1\ndata: {source: moons, noise: x}\nmodel: {hidden: 0}\nregularization: {l2: -1, dropot: 0.1}"
    )
    answer = desk.nnlab("train", desk.write(text, "c.yaml"))
    assert [line.split(" ")[0] for line in answer.stderr.splitlines()] == [
        "c.yaml:1:7:",
        "c.yaml:2:30:",
        "c.yaml:3:17:",
        "c.yaml:4:22:",
        "c.yaml:4:26:",
    ]


BAD_SWEEPS = {
    "a bad value of an axis": (
        "{grid: {regularization.l2: [0, -1]}}",
        "c.yaml:2:39: sweep.grid.regularization.l2[1]: regularization.l2: -1 came, "
        "expected a number of 0 or more",
    ),
    "an unknown key as an axis": (
        "{grid: {model.hiden: [3]}}",
        "c.yaml:2:30: sweep.grid.model.hiden[0]: unknown key 'hiden' in model (did you mean 'hidden'?)",
    ),
    "an axis without a list": (
        "{grid: {regularization.l2: 1}}",
        "c.yaml:2:35: sweep.grid.regularization.l2: 1 came, expected a list of values",
    ),
    "seed as an axis": (
        "{grid: {seed: [1, 2]}}",
        "c.yaml:2:16: sweep.grid.seed: 'seed' is not varied here, expected the list of seeds in sweep.seeds",
    ),
    "zip of two lengths": (
        "{zip: {regularization.l2: [0, 1], regularization.dropout: [0]}}",
        "c.yaml:2:14: sweep.zip: lists of 1 and 2 values came, expected one length",
    ),
    "grid beside strategies": (
        "{grid: {regularization.l2: [0]}, strategies: {none: {}}}",
        "c.yaml:2:9: sweep.grid: came beside strategies, expected one of the two",
    ),
    "an unknown baseline": (
        "{strategies: {none: {}}, baseline: nonne}",
        "c.yaml:2:43: sweep.baseline: 'nonne' is not one of the strategies (did you mean 'none'?)",
    ),
    "a bad value in a strategy": (
        "{strategies: {a: {regularization.dropout: 2}}}",
        "c.yaml:2:50: sweep.strategies.a.regularization.dropout: regularization.dropout: 2 came, "
        "expected a number from 0 up to, not including, 1",
    ),
    "more training rows than there are": (
        "{strategies: {a: {data.train_size: 1000}}}",
        "c.yaml:2:43: sweep.strategies.a.data.train_size: data.train_size: 1000 came, ",
    ),
    "no seeds": (
        "{seeds: 0}",
        "c.yaml:2:16: sweep.seeds: 0 came, expected a whole number of 1 or more, or a list of seeds",
    ),
}


@pytest.mark.parametrize(("sweep", "line"), BAD_SWEEPS.values(), ids=BAD_SWEEPS)
def test_a_bad_sweep_gets_one_line(desk: Desk, sweep: str, line: str) -> None:
    answer = desk.nnlab("sweep", desk.write(f"data: {{source: moons}}\nsweep: {sweep}", "c.yaml"))
    assert answer.code == 2
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.startswith(line)
    assert desk.experiments == []


def test_a_file_whose_name_cannot_name_a_folder_says_how_to_name_one(desk: Desk) -> None:
    config = desk.write(MOONS, "mein Projekt ü.yaml")
    answer = desk.nnlab("train", config, "--dry-run")
    assert answer.code == 2
    assert "'mein Projekt ü', from the name of the file, cannot name a folder of results" in answer.stderr
    assert "--name" in answer.stderr
    assert desk.nnlab("train", config, "--dry-run", "--name", "projekt").code == 0


def test_an_override_is_named_as_the_place_of_its_fault(desk: Desk) -> None:
    answer = desk.nnlab("train", desk.write(MOONS), "-s", "model.hidden=[0]")
    assert answer.code == 2
    assert answer.stderr.startswith(
        "--set model.hidden=[0]: model.hidden: [0] came, expected a list of layer widths"
    )


@pytest.mark.parametrize(
    ("arguments", "beginning"),
    [
        (["trian"], "nnlab: No such command 'trian'."),
        (["train"], "nnlab: Missing argument 'CONFIG'."),
        (["train", "config.yaml", "--sed", "1"], "nnlab: No such option: --sed"),
        (["train", "config.yaml", "-s", "epochs"], "--set epochs: expected KEY=VALUE"),
        (["train", "nowhere.yaml"], "nowhere.yaml: cannot be read: no such file or directory"),
        (["report"], "runs: no results here"),
        (["sweep", "c.yaml", "-j", "0"], "--jobs 0: expected 1 or more processes, or -1 for all cores"),
        (["sweep", "c.yaml", "-j", "-2"], "--jobs -2: expected 1 or more processes, or -1 for all cores"),
        (
            ["report", "-f", "tabel"],
            "--format tabel: expected table, md, csv, json, latex, html (did you mean 'table'?)",
        ),
        (["report", "--metric", "los"], "--metric los: expected one that says which is better, train_loss, "),
        (["report", "--metric", "train_rows"], "--metric train_rows: expected one that says which is better"),
    ],
)
def test_a_wrong_call_gets_one_line(desk: Desk, arguments: list[str], beginning: str) -> None:
    desk.write(MOONS)
    answer = desk.nnlab(*arguments)
    assert (answer.code, answer.stdout) == (2, "")
    assert answer.stderr.startswith(beginning)
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["train", "sweep", "report"])
def test_a_wrong_option_points_to_the_help_of_its_command(desk: Desk, command: str) -> None:
    assert desk.nnlab(command, "--sed").stderr.endswith(f"(nnlab {command} --help lists what is known)\n")


def test_a_report_into_a_folder_gets_one_line(desk: Desk) -> None:
    desk.nnlab("sweep", desk.write(MOONS), "-q")
    for folder in (".", "/", "runs"):
        answer = desk.nnlab("report", "-o", folder)
        assert (answer.code, answer.stderr) == (4, f"{folder} cannot be written: Is a directory\n")


def test_a_report_into_a_folder_that_is_not_there_is_refused_before_the_work(desk: Desk) -> None:
    answer = desk.nnlab("report", "-o", "nowhere/report.md")
    assert answer.code == 4
    line = "--output nowhere/report.md: there is no folder nowhere, expected one that exists\n"
    assert answer.stderr == line


def test_an_unknown_baseline_is_answered_with_the_strategies(desk: Desk) -> None:
    desk.nnlab("sweep", desk.write(MOONS), "-q")
    answer = desk.nnlab("report", "--baseline", "nobody")
    assert answer.stderr == "--baseline nobody: not a strategy of these runs, expected one of l2=0, l2=1\n"


def written(desk: Desk, text: str) -> str:
    return str(desk.folder / desk.write(text))


EMPTY = ("model", "loss", "optimizer", "training", "regularization", "sweep", "report")


def test_a_section_without_lines_is_like_no_section(desk: Desk) -> None:
    expected = load(written(desk, "data: {source: moons}")).config
    empty = "".join(f"{section}:\n" for section in EMPTY)
    assert load(written(desk, f"data: {{source: moons}}\n{empty}")).config == expected
    overrides = [Override(section, "null", "-s") for section in EMPTY]
    assert load(written(desk, "data: {source: moons}\noptimizer: sgd"), overrides).config == expected
    inside = "data: {source: moons}\nsweep: {grid: , zip: , strategies: , exclude: }"
    assert load(written(desk, inside)).config == expected


def test_an_empty_data_section_gets_one_line(desk: Desk) -> None:
    answer = desk.nnlab("train", desk.write("data:\n", "c.yaml"))
    assert answer.code == 2
    assert answer.stderr.startswith("c.yaml:1:")
    assert answer.stderr.count("\n") == 1


def test_a_bug_gets_one_line_and_keeps_its_traceback(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr("nnlab.cli.session.load", broken)
    answer = desk.nnlab("train", desk.write(MOONS))
    assert answer.code == 1
    assert answer.stderr.count("\n") == 1
    log = answer.stderr.split()[-1]
    with open(log) as file:
        assert "ZeroDivisionError: inside" in file.read()


@pytest.mark.parametrize(
    ("setting", "came"),
    [
        ("data.samples=100000000000000", "100,000,000,000,000 came, 1,600.0 TB for the rows"),
        ("data.classes=1000000000000", "1,000,000,000,000 came, 16.0 TB for the rows"),
        ("data.features=1000000000000", "1,000,000,000,000 came, 800.0 TB for the rows"),
        (
            "data.copies=100000000000",
            "100,000,000,000 came, which makes 6,000,000,000,000 training rows, ",
        ),
        ("regularization.ensemble=100000000000", "100,000,000,000 members came, "),
    ],
)
def test_sizes_that_do_not_fit_are_refused_by_arithmetic(desk: Desk, setting: str, came: str) -> None:
    config = desk.write("data: {source: blobs, samples: 100}\nmodel: {hidden: [4]}")
    answer = desk.nnlab("train", config, "-s", setting)
    key = setting.partition("=")[0]
    assert (answer.code, desk.experiments) == (2, [])
    assert answer.stderr.startswith(f"--set {setting}: {key}: {came}")
    assert "that are free" in answer.stderr


def test_more_than_float32_holds_may_be_asked_of_float64(desk: Desk) -> None:
    config = desk.write("data: {source: moons, samples: 60}\ntraining: {epochs: 1}\nmodel: {dtype: float64}")
    answer = desk.nnlab("train", config, "-s", "regularization.max_norm=1e100")
    assert answer.code == 0


@pytest.mark.parametrize("source", ["moons", "sine"])
def test_noise_whose_square_overflows_is_refused(desk: Desk, source: str) -> None:
    config = desk.write(f"data: {{source: {source}, samples: 60}}")
    answer = desk.nnlab("train", config, "-s", "data.noise=1e300")
    assert (answer.code, desk.experiments) == (2, [])
    assert answer.stderr == "--set data.noise=1e300: data.noise: 1e+300 came, expected a number up to 1e+70\n"


@pytest.mark.parametrize(("size", "wrong"), [("1e-200", "small"), ("1e200", "large")])
def test_a_target_of_a_size_that_losses_cannot_have_is_refused(desk: Desk, size: str, wrong: str) -> None:
    desk.write("x,y\n" + "".join(f"{i * i % 7},{i % 5}.5{size[1:]}\n" for i in range(40)), "table.csv")
    answer = desk.nnlab(
        "train", desk.write("data: {source: csv, path: table.csv, target: y, task: regression}")
    )
    assert answer.code == 2
    assert f"too {wrong} for squared errors" in answer.stderr.splitlines()[-1]
    assert "Traceback" not in answer.stderr
