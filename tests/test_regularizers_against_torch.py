"""PyTorch as the oracle of regularizers: its logits as recorded in tests/data, and itself where installed."""

import csv
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from nnlab.arrays import Array
from nnlab.nn.averaging import Ema, Swa
from nnlab.nn.batch_norm import BatchNorm
from nnlab.nn.learner import Learner
from nnlab.nn.losses import CrossEntropy
from nnlab.nn.mlp import Network, Workspace
from nnlab.nn.optimizers import Sgd
from nnlab.nn.outputs import SoftmaxOutput
from nnlab.nn.penalties import L2, GradientClipping, MaxNorm
from nnlab.nn.regularizer import Regularizer
from nnlab.nn.soft_targets import LabelSmoothing
from nnlab.nn.squashing import Tanh
from nnlab.nn.stacking import stack

STEPS, A_EPOCH, BATCH, RATE = 20, 5, 8, 0.3
SIZES = (5, 6, 4, 3)
ROWS = 40
SHOWN = (1, 5, 10, 20)  # steps after which logits are recorded
RECORD = Path(__file__).parent / "data/regularizers.csv"


class Case(NamedTuple):
    """Regularizers of ours, and what is the same in PyTorch."""

    ours: tuple[Regularizer, ...]
    batch_norm: dict[str, float] | None = None
    smoothing: float = 0.0
    decay: float = 0.0
    max_norm: float | None = None
    clip_norm: float | None = None
    clip_value: float | None = None
    swa: bool = False
    ema: float | None = None


CASES = {
    "nothing": Case(()),
    "batch_norm": Case((BatchNorm(),), batch_norm={}),
    "batch_norm, other options": Case(
        (BatchNorm(momentum=0.4, epsilon=0.05),), batch_norm={"momentum": 0.4, "eps": 0.05}
    ),
    "label_smoothing": Case((LabelSmoothing(0.2),), smoothing=0.2),
    "max_norm": Case((MaxNorm(0.8),), max_norm=0.8),
    "gradient_clipping": Case((GradientClipping(0.1),), clip_norm=0.1),
    "gradient_clipping by value": Case((GradientClipping(None, 0.01),), clip_value=0.01),
    "l2 and gradient_clipping": Case((L2(40.0), GradientClipping(1.0)), decay=1.0, clip_norm=1.0),
    "swa": Case((Swa(1),), swa=True),
    "ema": Case((Ema(0.8),), ema=0.8),
    "batch_norm, label_smoothing, max_norm and clipping": Case(
        (LabelSmoothing(0.1), MaxNorm(1.0), GradientClipping(0.2), BatchNorm()),
        batch_norm={}, smoothing=0.1, max_norm=1.0, clip_norm=0.2,
    ),
}  # fmt: skip


def data() -> tuple[Array, Array]:
    """Rows and classes by a formula, so that no generator of random numbers matters."""
    x = np.sin(np.arange(ROWS * SIZES[0]) * 1.7).reshape(ROWS, SIZES[0])
    return x, (np.floor(2.5 + 2 * x[:, 0] + x[:, 1]) % 3).astype(int)


def first_weights() -> list[tuple[Array, Array]]:
    """Weights (fan_in, fan_out) and biases of each layer, by a formula."""
    layers = []
    for i, (rows, columns) in enumerate(pairwise(SIZES)):
        weight = np.cos(np.arange(rows * columns) * (2.3 + i)).reshape(rows, columns)
        layers.append((weight, 0.2 * np.sin(np.arange(columns) + i)))
    return layers


def batches() -> Iterator[Array]:
    for step in range(STEPS):
        yield (np.arange(BATCH) + BATCH * (step % A_EPOCH)) % ROWS


