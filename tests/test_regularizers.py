"""Regularizers: what holds for every entry of the table, and each against its formula."""

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import ElasticNet, Lasso

from nnlab.advice import advice
from nnlab.arrays import Array
from nnlab.checkpoint import Keeper
from nnlab.config.load import load
from nnlab.data.prepare import Prepared, prepare
from nnlab.errors import InputError
from nnlab.nn.activations import Tanh
from nnlab.nn.initializers import Normal
from nnlab.nn.learner import Learner
from nnlab.nn.losses import CrossEntropy
from nnlab.nn.mlp import Network
from nnlab.nn.normals import Normals
from nnlab.nn.optimizers import Sgd
from nnlab.nn.outputs import SoftmaxOutput
from nnlab.nn.regularizers import REGULARIZERS
from nnlab.nn.stacking import stack
from nnlab.plan import Run, plan_sweep, populations
from nnlab.result import Result
from nnlab.streams import stream
from nnlab.train import train
from tests.conftest import PlanRuns
from tests.test_checkpoint import NEVER, Album
from tests.test_population import digest

# Two settings of each entry that train in one population.
ON: dict[str, tuple[Any, Any]] = {
    "input_noise": (0.1, 0.4),
    "input_dropout": (0.2, 0.5),
    "mixup": (0.2, 1.0),
    "label_smoothing": (0.1, 0.4),
    "dropout": (0.2, 0.5),
    "gaussian_dropout": (0.2, 0.5),
    "alpha_dropout": (0.1, 0.3),
    "dropconnect": (0.2, 0.5),
    "l2": (0.5, 5.0),
    "l1": (0.3, 1.0),
    "max_norm": (0.5, 1.0),
    "gradient_clipping": (0.1, 0.3),
    "swa": (2, 3),
    "ema": (0.5, 0.9),
    "batch_norm": ({"momentum": 0.1}, {"momentum": 0.5, "epsilon": 0.1}),
    "ensemble": (2, 3),
    "early_stopping": ({"patience": 1, "metric": "val_accuracy"}, {"patience": 2, "metric": "val_accuracy"}),
}
# Settings that leave a run as it is, bit for bit; 0 is one where an entry is on by default.
WEAKEST: dict[str, Any] = {
    "ensemble": 1,
    "swa": 5,  # the last epoch
    "ema": 0,
    "batch_norm": None,
    "max_norm": 1e9,
    "gradient_clipping": 1e9,
    "early_stopping": {"patience": 99, "metric": "train_loss"},
}
OTHER_OPTIONS: dict[str, dict[str, Any]] = {
    "l2 with biases": {"l2": {"strength": 0.5, "biases": True}},
    "elastic net": {"l2": 0.5, "l1": 0.5},
    "clipping by value": {"gradient_clipping": {"norm": None, "value": 0.01}},
    "dropout by layer": {"dropout": [0.5, 0.1]},
    "ensemble with much else": {
        "ensemble": 2,
        "dropout": {"p": 0.3, "samples": 2},
        "early_stopping": 1,
        "ema": 0.5,
    },
    "Monte-Carlo dropout": {"dropout": {"p": [0.5, 0.1], "samples": 3}},
    "gaussian dropout by layer": {"gaussian_dropout": [0.0, 0.4]},
    "alpha dropout by layer": {"alpha_dropout": [0.3, 0.0]},
    "all noise on units": {"dropout": 0.2, "gaussian_dropout": 0.3, "alpha_dropout": [0.1, 0.4]},
    "batch norm with noise": {"batch_norm": True, "dropout": 0.2, "dropconnect": 0.1, "ema": 0.9},
    "batch norm with penalties": {"batch_norm": True, "l2": {"strength": 1.0, "biases": True}, "l1": 0.1},
    "batch norm, mean over epochs, best epoch": {"batch_norm": True, "swa": 2, "early_stopping": 2},
    "all noise": {"input_noise": 0.1, "input_dropout": 0.2, "dropout": 0.3, "dropconnect": 0.1, "l2": 1.0},
    "clipping by both": {"gradient_clipping": {"norm": 0.1, "value": 0.01}},
}
EVERY = pytest.mark.parametrize("name", REGULARIZERS)
EVERY_OPTION = pytest.mark.parametrize(
    "settings",
    [*({name: value} for name, (value, _) in ON.items()), *OTHER_OPTIONS.values()],
    ids=[*ON, *OTHER_OPTIONS],
)


def test_every_entry_is_tested_here() -> None:
    assert set(ON) == set(REGULARIZERS)


def config(source: str = "moons", **sections: Any) -> dict[str, Any]:
    return {
        "data": {"source": source, "samples": 80, "label_noise": 0.2},
        "model": {"hidden": [9, 6]},
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
        "training": {"epochs": 5, "batch_size": 7},  # of 48 rows: the last batch has 6
        "sweep": {"seeds": 2},
        **sections,
    }


def bits(results: Sequence[Result]) -> list[str]:
    """What the runs are, whatever they are called."""
    return [digest(Result(**{**vars(result), "run": ""})) for result in results]


# --- what holds for every entry -------------------------------------------------------------------


@EVERY
def test_strength_zero_changes_no_bit(name: str, runs_of: PlanRuns) -> None:
    weakest = 0 if REGULARIZERS[name].on_by_default else WEAKEST[name]
    plain, weak, strong = (
        train(runs_of(config(regularization=regularization)))
        for regularization in ({}, {name: weakest}, {name: ON[name][0]})
    )
    if name == "early_stopping":  # it restores the best epoch: the road there is what must not change
        assert [r.curves["train_loss"].tobytes() for r in plain] == [
            r.curves["train_loss"].tobytes() for r in weak
        ]
    else:
        assert bits(plain) == bits(weak)
    assert bits(plain) != bits(strong)


