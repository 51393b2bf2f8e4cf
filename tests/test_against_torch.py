"""PyTorch as the oracle: its steps as recorded in tests/data, and itself where it is installed."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.optimize import rosen_der

from nnlab.arrays import Array
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

STEPS = 20
START = (-1.2, 1.0, 0.5, 2.0)


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
    with (Path(__file__).parent / "data/optimizers.csv").open() as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        steps = [[float(row[f"w{i}"]) for i in range(4)] for row in rows if row["case"] == name]
    return np.array(steps)


def our_steps(case: Case) -> Iterator[Array]:
    params = np.array([START])
    state = case.rule.init(params)
    for _ in range(STEPS):
        gradient = slope(params[0])[np.newaxis]
        case.rule.decay(params, [params])
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