def our_logits(case: Case) -> Iterator[Array]:
    """In prediction mode, of the first rows, after each step, (rows, classes)."""
    activations = (Tanh(), Tanh())
    normalized = case.batch_norm is not None
    network = Network(SIZES, activations, SoftmaxOutput(), CrossEntropy(), "float64", normalized)
    params = np.ones((1, network.width))
    network.normalization(params).mean[0][:] = 0
    network.normalization(params).mean[1][:] = 0
    for layer, (weight, bias) in zip(network.layers(params), first_weights(), strict=True):
        layer[0, :-1], layer[0, -1] = weight, bias
    entries = [stack([entry]) for entry in case.ours]
    learner = Learner(network, params, stack([Sgd(RATE)]), entries, lambda _: [], ROWS, BATCH)
    (x, classes), predicting = data(), Workspace(network, 1, BATCH)
    predicting.x[0, :, :-1], predicting.x[0, :, -1] = x[:BATCH], 1
    for step, rows in enumerate(batches(), start=1):
        space = learner.spaces[BATCH]
        space.x[0, :, :-1], space.x[0, :, -1], space.targets[0] = x[rows], 1, np.eye(3)[classes[rows]]
        learner.step(space, 1)
        if step % A_EPOCH == 0:
            learner.end_epoch(step // A_EPOCH)
        yield predicting.forward(learner.predicting().layers)[0].T.copy()


def their_logits(case: Case) -> Iterator[Array]:
    torch = pytest.importorskip("torch")
    from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn

    model = _their_model(torch, case)
    loss = torch.nn.CrossEntropyLoss(label_smoothing=case.smoothing)
    linear = [module for module in model if isinstance(module, torch.nn.Linear)]
    weights = [module.weight for module in linear]
    others = [p for p in model.parameters() if not any(p is weight for weight in weights)]
    groups = [{"params": weights}, {"params": others}]
    optimizer = torch.optim.SGD(groups, lr=RATE)
    ema = AveragedModel(model, avg_fn=get_ema_avg_fn(case.ema)) if case.ema else None
    swa = AveragedModel(model) if case.swa else None
    x, classes = map(torch.from_numpy, data())
    shown: Callable[[Any], Any] = model
    for step, rows in enumerate(batches(), start=1):
        optimizer.zero_grad()
        penalty = sum((weight**2).sum() for weight in weights) * case.decay / 2
        (loss(model.train()(x[rows]), classes[rows]) + penalty).backward()
        if case.clip_norm:
            torch.nn.utils.clip_grad_norm_(model.parameters(), case.clip_norm)
        if case.clip_value:
            torch.nn.utils.clip_grad_value_(model.parameters(), case.clip_value)
        optimizer.step()
        with torch.no_grad():
            for weight in weights if case.max_norm else ():
                weight.copy_(torch.renorm(weight, 2, 0, case.max_norm))
        if ema:
            ema.update_parameters(model)
            shown = ema
        if swa and step % A_EPOCH == 0:
            swa.update_parameters(model)
            shown = swa
        model.eval()
        with torch.no_grad():
            yield shown(x[:BATCH]).numpy().copy()


def _their_model(torch: Any, case: Case) -> Any:
    modules: list[Any] = []
    for i, (weight, bias) in enumerate(first_weights()):
        last = i == len(SIZES) - 2
        normalized = case.batch_norm is not None and not last
        linear = torch.nn.Linear(*weight.shape, bias=not normalized, dtype=torch.float64)
        linear.weight.data = torch.from_numpy(weight.T.copy())
        modules.append(linear)
        shifted = linear
        if normalized:
            shifted = torch.nn.BatchNorm1d(weight.shape[1], dtype=torch.float64, **(case.batch_norm or {}))
            modules.append(shifted)
        shifted.bias.data = torch.from_numpy(bias.copy())
        if not last:
            modules.append(torch.nn.Tanh())
    return torch.nn.Sequential(*modules)


def recorded() -> dict[tuple[str, int], Array]:
    with RECORD.open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    found: dict[tuple[str, int], list[list[float]]] = {}
    for row in rows:
        found.setdefault((row["case"], int(row["step"])), []).append([float(row[f"z{i}"]) for i in range(3)])
    return {key: np.array(value) for key, value in found.items()}


@pytest.mark.parametrize("name", CASES)
def test_logits_are_those_recorded_of_torch(name: str) -> None:
    logits = list(our_logits(CASES[name]))
    for step in SHOWN:
        theirs = recorded()[name, step]
        if name == "swa" and step < A_EPOCH:
            continue  # no epoch has ended
        np.testing.assert_allclose(logits[step - 1], theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_the_record_is_what_torch_does(name: str) -> None:
    theirs = list(their_logits(CASES[name]))
    for step in SHOWN:
        np.testing.assert_allclose(theirs[step - 1], recorded()[name, step], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in CASES if name != "nothing"])
def test_every_case_differs_from_training_without(name: str) -> None:
    """Or the tests above would prove nothing."""
    assert np.abs(recorded()[name, STEPS] - recorded()["nothing", STEPS]).max() > 1e-2