@EVERY_OPTION
def test_alone_equals_stacked(settings: dict[str, Any], runs_of: PlanRuns) -> None:
    runs = runs_of(config(regularization=settings, sweep={"seeds": 5}))
    together = train(runs)
    assert bits([together[3]]) == bits(train([runs[3]])) == bits(train(runs[2:4])[1:])
    assert len(set(bits(together))) == 5


@EVERY
def test_its_numbers_may_differ_within_a_population(name: str, runs_of: PlanRuns) -> None:
    grid = {f"regularization.{name}": list(ON[name])}
    runs = runs_of(config(sweep={"seeds": 2, "grid": grid}))
    together = not REGULARIZERS[name].fixed or name == "dropout"
    assert [len(stack) for stack in populations(runs)] == ([4] if together else [2, 2])
    runs = runs if together else runs[:2]
    assert bits(train(runs)) == [bits(train([run]))[0] for run in runs]


@EVERY_OPTION
def test_going_on_from_any_epoch_gives_the_same_bits(
    settings: dict[str, Any], runs_of: PlanRuns, tmp_path: Path
) -> None:
    runs = runs_of(config(regularization=settings, optimizer={"name": "adam", "learning_rate": 0.1}))
    whole = bits(train(runs))
    assert bits(train(runs, keeper=Album(tmp_path / "album", seconds=0))) == whole
    for folder in (tmp_path / "album").iterdir():
        assert bits(train(runs, keeper=Keeper(folder / "checkpoints", NEVER))) == whole, folder.name


APART = {("swa", "ema")}


@pytest.mark.parametrize(("one", "other"), sorted({*itertools.combinations(REGULARIZERS, 2)} - APART))
def test_any_two_go_together(one: str, other: str, runs_of: PlanRuns) -> None:
    both = {one: ON[one][1], other: ON[other][1]}
    runs = runs_of(config(regularization=both, training={"epochs": 3, "batch_size": 7}))
    results = train(runs)
    assert {result.status for result in results} == {"completed"}
    assert bits(results)[1:] == bits(train(runs[1:]))


@EVERY_OPTION
@pytest.mark.parametrize("source", ["blobs", "robot_arm"])
def test_losses_come_out_of_the_stored_weights(
    source: str, settings: dict[str, Any], runs_of: PlanRuns
) -> None:
    """In prediction mode, whatever happens while training: a plain network, without randomness."""
    if source == "robot_arm" and "label_smoothing" in settings:
        return  # refused there
    if settings == OTHER_OPTIONS["Monte-Carlo dropout"] or "ensemble" in settings:
        return  # tested below
    model = {"hidden": [9, 6], "activation": "tanh", "dtype": "float64"}
    settings = {**settings, "early_stopping": None}
    raw = config(data={"source": source, "samples": 80}, model=model, regularization=settings)
    runs = runs_of(raw)
    for run, result in zip(runs, train(runs), strict=True):
        data = rows_of(run)
        for split in ("train", "val", "test"):
            h = getattr(data, f"{split}_x")
            for i in (1, 2, 3):
                z = h @ result.weights[f"layer{i}.weight"] + result.weights[f"layer{i}.bias"]
                h = np.tanh(z)
            target = getattr(data, f"{split}_y")
            loss = ((z - target) ** 2).sum(axis=1).mean() if source == "robot_arm" else None
            if loss is None:
                loss = -np.log(softmax(z, axis=1)[np.arange(len(z)), target]).mean()
            assert result.metrics[f"{split}_loss"] == pytest.approx(loss, rel=1e-10)


def test_with_one_seed_each_has_random_numbers_of_its_own(runs_of: PlanRuns) -> None:
    """Switching another one on changes no draw of the first."""
    random = [name for name, cls in REGULARIZERS.items() if cls.is_random]
    first = {name: stream(5, name).random() for name in random}
    assert len(set(first.values())) == len(random)


class Case:
    """Three runs with weights, rows and strengths of their own, and one step of training."""

    runs, batch, rows = 3, 5, 20
    sizes = (3, 4, 3, 2)

    def __init__(self, settings: dict[str, Any], tmp_path: Path) -> None:
        rng = np.random.default_rng(11)
        normalized = "batch_norm" in settings
        network = Network(
            self.sizes, (Tanh(), Tanh()), SoftmaxOutput(), CrossEntropy(), "float64", normalized
        )
        params = np.stack([network.first_parameters(Normal(0.8, 0.8), rng) for _ in range(self.runs)])
        path = tmp_path / "config.yaml"
        raw = config(model={"hidden": [4, 3]}, regularization=settings, sweep={"seeds": 1})
        path.write_text(json.dumps(raw))
        entries = [e for e in plan_sweep(load(str(path))).runs[0].config.regularization if e.active]
        rates = stack([Sgd(0.01)] * self.runs)
        stacked = [stack([entry] * self.runs) for entry in entries]

        def streams(purpose: str) -> list[np.random.Generator]:
            return [stream(seed, purpose) for seed in (1, 2, 3)]

        self.learner = Learner(network, params, rates, stacked, streams, self.rows, self.batch)
        self.space = self.learner.spaces[self.batch]
        self.space.x[..., :-1] = rng.normal(size=(self.runs, self.batch, 3))
        self.space.x[..., -1] = 1
        self.space.targets[:] = np.eye(2)[rng.integers(0, 2, (self.runs, self.batch))]
        self.share: Array = np.ones(1)  # of each parameter that rows met: dropped, or made larger

    def objective(self) -> Array:
        """Mean loss of the batch as the step changed it, plus penalties that have a gradient."""
        layers = self.space.network.layers(self.learner.params * self.share)
        z = self.space.forward(layers, self.space.masks, self.space.shifts)
        losses = self.space.network.loss.of_rows(self.space.network.output, z, self.space.y)
        total = losses.mean(axis=1)
        for active in self.learner.active:
            if active.overrides("on_gradient"):
                total = total + active.entry.penalty(self.learner._step.params, self.rows)
        return np.asarray(total)


