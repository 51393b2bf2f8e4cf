"""Regularizers: what holds for every entry of the table, and what is refused of any."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from nnlab.advice import advice
from nnlab.checkpoint import Keeper
from nnlab.nn.regularizers import REGULARIZERS
from nnlab.plan import populations
from nnlab.streams import stream
from nnlab.train import train
from tests.conftest import PlanRuns, Refused
from tests.regularizers import Case, bits, config, rows_of
from tests.test_checkpoint import NEVER, Album

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


def test_a_strength_alone_is_written_as_a_number(runs_of: PlanRuns) -> None:
    from nnlab.plan import settings_of

    (run,) = runs_of(config(regularization={"l2": 0.5}, sweep={"seeds": 1}))
    assert settings_of(run.config)["regularization.l2"] == 0.5
    (run,) = runs_of(config(regularization={"l2": {"strength": 0.5, "biases": True}}, sweep={"seeds": 1}))
    assert settings_of(run.config)["regularization.l2.biases"] is True
