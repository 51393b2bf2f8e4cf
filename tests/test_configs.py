"""The configs of the lecture: well formed, and what their comments promise is there to be seen."""

import contextlib
import functools
import io
import re
from pathlib import Path

import pandas as pd
import pytest

from nnlab.cli import main
from nnlab.config.load import load
from nnlab.plan import plan_sweep

FOLDER = Path(__file__).parents[1] / "configs"
CONFIGS = sorted(FOLDER.glob("*.yaml"))
EACH = pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
SEEDS = {"breast_cancer": 20, "bias_variance": 10}  # few rows, large scatter; elsewhere fewer seeds show it
FEW = 4
LN_2 = 0.6931


class Lecture:
    """Trains the configs with a few seeds, each at most once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = functools.cache(self._train)

    def _train(self, name: str) -> pd.DataFrame:
        config, seeds = str(FOLDER / f"{name}.yaml"), str(SEEDS.get(name, FEW))
        nnlab("sweep", config, "--seeds", seeds, "-o", str(self.folder), "-q")
        runs = pd.read_csv(self.folder / name / "runs.csv")
        assert (runs["status"] == "completed").all()
        return runs

    def means(self, name: str, key: str | list[str] = "strategy") -> pd.DataFrame:
        """One line for each setting, one column for each metric."""
        return self.runs(name).groupby(key, sort=False).mean(numeric_only=True)


def nnlab(*arguments: str) -> str:
    """What the command prints; it must succeed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main.run(arguments)
    assert code == 0, err.getvalue()
    return out.getvalue()


@pytest.fixture(scope="module")
def lecture(tmp_path_factory: pytest.TempPathFactory) -> Lecture:
    return Lecture(tmp_path_factory.mktemp("lecture"))


def comment(path: Path) -> list[str]:
    """The lines before the first that is not a comment."""
    lines = path.read_text().splitlines()
    return lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))]


def report(path: Path) -> list[str]:
    """The arguments of the `nnlab report` that the comment asks for, if it does."""
    command = re.search(r"nnlab report (runs/\w+(?: --[\w-]+(?: [\w,]+)?)*)", comment(path)[1])
    return command[1].split() if command else []


def worst_first(means: pd.DataFrame, metric: str) -> list[str]:
    return list(means[metric].sort_values(ascending=False).index)


# Their form


@EACH
def test_begins_with_two_lines_of_comment(path: Path) -> None:
    assert len(comment(path)) == 2
    assert all(20 < len(line) <= 120 for line in comment(path))


@EACH
def test_is_a_sweep_of_a_few_seconds_named_like_its_file(path: Path) -> None:
    file = load(str(path))
    assert file.config.name == path.stem
    plan = plan_sweep(file)
    assert 20 <= len(plan.runs) <= 200
    assert plan.duplicates == 0


@EACH
def test_the_readme_leads_to_it(path: Path) -> None:
    assert f"| [{path.stem}]({path.name}) |" in (FOLDER / "README.md").read_text()


@pytest.mark.parametrize("path", [path for path in CONFIGS if report(path)], ids=lambda path: path.stem)
def test_the_command_in_the_comment_works(path: Path, lecture: Lecture) -> None:
    folder, *options = report(path)
    assert folder == f"runs/{path.stem}"
    lecture.runs(path.stem)
    assert nnlab("report", str(lecture.folder / path.stem), *options)


# What they show


def test_linear_layers_compose_to_a_linear_model(lecture: Lecture) -> None:
    means = lecture.means("linear_layers")
    accuracy, loss = means["train_accuracy"], means["train_loss"]
    assert accuracy["identity"] < 0.75
    assert accuracy["relu"] > 0.95
    assert loss["identity"] == pytest.approx(loss["linear"], abs=0.01)
    assert accuracy["identity"] == pytest.approx(accuracy["linear"], abs=0.03)


def test_deep_sigmoid_networks_do_not_begin_to_learn(lecture: Lecture) -> None:
    means = lecture.means("activations", ["training.epochs", "model.hidden", "model.activation"])
    deep = "[16, 16, 16, 16, 16]"
    loss = means["train_loss"][200]
    assert loss[deep, "sigmoid"] == pytest.approx(LN_2, abs=0.005)
    assert loss[deep][["tanh", "relu"]].max() < 0.3
    assert loss["[16]", "sigmoid"] < 0.4

    ratio = (means["last_gradient_norm"] / means["first_gradient_norm"])[2]
    assert ratio[deep, "sigmoid"] > 200
    assert ratio.drop((deep, "sigmoid")).max() < 10