@EVERY_OPTION
def test_the_gradient_is_the_slope_of_the_objective(settings: dict[str, Any], tmp_path: Path) -> None:
    if "gradient_clipping" in settings:
        settings = {"gradient_clipping": 1e9}  # clipped it is no slope of anything
    case = Case(settings, tmp_path)
    learner = case.learner
    start = learner.params.copy()
    learner.step(case.space, left=1)
    if "dropconnect" in settings:
        passing = learner._step.passing.buffer
        case.share = np.divide(passing, start, out=np.ones_like(start), where=start != 0)
    learner.params[:] = start
    slopes = np.empty_like(start)
    for j in range(start.shape[1]):  # the objective again, with the randomness of the step
        learner.params[:, j] = start[:, j] + 1e-6
        above = case.objective()
        learner.params[:, j] = start[:, j] - 1e-6
        slopes[:, j] = (above - case.objective()) / 2e-6
        learner.params[:, j] = start[:, j]
    scale = np.abs(slopes).max(axis=1, keepdims=True)
    assert (np.abs(learner.grads - slopes) <= 2e-6 * scale).all()


# --- each against its formula ---------------------------------------------------------------------

Weights = tuple[Array, Array]


def first_step(runs_of: PlanRuns, source: str = "friedman1", **sections: Any) -> tuple[Run, Weights, Weights]:
    """A linear model before and after one step of plain gradient descent on all rows."""
    raw = config(
        data={"source": source, "samples": 80, "standardize_target": False},
        model={"hidden": [], "dtype": "float64"},
        training={"epochs": 1, "batch_size": "full"},
        **sections,
    )
    raw["sweep"] = {"seeds": 1, "grid": {"training.epochs": [0, 1]}}
    start, run = runs_of(raw)
    before, after = (train([one])[0].weights for one in (start, run))
    return run, *((w["layer1.weight"], w["layer1.bias"]) for w in (before, after))  # type: ignore[return-value]


def rows_of(run: Run) -> Prepared:
    return prepare(run.setting.material, run.config.data.preparation, run.seed)


def slope(x: Array, y: Array, w: Array, b: Array) -> Weights:
    """The gradient of the mean squared error of a linear model."""
    wrong_by = x @ w + b - y
    return 2 * x.T @ wrong_by / len(x), 2 * wrong_by.mean(axis=0)


def test_l2_shrinks_biases_too_if_asked(runs_of: PlanRuns) -> None:
    settings = {"l2": {"strength": 30.0, "biases": True}}
    model = {"hidden": [], "dtype": "float64", "initializer": {"name": "normal", "bias_std": 2.0}}
    raw = config(
        data={"source": "friedman1", "samples": 80, "standardize_target": False},
        model=model,
        regularization=settings,
    )
    raw |= {
        "training": {"batch_size": "full"},
        "sweep": {"seeds": 1, "grid": {"training.epochs": [0, 1]}},
    }
    runs = runs_of(raw)
    before, after = (train([run])[0] for run in runs)
    data, w, b = rows_of(runs[0]), before.weights["layer1.weight"], before.weights["layer1.bias"]
    _, by_data = slope(data.train_x, data.train_y, w, b)
    np.testing.assert_allclose(after.weights["layer1.bias"], b - 0.1 * (by_data + 30 / 48 * b), rtol=1e-12)
    squares = np.sum(w**2) + np.sum(b**2)
    assert before.metrics["penalty"] == pytest.approx(30 / (2 * 48) * squares, rel=1e-12)


def test_l1_is_a_step_and_then_a_soft_threshold(runs_of: PlanRuns) -> None:
    run, (w, b), after = first_step(runs_of, regularization={"l1": 100.0})
    data = rows_of(run)
    by_w, by_b = slope(data.train_x, data.train_y, w, b)
    moved, threshold = w - 0.1 * by_w, 0.1 * 100 / 48
    expected = np.where(np.abs(moved) > threshold, moved - threshold * np.sign(moved), 0)
    assert 0 < np.count_nonzero(expected) < expected.size
    np.testing.assert_allclose(after[0], expected, rtol=1e-12)
    np.testing.assert_allclose(after[1], b - 0.1 * by_b, rtol=1e-12)


@pytest.mark.parametrize("l2", [0.0, 20.0])
def test_a_linear_model_with_l1_is_the_lasso_and_with_l2_the_elastic_net(
    l2: float, runs_of: PlanRuns
) -> None:
    raw = config(
        data={"source": "friedman1", "samples": 80, "standardize_target": False},
        model={"hidden": [], "dtype": "float64"},
        regularization={"l1": 40.0, "l2": l2},
        training={"epochs": 1500, "batch_size": "full", "evaluate_every": "last"},
        sweep={"seeds": 1},
    )
    (run,) = runs_of(raw)
    (result,) = train([run])
    data, m = rows_of(run), 48
    alpha = 40 / (2 * m) + l2 / (2 * m)  # theirs is our objective divided by 2
    theirs = (
        ElasticNet(alpha, l1_ratio=40 / (40 + l2), tol=1e-10, max_iter=100_000)
        if l2
        else Lasso(alpha, tol=1e-10)
    )
    theirs.fit(data.train_x, data.train_y.ravel())
    ours = result.weights["layer1.weight"].ravel()
    np.testing.assert_allclose(ours, theirs.coef_, atol=1e-7)
    assert (ours == 0).tolist() == (theirs.coef_ == 0).tolist()
    assert 0 < np.count_nonzero(ours) < ours.size
    assert result.metrics["penalty"] == pytest.approx(
        40 / m * np.abs(ours).sum() + l2 / (2 * m) * (ours**2).sum(), rel=1e-12
    )


