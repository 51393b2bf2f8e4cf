"""PyTorch as the oracle: its steps as recorded in tests/data, and itself where it is installed."""

import csv
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.optimize import rosen_der

from nnlab.arrays import Array
from nnlab.data.prepare import Prepared
from nnlab.nn.optimizers import (
    OPTIMIZERS,
    Adagrad,
    Adam,
    Adamw,
    Momentum,
    Nadam,
    Nesterov,
    Optimizer,
    Rmsprop,
    Sgd,
    Sgdw,
)
from nnlab.nn.schedules import SCHEDULES, Schedule, Span
from nnlab.nn.stacking import stack
from nnlab.train import train
from tests.conftest import PlanRuns
from tests.test_population import batches, rows_of

STEPS = 20
EPOCHS, A_EPOCH = 5, 4  # epochs, and the steps of each
START = (-1.2, 1.0, 0.5, 2.0)


def record(name: str) -> list[dict[str, str]]:
    """The rows of a record in tests/data."""
    with (Path(__file__).parent / f"data/{name}.csv").open() as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


# --- optimizers -----------------------------------------------------------------------------------


class Case(NamedTuple):
    """A rule of ours, and the class and options that are the same in PyTorch."""

    rule: Optimizer
    theirs: str
    options: dict[str, Any]


CASES = {
    "sgd": Case(Sgd(0.05), "SGD", {"lr": 0.05}),
    "momentum": Case(Momentum(0.02, 0.8), "SGD", {"lr": 0.02, "momentum": 0.8}),
    "nesterov": Case(Nesterov(0.02, 0.8), "SGD", {"lr": 0.02, "momentum": 0.8, "nesterov": True}),
    "adagrad": Case(Adagrad(0.1), "Adagrad", {"lr": 0.1}),
    "rmsprop": Case(Rmsprop(0.01, rho=0.99), "RMSprop", {"lr": 0.01}),
    "adam": Case(Adam(0.03), "Adam", {"lr": 0.03}),
    "nadam": Case(Nadam(0.03), "NAdam", {"lr": 0.03}),
    # Without momentum and with one learning rate, their coupled decay is our decoupled one.
    "sgdw": Case(
        Sgdw(0.05, momentum=0.0, weight_decay=0.3, decay_biases=True),
        "SGD",
        {"lr": 0.05, "weight_decay": 0.3},
    ),
    "adamw": Case(
        Adamw(0.03, weight_decay=0.3, decay_biases=True), "AdamW", {"lr": 0.03, "weight_decay": 0.3}
    ),
}


def slope(w: Array) -> Array:
    """Of a hundredth of Rosenbrock's function."""
    return np.asarray(rosen_der(w) / 100)


def recorded(name: str) -> Array:
    """Where PyTorch stood after each step, (steps, 4)."""
    rows = [row for row in record("optimizers") if row["case"] == name]
    return np.array([[float(row[f"w{i}"]) for i in range(4)] for row in rows])


def our_steps(case: Case) -> Iterator[Array]:
    params = np.array([START])
    state = case.rule.init(params)
    for _ in range(STEPS):
        gradient = slope(params[0])[np.newaxis]
        case.rule.decay([params], [params])
        case.rule.step(params, gradient, state)
        yield params[0].copy()


def their_steps(case: Case) -> Iterator[Array]:
    torch = pytest.importorskip("torch")
    params = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, case.theirs)([params], **case.options)
    for _ in range(STEPS):
        params.grad = torch.from_numpy(slope(params.detach().numpy()))
        optimizer.step()
        yield params.detach().numpy().copy()


def test_every_optimizer_has_a_case() -> None:
    assert set(CASES) == set(OPTIMIZERS)


