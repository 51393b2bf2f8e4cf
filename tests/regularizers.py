"""What tests of regularizers share: a small sweep, one step of training, a linear model by hand."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.arrays import Array
from nnlab.config.load import load
from nnlab.data.prepare import Prepared, prepare
from nnlab.nn.initializers import Normal
from nnlab.nn.learner import Learner
from nnlab.nn.losses import CrossEntropy
from nnlab.nn.mlp import Network
from nnlab.nn.optimizers import Sgd
from nnlab.nn.outputs import SoftmaxOutput
from nnlab.nn.squashing import Tanh
from nnlab.nn.stacking import stack
from nnlab.plan import Run, plan_sweep
from nnlab.result import Result
from nnlab.streams import stream
from nnlab.train import train
from tests.conftest import PlanRuns
from tests.test_population import digest


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


def kept(rng: np.random.Generator, p: float, count: int) -> Array:
    """0 where something is dropped, else 1: a 16-bit integer of the raw bits is below p."""
    words = rng.bit_generator.random_raw(-(-count // 4))
    return (words.view(np.uint16)[:count] >= round(p * 65536)).astype(float)