def test_max_norm_scales_what_enters_a_unit_and_leaves_biases(runs_of: PlanRuns) -> None:
    free, held = (
        first_step(runs_of, "blobs", regularization={"max_norm": limit})[2] for limit in (None, 0.9)
    )
    norms = np.sqrt((free[0] ** 2).sum(axis=0))
    assert norms.min() < 0.9 < norms.max()
    for unit, norm in enumerate(norms):
        expected = free[0][:, unit] * (0.9 / norm if norm > 0.9 else 1)
        np.testing.assert_allclose(held[0][:, unit], expected, rtol=1e-12)
    assert held[1].tobytes() == free[1].tobytes()


def test_max_norm_holds_in_every_layer(runs_of: PlanRuns) -> None:
    for result in train(runs_of(config(regularization={"max_norm": 0.7}))):
        for name in ("layer1.weight", "layer2.weight", "layer3.weight"):
            assert np.linalg.norm(result.weights[name], axis=0).max() <= 0.7 * (1 + 1e-6)


@pytest.mark.parametrize("limit", [0.5, 1e6])
def test_clipping_shortens_the_whole_gradient(limit: float, runs_of: PlanRuns) -> None:
    run, (w, b), after = first_step(runs_of, regularization={"gradient_clipping": limit})
    data = rows_of(run)
    by_w, by_b = slope(data.train_x, data.train_y, w, b)
    length = np.sqrt((by_w**2).sum() + (by_b**2).sum())
    factor = min(1, limit / (length + 1e-6))
    assert length > 1
    np.testing.assert_allclose(after[0], w - 0.1 * factor * by_w, rtol=1e-12)
    np.testing.assert_allclose(after[1], b - 0.1 * factor * by_b, rtol=1e-12)


def test_clipping_by_value_cuts_each_element(runs_of: PlanRuns) -> None:
    settings = {"gradient_clipping": {"norm": None, "value": 2.0}}
    run, (w, b), after = first_step(runs_of, regularization=settings)
    data = rows_of(run)
    by_w, by_b = slope(data.train_x, data.train_y, w, b)
    assert np.abs(by_w).min() < 2 < np.abs(by_w).max()
    np.testing.assert_allclose(after[0], w - 0.1 * np.clip(by_w, -2, 2), rtol=1e-12)
    np.testing.assert_allclose(after[1], b - 0.1 * np.clip(by_b, -2, 2), rtol=1e-12)


def test_clipping_sees_the_penalty_of_l2(runs_of: PlanRuns) -> None:
    settings = {"l2": 1e5, "gradient_clipping": 0.5}
    _, (w, b), after = first_step(runs_of, regularization=settings)
    moved = np.sqrt(((after[0] - w) ** 2).sum() + ((after[1] - b) ** 2).sum())
    assert moved == pytest.approx(0.1 * 0.5, rel=1e-6)


@pytest.mark.parametrize(
    ("source", "output", "classes"),
    [("blobs", "softmax", 3), ("moons", "softmax", 2), ("moons", "sigmoid", 2)],
)
def test_label_smoothing_mixes_labels_with_all_classes(
    source: str, output: str, classes: int, runs_of: PlanRuns
) -> None:
    settings = {"label_smoothing": 0.3}
    raw = config(
        data={"source": source, "samples": 80, "standardize_target": False},
        model={"hidden": [], "dtype": "float64", "output": output},
        training={"batch_size": "full"},
        regularization=settings,
        sweep={"seeds": 1, "grid": {"training.epochs": [0, 1]}},
    )
    runs = runs_of(raw)
    before, after = (train([run])[0].weights for run in runs)
    data = rows_of(runs[0])
    z = data.train_x @ before["layer1.weight"] + before["layer1.bias"]
    smooth = 0.7 * np.eye(classes)[data.train_y] + 0.3 / classes
    if output == "sigmoid":
        z = np.hstack([np.zeros_like(z), z])
    wrong_by = (softmax(z, axis=1) - smooth)[:, -before["layer1.bias"].size :]
    expected = before["layer1.weight"] - 0.1 * data.train_x.T @ wrong_by / len(z)
    np.testing.assert_allclose(after["layer1.weight"], expected, rtol=1e-10)
    # The features have mean 0: only the bias sees how much goes to each class.
    expected = before["layer1.bias"] - 0.1 * wrong_by.mean(axis=0)
    np.testing.assert_allclose(after["layer1.bias"], expected, rtol=1e-10, atol=1e-12)


def test_mixup_takes_its_share_of_the_row_itself(tmp_path: Path) -> None:
    """The gradient of a linear model would be the same with the shares of row and partner exchanged."""
    case = Case({"mixup": 0.4}, tmp_path)
    x, targets = case.space.x.copy(), case.space.targets.copy()
    case.learner.step(case.space, left=1)
    for run, seed in enumerate((1, 2, 3)):
        rng = stream(seed, "mixup")
        share, partners = rng.beta(0.4, 0.4), rng.permutation(Case.batch)
        for before, mixed in ((x[run], case.space.x[run]), (targets[run], case.space.targets[run])):
            np.testing.assert_allclose(mixed, share * before + (1 - share) * before[partners], atol=1e-12)