@pytest.mark.parametrize("name", CASES)
def test_steps_are_those_recorded_of_torch(name: str) -> None:
    steps = recorded(name)
    assert len(steps) == STEPS
    # To 1e-9: PyTorch keeps the product of NAdam's momenta in float32.
    np.testing.assert_allclose(list(our_steps(CASES[name])), steps, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_the_record_is_what_torch_does(name: str) -> None:
    np.testing.assert_allclose(recorded(name), list(their_steps(CASES[name])), rtol=0, atol=1e-12)


def test_the_steps_of_the_record_go_somewhere() -> None:
    for name in CASES:
        assert math.dist(START, recorded(name)[-1]) > 0.1


# --- schedules ------------------------------------------------------------------------------------


class Timetable(NamedTuple):
    """A schedule of ours as YAML has it, and the class and options that are the same in PyTorch.

    Args:
        theirs: the options may depend on the learning rate.
        by_step: whether theirs is moved on after every step, not after every epoch.
    """

    ours: dict[str, Any]
    theirs: str
    options: Callable[[float], dict[str, Any]]
    by_step: bool = False


TIMETABLES = {
    "constant": Timetable({}, "ConstantLR", lambda _: {"factor": 1.0}),
    "step": Timetable({"factor": 0.5, "every": 2}, "StepLR", lambda _: {"step_size": 2, "gamma": 0.5}),
    "exponential": Timetable({"factor": 0.8}, "ExponentialLR", lambda _: {"gamma": 0.8}),
    "cosine": Timetable(
        {"least": 0.1}, "CosineAnnealingLR", lambda rate: {"T_max": STEPS, "eta_min": 0.1 * rate}, True
    ),
    "cosine, restarts": Timetable(
        {"period": 2}, "CosineAnnealingWarmRestarts", lambda _: {"T_0": 2 * A_EPOCH}, True
    ),
    "warmup": Timetable(
        {"epochs": 3, "start": 0.2},
        "LinearLR",
        lambda _: {"start_factor": 0.2, "total_iters": 3 * A_EPOCH},
        True,
    ),
    "one_cycle": Timetable(
        {},
        "OneCycleLR",
        lambda rate: {"max_lr": rate, "total_steps": STEPS, "cycle_momentum": False},
        True,
    ),
    "reduce_on_plateau": Timetable(
        {"factor": 0.3, "patience": 0, "min_delta": 0.02, "least": 0.1},
        "ReduceLROnPlateau",
        lambda rate: {
            "factor": 0.3,
            "patience": 0,
            "threshold": 0.02,
            "threshold_mode": "abs",
            "min_lr": 0.1 * rate,
        },
    ),
}
LOSSES = (1.0, 0.99, 0.9, 0.95, 0.7)  # after each epoch, for the schedule that looks


def schedule(name: str) -> Schedule:
    return SCHEDULES[name.partition(",")[0]](**TIMETABLES[name].ours)


def scheduler(torch: Any, name: str, optimizer: Any, rate: float) -> Any:
    timetable = TIMETABLES[name]
    return getattr(torch.optim.lr_scheduler, timetable.theirs)(optimizer, **timetable.options(rate))


def move_on(scheduler: Any, name: str, step: int, loss: Callable[[], float]) -> None:
    """What a training script calls after each step, counted from 1."""
    epoch_ends = step % A_EPOCH == 0
    if name == "reduce_on_plateau" and epoch_ends:
        scheduler.step(loss())
    elif name != "reduce_on_plateau" and (TIMETABLES[name].by_step or epoch_ends):
        scheduler.step()


def our_scales(name: str) -> list[float]:
    """Of every step."""
    column, span = stack([schedule(name)]), Span(EPOCHS, A_EPOCH)
    state = column.init(1)
    scales = []
    for epoch in range(EPOCHS):
        for i in range(A_EPOCH):
            scales.append(float(np.ravel(column.scale(epoch * A_EPOCH + i, span, state))[0]))
        column.see(epoch + 1, {"val_loss": np.array([LOSSES[epoch]])}, state)
    return scales


def their_scales(name: str) -> list[float]:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    theirs = scheduler(torch, name, optimizer, 1.0)
    scales = []
    for step in range(1, STEPS + 1):
        scales.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        move_on(theirs, name, step, lambda step=step: LOSSES[step // A_EPOCH - 1])
    return scales


def recorded_scales(name: str) -> list[float]:
    return [float(row["scale"]) for row in record("schedules") if row["case"] == name]


def test_every_schedule_has_a_timetable() -> None:
    assert {name.partition(",")[0] for name in TIMETABLES} == set(SCHEDULES)


@pytest.mark.parametrize("name", TIMETABLES)
def test_scales_are_those_recorded_of_torch(name: str) -> None:
    scales = recorded_scales(name)
    assert len(scales) == STEPS
    np.testing.assert_allclose(our_scales(name), scales, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", TIMETABLES)
def test_the_record_of_scales_is_what_torch_does(name: str) -> None:
    np.testing.assert_allclose(recorded_scales(name), their_scales(name), rtol=0, atol=1e-14)


def test_the_recorded_scales_change() -> None:
    assert [name for name in TIMETABLES if len(set(recorded_scales(name))) == 1] == ["constant"]
    assert len(set(recorded_scales("reduce_on_plateau"))) == 3


# --- 20 steps of a network ------------------------------------------------------------------------

RATE = 0.05
PAIRS = [("adam", name) for name in TIMETABLES]
PAIRS += [(name, "constant") for name in OPTIMIZERS if name != "adam"]


def network(torch: Any, weights: dict[str, Array]) -> Any:
    """The same network in PyTorch, from these weights."""
    model = torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)).to(
        torch.float64
    )
    for layer, ours in ((model[0], "layer1"), (model[2], "layer2")):
        layer.load_state_dict(
            {
                "weight": torch.from_numpy(weights[f"{ours}.weight"].T.copy()),
                "bias": torch.from_numpy(weights[f"{ours}.bias"].copy()),
            }
        )
    return model


def groups(model: Any, options: dict[str, Any]) -> list[dict[str, Any]]:
    """Biases shall not decay there either, unless it is asked for."""
    parameters = dict(model.named_parameters())
    weights = [parameter for name, parameter in parameters.items() if name.endswith("weight")]
    biases = [parameter for name, parameter in parameters.items() if name.endswith("bias")]
    without = {"weight_decay": 0.0} if "weight_decay" in options else {}
    return [{"params": weights}, {"params": biases, **without}]


@pytest.mark.parametrize(("optimizer", "timetable"), PAIRS)
def test_20_steps_from_the_same_weights_on_the_same_batches_end_at_the_weights_of_torch(
    optimizer: str, timetable: str, runs_of: PlanRuns
) -> None:
    torch = pytest.importorskip("torch")
    case = CASES[optimizer]
    ours = {"name": optimizer, **vars(case.rule), "learning_rate": RATE}
    if "decay_biases" in ours:
        ours["decay_biases"] = False
    plan = {"name": timetable.partition(",")[0], **TIMETABLES[timetable].ours}
    start, run = runs_of(
        {
            "data": {"source": "blobs", "samples": 80},
            "model": {"hidden": [5], "activation": "tanh", "dtype": "float64"},
            "optimizer": ours,
            "schedule": plan,
            "training": {"batch_size": 12},
            "sweep": {"seeds": 1, "zip": {"training.epochs": [0, EPOCHS], "schedule": ["constant", plan]}},
        }
    )
    data: Prepared = rows_of(run)
    model = network(torch, dict(train([start])[0].weights))
    options = {**case.options, "lr": RATE}
    theirs = getattr(torch.optim, case.theirs)(groups(model, options), **options)
    mover = scheduler(torch, timetable, theirs, RATE)
    loss = torch.nn.CrossEntropyLoss()

    def validation() -> float:
        with torch.no_grad():
            return float(loss(model(torch.from_numpy(data.val_x)), torch.from_numpy(data.val_y)))

    steps = [rows for epoch in batches(run, EPOCHS) for rows in epoch]
    for step, rows in enumerate(steps, start=1):
        theirs.zero_grad()
        loss(model(torch.from_numpy(data.train_x[rows])), torch.from_numpy(data.train_y[rows])).backward()
        theirs.step()
        move_on(mover, timetable, step, validation)
    assert len(steps) == STEPS
    weights = train([run])[0].weights
    for layer, name in ((model[0], "layer1"), (model[2], "layer2")):
        state = layer.state_dict()
        np.testing.assert_allclose(weights[f"{name}.weight"], state["weight"].numpy().T, rtol=0, atol=1e-6)
        np.testing.assert_allclose(weights[f"{name}.bias"], state["bias"].numpy(), rtol=0, atol=1e-6)