def test_too_few_units_under_fit(lecture: Lecture) -> None:
    means = lecture.means("too_few_parameters")
    loss = means["train_loss"]
    assert loss["hidden=1"] > loss["hidden=2"] > 0.35
    assert 0.15 > loss["hidden=3"] > loss["hidden=8"] > loss["hidden=16"]
    assert (means["gap"] < 0.15).all()


def test_too_few_epochs_under_fit(lecture: Lecture) -> None:
    means = lecture.means("too_few_epochs")
    assert worst_first(means, "train_loss") == [f"epochs={n}" for n in (3, 10, 30, 100, 300)]
    for metric in ("train_loss", "test_loss"):
        assert means[metric]["epochs=30"] > 0.5
        assert means[metric]["epochs=300"] < 0.2


def test_gradient_descent_needs_many_steps_momentum_and_adam_fewer(lecture: Lecture) -> None:
    loss = lecture.means("gradient_descent")["train_loss"]
    assert loss[["full batch", "batches of 32"]].min() > 0.55
    assert loss[["one row", "momentum", "adam"]].max() < 0.3


def test_more_rows_help_and_copies_do_not(lecture: Lecture) -> None:
    means = lecture.means("more_data")
    for metric in ("test_loss", "gap"):
        different = means.drop("50 rows 16 times")
        assert worst_first(different, metric) == ["50 rows", "200 rows 4 times", "800 rows"]
        assert means[metric]["50 rows 16 times"] == pytest.approx(means[metric]["50 rows"], rel=0.15)
    assert means["test_loss"]["800 rows"] < means["test_loss"]["50 rows"] / 3


@pytest.mark.parametrize(("name", "best"), [("l2", "l2=10"), ("dropout", "dropout=0.8")])
def test_loss_over_the_strength_of_a_fix_is_a_u(lecture: Lecture, name: str, best: str) -> None:
    means = lecture.means(name)
    loss = means["test_loss"]
    low = list(loss.index).index(best)
    assert list(loss.diff() < 0) == [False] + [True] * low + [False] * (len(loss) - low - 1)
    assert loss.iloc[[0, -1]].min() > loss[best] + 0.05
    assert means["gap"].iloc[0] > 0.4
    assert means["gap"].iloc[-1] < 0.1


def test_l2_evens_out_the_trust_in_features(lecture: Lecture) -> None:
    means = lecture.means("trusted_feature")
    share, loss = means["top_feature_share"], means["test_loss"]
    assert share["l2=0"] > 1.4 * share["l2=10"]
    assert loss["l2=0"] > 2 * loss["l2=1"]
    assert loss["l2=100"] > loss["l2=1"] + 0.04


def test_wider_networks_trade_bias_for_variance(lecture: Lecture) -> None:
    lecture.runs("bias_variance")
    written = nnlab("report", str(lecture.folder / "bias_variance"), "--decompose", "-f", "csv")
    parts = pd.read_csv(io.StringIO(written)).set_index("strategy")
    bias2, variance = parts["squared_error_bias2"], parts["squared_error_variance"]
    assert bias2["hidden=[1]"] > 0.05 > 0.02 > bias2["hidden=[2]"] > bias2["hidden=[3]"]
    assert bias2[["hidden=[3]", "hidden=[8]", "hidden=[32]"]].abs().max() < 0.01
    assert variance["hidden=[1]"] < 0.02 < 0.04 < variance["hidden=[8]"]
    assert parts["squared_error_noise"].tolist() == pytest.approx([0.09] * 5)
    assert parts["test_loss"]["hidden=[3]"] == parts["test_loss"].min()


def test_each_fix_works_on_real_data_and_more_data_most(lecture: Lecture) -> None:
    means = lecture.means("breast_cancer", ["strategy", "regularization.l2", "regularization.dropout"])
    chosen = means.loc[means.groupby("strategy")["val_loss"].idxmin()].droplevel([1, 2])
    for metric in ("test_loss", "gap"):
        assert (chosen[metric].drop("none") < chosen[metric]["none"] - 0.02).all()
        assert chosen[metric].idxmin() == "more data"
    assert chosen["train_loss"]["none"] < 0.01
    accuracy = chosen["test_accuracy"]
    assert accuracy["more data"] > 0.95 > accuracy.drop("more data").max()