@pytest.mark.parametrize("source", ["friedman1", "robot_arm"])
def test_mixup_trains_on_mixtures_of_two_rows(source: str, runs_of: PlanRuns) -> None:
    run, (w, b), after = first_step(runs_of, source, regularization={"mixup": 0.4})
    data, rng = rows_of(run), stream(run.seed, "mixup")
    share, partners = rng.beta(0.4, 0.4), rng.permutation(48)
    x, y = (
        share * rows + (1 - share) * rows[partners] for rows in (data.train_x, data.train_y.reshape(48, -1))
    )
    by_w, by_b = slope(x, y, w, b)
    np.testing.assert_allclose(after[0], w - 0.1 * by_w, rtol=1e-10)
    np.testing.assert_allclose(after[1], b - 0.1 * by_b, rtol=1e-10)


def test_noise_on_the_inputs_of_a_linear_model_is_l2_on_average(runs_of: PlanRuns) -> None:
    def trained(**regularization: float) -> Array:
        raw = config(
            data={"source": "friedman1", "samples": 80, "standardize_target": False},
            model={"hidden": [], "dtype": "float64"},
            optimizer={"name": "sgd", "learning_rate": 0.002},
            regularization=regularization,
            training={"epochs": 5000, "batch_size": "full", "evaluate_every": "last"},
            sweep={"seeds": 1},
        )
        return train(runs_of(raw))[0].weights["layer1.weight"]

    noisy, decayed, free = trained(input_noise=0.5), trained(l2=2 * 48 * 0.5**2), trained()
    assert np.linalg.norm(noisy - decayed) < 0.03 * np.linalg.norm(free - decayed) + 0.02
    assert np.linalg.norm(free - decayed) > 0.2


def kept(rng: np.random.Generator, p: float, count: int) -> Array:
    """0 where something is dropped, else 1: a 16-bit integer of the raw bits is below p."""
    words = rng.bit_generator.random_raw(-(-count // 4))
    return (words.view(np.uint16)[:count] >= round(p * 65536)).astype(float)


def test_input_dropout_drops_features_of_rows(runs_of: PlanRuns) -> None:
    run, (w, b), after = first_step(runs_of, regularization={"input_dropout": 0.25})
    data = rows_of(run)
    mask = kept(stream(run.seed, "input_dropout"), 0.25, data.train_x.size).reshape(data.train_x.shape)
    by_w, by_b = slope(data.train_x * mask / 0.75, data.train_y, w, b)
    np.testing.assert_allclose(after[0], w - 0.1 * by_w, rtol=1e-10)
    np.testing.assert_allclose(after[1], b - 0.1 * by_b, rtol=1e-10)


def test_dropconnect_drops_weights_and_they_get_no_gradient(runs_of: PlanRuns) -> None:
    run, (w, b), after = first_step(runs_of, regularization={"dropconnect": 0.25})
    data = rows_of(run)
    mask = kept(stream(run.seed, "dropconnect"), 0.25, w.size).reshape(w.shape) / 0.75
    by_w, by_b = slope(data.train_x, data.train_y, w * mask, b)
    assert 0 < np.count_nonzero(mask) < mask.size
    np.testing.assert_allclose(after[0], w - 0.1 * mask * by_w, rtol=1e-10)
    np.testing.assert_allclose(after[1], b - 0.1 * by_b, rtol=1e-10)


def after_each_epoch(epochs: Sequence[int], runs_of: PlanRuns, batch_size: int | str) -> list[Array]:
    """The first-layer weights of a plain run that ends after so many epochs."""
    found = []
    for count in epochs:
        training = {"epochs": count, "batch_size": batch_size}
        raw = config(model={"hidden": [4], "dtype": "float64"}, training=training, sweep={"seeds": 1})
        found.append(train(runs_of(raw))[0].weights["layer1.weight"])
    return found


def averaged(settings: dict[str, Any], runs_of: PlanRuns, batch_size: int | str) -> Array:
    training = {"epochs": 5, "batch_size": batch_size}
    raw = config(model={"hidden": [4], "dtype": "float64"}, training=training, sweep={"seeds": 1})
    return train(runs_of({**raw, "regularization": settings}))[0].weights["layer1.weight"]


def test_swa_is_the_mean_over_the_ends_of_epochs(runs_of: PlanRuns) -> None:
    expected = np.mean(after_each_epoch([3, 4, 5], runs_of, 7), axis=0)
    np.testing.assert_allclose(averaged({"swa": 3}, runs_of, 7), expected, rtol=1e-12)


def test_ema_forgets_step_by_step_from_the_first_step_on(runs_of: PlanRuns) -> None:
    first, *others = after_each_epoch([1, 2, 3, 4, 5], runs_of, "full")  # an epoch is a step
    expected = first
    for weights in others:
        expected = 0.8 * expected + 0.2 * weights
    np.testing.assert_allclose(averaged({"ema": 0.8}, runs_of, "full"), expected, rtol=1e-12)


def test_batch_norm_normalizes_by_the_batch_and_predicts_by_running_statistics(tmp_path: Path) -> None:
    case = Case({"batch_norm": {"momentum": 0.3, "epsilon": 0.01}}, tmp_path)
    network, learner, space = case.space.network, case.learner, case.space
    rng = np.random.default_rng(5)
    learner.params[:, 39:46] = rng.uniform(0.5, 2, (3, 7))  # scales; before them 16 + 15 + 8 parameters
    params = learner.params.copy()
    learner.optimizer = stack([Sgd(1e-300)] * 3)  # a step that moves nothing but running statistics
    learner.begin(epoch=1)
    learner.step(space, left=1)
    running, predicting = network.normalization(learner.params), learner.predicting().layers
    for run in range(3):
        h, scale, start = space.x[run, :, :-1], params[run, 39:46], 0
        for i, layer in enumerate(network.layers(params)[:-1]):
            z, units = h @ layer[run, :-1], layer.shape[2]
            own, shift = scale[start : start + units], layer[run, -1]
            mean, variance = 0.3 * z.mean(axis=0), 0.7 + 0.3 * z.var(axis=0, ddof=1)
            np.testing.assert_allclose(running.mean[i][run, :, 0], mean, rtol=1e-10)
            np.testing.assert_allclose(running.variance[i][run, :, 0], variance, rtol=1e-10)
            predicted = own * (z - mean) / np.sqrt(variance + 0.01) + shift
            plain = h @ predicting[i][run, :-1] + predicting[i][run, -1]
            np.testing.assert_allclose(plain, predicted, rtol=1e-10)
            h = np.tanh(own * (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 0.01) + shift)
            np.testing.assert_allclose(space.h[i][run].T, h, rtol=1e-10)
            start += units


@pytest.mark.parametrize(
    ("source", "output"), [("blobs", "softmax"), ("moons", "sigmoid"), ("robot_arm", "identity")]
)
def test_monte_carlo_dropout_predicts_the_mean_of_random_passes(
    source: str, output: str, runs_of: PlanRuns
) -> None:
    raw = config(
        data={"source": source, "samples": 80, "standardize_target": False},
        model={"hidden": [9], "activation": "tanh", "dtype": "float64", "output": output},
        regularization={"dropout": {"p": 0.25, "samples": 3}},
    )
    run, _ = runs_of(raw)
    result, data = train([run])[0], rows_of(run)
    rng, w = stream(run.seed, "monte_carlo"), result.weights
    x, target = data.test_x, data.test_y
    said: Array = np.zeros(1)
    for _ in range(3):
        mask = kept(rng, 0.25, 9 * len(x)).reshape(9, len(x)).T / 0.75
        z = (np.tanh(x @ w["layer1.weight"] + w["layer1.bias"]) * mask) @ w["layer2.weight"] + w[
            "layer2.bias"
        ]
        if output == "sigmoid":
            z = np.hstack([np.zeros_like(z), z])
        said = said + (z if output == "identity" else softmax(z, axis=1)) / 3
    if output == "identity":
        assert result.metrics["test_loss"] == pytest.approx(((said - target) ** 2).sum(axis=1).mean())
    else:
        assert result.metrics["test_loss"] == pytest.approx(-np.log(said[range(len(x)), target]).mean())
        assert result.metrics["test_accuracy"] == np.mean(said.argmax(axis=1) == target)


def test_monte_carlo_dropout_changes_no_training(runs_of: PlanRuns) -> None:
    plain, sampled = (
        train(runs_of(config(regularization={"dropout": {"p": 0.5, "samples": samples}})))
        for samples in (0, 4)
    )
    for one, other in zip(plain, sampled, strict=True):
        for name, weight in one.weights.items():
            assert weight.tobytes() == other.weights[name].tobytes()
        assert one.metrics["test_loss"] != other.metrics["test_loss"]


def test_runs_with_other_numbers_of_samples_train_apart(runs_of: PlanRuns) -> None:
    grid = {"regularization.dropout": [{"p": 0.5, "samples": n} for n in (0, 2, 3)]}
    assert [len(stack) for stack in populations(runs_of(config(sweep={"seeds": 2, "grid": grid})))] == [
        2,
        2,
        2,
    ]


def member(result: Result, number: int) -> dict[str, Array]:
    """The weights of one member of an ensemble."""
    prefix = f"member{number}."
    return {k.removeprefix(prefix): w for k, w in result.weights.items() if k.startswith(prefix)}


@pytest.mark.parametrize(
    ("source", "output"), [("blobs", "softmax"), ("moons", "sigmoid"), ("robot_arm", "identity")]
)
def test_an_ensemble_predicts_the_mean_of_what_its_members_say(
    source: str, output: str, runs_of: PlanRuns
) -> None:
    model = {"hidden": [9], "activation": "tanh", "dtype": "float64", "output": output}
    raw = config(data={"source": source, "samples": 80}, model=model, regularization={"ensemble": 3})
    runs = runs_of(raw)
    alone = train(runs_of({**raw, "regularization": {}}))
    for run, result, single in zip(runs, train(runs), alone, strict=True):
        data = rows_of(run)
        for split in ("train", "val", "test"):
            x, target = getattr(data, f"{split}_x"), getattr(data, f"{split}_y")
            said: Array = np.zeros(1)
            for number in (1, 2, 3):
                w = member(result, number)
                z = np.tanh(x @ w["layer1.weight"] + w["layer1.bias"]) @ w["layer2.weight"] + w["layer2.bias"]
                if output == "sigmoid":
                    z = np.hstack([np.zeros_like(z), z])
                said = said + (z if output == "identity" else softmax(z, axis=1)) / 3
            if output == "identity":
                loss = ((said - target) ** 2).sum(axis=1).mean()
            else:
                loss = -np.log(said[range(len(x)), target]).mean()
                assert result.metrics[f"{split}_accuracy"] == np.mean(said.argmax(axis=1) == target)
            assert result.metrics[f"{split}_loss"] == pytest.approx(loss, rel=1e-10)
        assert result.parameters == 3 * single.parameters
        first = member(result, 1)
        assert {k: w.tobytes() for k, w in first.items()} == {
            k: w.tobytes() for k, w in single.weights.items()
        }
        assert member(result, 2)["layer1.weight"].tobytes() != first["layer1.weight"].tobytes()


@pytest.mark.parametrize("batch_size", ["full", 48, 7])
def test_bagging_draws_rows_for_each_member_by_itself(batch_size: int | str, runs_of: PlanRuns) -> None:
    raw = config(
        data={"source": "friedman1", "samples": 80, "resample": "bootstrap"},
        model={"hidden": [], "dtype": "float64"},
        training={"epochs": 1, "batch_size": batch_size},
        regularization={"ensemble": 3},
    )
    raw["sweep"] = {"seeds": 1, "grid": {"training.epochs": [0, 1]}}
    start, run = runs_of(raw)
    before, after = (train([one])[0] for one in (start, run))
    shared = replace(run.config.data.preparation, resample="none")
    data = prepare(run.setting.material, shared, run.seed)
    for number in (1, 2, 3):
        w, b = member(before, number)["layer1.weight"], member(before, number)["layer1.bias"]
        bag = stream(run.seed, "resample", number - 1).integers(0, 48, 48)
        assert 20 < len(set(bag)) < 40
        order = stream(run.seed, "batches", number - 1).permutation(48)
        for first in range(0, 48, 48 if batch_size == "full" else int(batch_size)):
            rows = bag if batch_size in ("full", 48) else bag[order[first : first + 7]]
            by_w, by_b = slope(data.train_x[rows], data.train_y[rows], w, b)
            w, b = w - 0.1 * by_w, b - 0.1 * by_b
        np.testing.assert_allclose(member(after, number)["layer1.weight"], w, rtol=1e-9)
        np.testing.assert_allclose(member(after, number)["layer1.bias"], b, rtol=1e-9)


def test_an_ensemble_ends_when_one_member_diverges(runs_of: PlanRuns) -> None:
    raw = config("friedman1", optimizer={"name": "sgd", "learning_rate": 1e6}, regularization={"ensemble": 2})
    assert {result.status for result in train(runs_of(raw))} == {"diverged"}


def noise_on_units(settings: dict[str, Any], tmp_path: Path) -> tuple[list[Array], list[Array]]:
    """The masks and shifts of a step, (runs, units, batch) for each of two hidden layers."""
    case = Case(settings, tmp_path)
    case.learner.step(case.space, left=1)
    return case.space.masks, case.space.shifts


def test_dropout_may_differ_from_layer_to_layer(tmp_path: Path) -> None:
    masks, _ = noise_on_units({"dropout": [0.5, 0.0]}, tmp_path)
    assert set(np.unique(masks[0])) == {0.0, 2.0}
    assert set(np.unique(masks[1])) == {1.0}
    same, _ = noise_on_units({"dropout": 0.5}, tmp_path)
    assert same[0].tobytes() == masks[0].tobytes()


def test_gaussian_dropout_has_mean_1_and_the_variance_of_dropout(tmp_path: Path) -> None:
    masks, _ = noise_on_units({"gaussian_dropout": [0.2, 0.5]}, tmp_path)
    numbers = stream(1, "gaussian_dropout").standard_normal(7 * Case.batch)
    first, second = numbers[: 4 * Case.batch], numbers[4 * Case.batch :]
    np.testing.assert_allclose(masks[0][0].ravel(), 1 + np.sqrt(0.2 / 0.8) * first, rtol=1e-12)
    np.testing.assert_allclose(masks[1][0].ravel(), 1 + np.sqrt(0.5 / 0.5) * second, rtol=1e-12)


@pytest.mark.parametrize("p", [0.05, 0.2, 0.5])
def test_alpha_dropout_sets_units_to_the_lowest_selu_and_rescales(p: float, tmp_path: Path) -> None:
    low = -1.0507009873554805 * 1.6732632423543772
    masks, shifts = noise_on_units({"alpha_dropout": p}, tmp_path)
    a = 1 / np.sqrt((1 - p) + p * low**2 - (p * low) ** 2)  # 1 over the deviation of (h or low)
    for mask, shift in zip(masks, shifts, strict=True):
        stays = mask > 0
        h = np.random.default_rng(0).normal(size=mask.shape)
        expected = a * (np.where(stays, h, low) - p * low)  # its mean taken off
        np.testing.assert_allclose(mask * h + shift, expected, atol=1e-12)


def test_several_kinds_of_noise_act_one_after_the_other(tmp_path: Path) -> None:
    (m1, _), (m2, _), (m3, a3) = (
        noise_on_units(settings, tmp_path)
        for settings in ({"dropout": 0.3}, {"gaussian_dropout": 0.3}, {"alpha_dropout": 0.3})
    )
    both = {"dropout": 0.3, "gaussian_dropout": 0.3, "alpha_dropout": 0.3}
    masks, shifts = noise_on_units(both, tmp_path)
    for i in (0, 1):
        np.testing.assert_allclose(masks[i], m1[i] * m2[i] * m3[i], rtol=1e-12)
        np.testing.assert_allclose(shifts[i], a3[i], rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal_numbers_of_a_run_depend_on_its_seed_alone(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn(seeds: Sequence[int], ends: Sequence[int], chunk: int) -> Array:
        monkeypatch.setattr("nnlab.nn.normals.CHUNK_BYTES", chunk)
        source = Normals(7, [stream(seed, "input_noise") for seed in seeds], dtype)
        return np.stack([source.next(left).copy() for left in ends])

    plain = drawn([3], [6, 5, 4, 3, 2, 1], 1 << 20)
    for chunk in (1, 100, 1 << 20):
        together = drawn([1, 3], [2, 1, 3, 2, 1, 1], chunk)  # epochs of 2, 3 and 1 steps
        assert together[:, 1].tobytes() == plain[:, 0].tobytes()
    many = drawn([0], [1] * 4000, 1 << 20)
    assert abs(many.mean()) < 5 / np.sqrt(many.size)
    assert many.std() == pytest.approx(1, abs=0.02)


# --- what is refused ------------------------------------------------------------------------------

Refused = Callable[[dict[str, Any]], str]


@pytest.fixture
def refused(runs_of: PlanRuns) -> Refused:
    """Plans a config that cannot work; returns what is said about it."""

    def answer(raw: dict[str, Any]) -> str:
        with pytest.raises(InputError) as caught:
            runs_of(raw)
        return str(caught.value)

    return answer


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"l1": -1}, "regularization.l1: -1 came, expected a number of 0 or more"),
        ({"l2": {"strength": 1, "biases": 3}}, "l2.biases: 3 came, expected true or false"),
        ({"max_norm": 0}, "max_norm: 0 came, expected a number above 0"),
        ({"gradient_clipping": -1}, "gradient_clipping: -1 came, expected a number above 0, or null"),
        ({"label_smoothing": 1}, "label_smoothing: 1 came, expected a number from 0 up to, not including, 1"),
        ({"input_noise": "much"}, "input_noise: 'much' came, expected a number of 0 or more"),
        ({"mixup": -0.1}, "mixup: -0.1 came, expected a number of 0 or more"),
        ({"swa": 6}, "regularization.swa: start 6 came and there are 5 epochs, expected one of them"),
        ({"swa": 2, "ema": 0.9}, "regularization.swa: it came beside ema, expected one of the two"),
        ({"ema": 1}, "ema: 1 came, expected a number from 0 up to, not including, 1"),
        ({"batch_norm": 2}, "batch_norm: 2 came, expected a number above 0, up to 1"),
        (
            {"early_stopping": {"rule": "generalization_loss", "metric": "val_accuracy"}},
            "rule generalization_loss came with val_accuracy, expected a metric that falls",
        ),
        (
            {"dropout": {"p": 0.5, "samples": -1}},
            "dropout.samples: -1 came, expected a whole number from 0 to 10,000",
        ),
        ({"ensemble": 0}, "ensemble: 0 came, expected a whole number of 1 or more"),
        ({"dropconnect": 1}, "dropconnect: 1 came, expected a number from 0 up to, not including, 1"),
        ({"dropout": [0.1, 1.0]}, "expected a number from 0 up to, not including, 1, or a list"),
        ({"dropout": [0.1, 0.2, 0.3]}, "dropout: 3 numbers came for 2 hidden layers, expected one number"),
        ({"dropout": 1.5}, "dropout: 1.5 came, expected a number from 0 up to, not including, 1"),
    ],
    ids=str,
)
def test_a_strength_out_of_range_is_refused(settings: Any, reason: str, refused: Refused) -> None:
    assert reason in refused(config(regularization=settings))


def test_label_smoothing_of_a_number_is_refused(refused: Refused) -> None:
    raw = config(
        data={"source": "friedman1", "samples": 80, "standardize_target": False},
        regularization={"label_smoothing": 0.1},
    )
    assert "regularization.label_smoothing: it came for regression, expected classes" in refused(raw)


def test_mixup_of_single_rows_is_refused(refused: Refused) -> None:
    raw = config(regularization={"mixup": 0.2}, training={"batch_size": 1})
    assert "regularization.mixup: it came with one row in a batch, expected at least 2" in refused(raw)


@pytest.mark.parametrize(("size", "reason"), [(1, "came with batch_size 1"), (47, "leave one row over")])
def test_batch_norm_of_a_single_row_is_refused(size: int, reason: str, refused: Refused) -> None:
    raw = config(regularization={"batch_norm": True}, training={"batch_size": size})
    assert reason in refused(raw)


@pytest.mark.parametrize(
    ("settings", "model", "note"),
    [
        (
            {"gaussian_dropout": 0.1},
            {"hidden": []},
            "gaussian_dropout drops hidden units and there is no",
        ),
        ({"batch_norm": True}, {"hidden": []}, "batch_norm normalizes hidden layers and there is none"),
        ({"swa": 5}, {}, "swa starts at the last epoch, 5: there is nothing to average"),
        ({"alpha_dropout": 0.1}, {}, "alpha_dropout is made for selu and the activation is relu"),
        ({"dropout": 0.1, "gaussian_dropout": 0.1}, {}, "dropout and gaussian_dropout act on the same units"),
    ],
    ids=str,
)
def test_what_makes_no_sense_together_gets_a_note(
    settings: dict[str, Any], model: dict[str, Any], note: str, runs_of: PlanRuns
) -> None:
    odd, calm = (
        list(advice(runs_of(config(regularization=regularization, model={"hidden": [4], **model}))))
        for regularization in (settings, {})
    )
    assert [note in words for words in odd] == [True]
    assert calm == []


def test_alpha_dropout_with_selu_gets_no_note(runs_of: PlanRuns) -> None:
    raw = config(model={"hidden": [4], "activation": "selu"}, regularization={"alpha_dropout": 0.1})
    assert not list(advice(runs_of(raw)))


def test_a_strength_alone_is_written_as_a_number(runs_of: PlanRuns) -> None:
    from nnlab.plan import settings_of

    (run,) = runs_of(config(regularization={"l2": 0.5}, sweep={"seeds": 1}))
    assert settings_of(run.config)["regularization.l2"] == 0.5
    (run,) = runs_of(config(regularization={"l2": {"strength": 0.5, "biases": True}}, sweep={"seeds": 1}))
    assert settings_of(run.config)["regularization.l2.biases"] is True
