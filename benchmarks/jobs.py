"""The jobs: what every program trains, as a config for nnlab and as arrays for the others."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.config.load import load
from nnlab.data.prepare import prepare
from nnlab.plan import plan_sweep

STRENGTHS = (0.01, 10.0)  # the smallest and the largest lambda


@dataclass(frozen=True)
class Job:
    """Networks of one shape, each with a seed and a lambda of its own: Adam, ReLU, softmax, float32.

    Args:
        name: as results call it.
        data: nnlab's `data` section; its training rows are a multiple of the batch.
        hidden: units of the hidden layers.
        batch: rows in a step.
        epochs: passes over the training rows.
        seeds, strengths: as many runs as their product.
        few: runs that programs train which take them one after the other; their time is scaled up.
    """

    name: str
    data: dict[str, Any]
    hidden: tuple[int, ...]
    batch: int = 32
    epochs: int = 20
    seeds: int = 8
    strengths: int = 8
    few: int = 2

    @property
    def runs(self) -> int:
        """How many networks there are."""
        return self.seeds * self.strengths

    def config(self) -> dict[str, Any]:
        """The config of the sweep."""
        return {
            "name": "job",
            "data": self.data | {"validation": 0},
            "model": {"hidden": list(self.hidden)},
            "training": {"epochs": self.epochs, "batch_size": self.batch, "evaluate_every": "last"},
            "sweep": {"seeds": self.seeds, "grid": {"regularization.l2": self.lambdas()}},
        }

    def lambdas(self) -> list[float]:
        """The strengths of L2, evenly spaced on a logarithmic scale."""
        return [float(value) for value in np.geomspace(*STRENGTHS, self.strengths)]

    def write(self, folder: Path) -> None:
        """Puts the config, the job in numbers and the arrays of seed 0 into a folder."""
        (folder / "config.yaml").write_text(json.dumps(self.config(), indent=2))
        setting = plan_sweep(load(str(folder / "config.yaml"))).runs[0].setting
        data = prepare(setting.material, setting.config.data.preparation, 0)
        assert len(data.train_x) % self.batch == 0, "a last, smaller batch would be another job"
        names = ("train_x", "train_y", "test_x", "test_y")
        np.savez(folder / "data.npz", **{name: getattr(data, name) for name in names})
        facts = {
            "sizes": [data.train_x.shape[1], *self.hidden, len(setting.material.class_names)],
            "lambdas": [strength for strength in self.lambdas() for _ in range(self.seeds)],
            "batch": self.batch,
            "epochs": self.epochs,
            "few": min(self.few, self.runs),
        }
        (folder / "job.json").write_text(json.dumps(facts))


MOONS = {"source": "moons", "samples": 1280, "noise": 0.3, "test": 256}
DIGITS = {"source": "digits", "train_size": 1408, "test": 0.2}
WIDE = {"source": "blobs", "samples": 5632, "features": 784, "classes": 10, "noise": 0.1, "test": 512}

JOBS = {
    job.name: job
    for job in (
        Job("64 runs of 2-16-16-2", MOONS, (16, 16)),
        Job("64 runs of 64-64-64-10", DIGITS, (64, 64)),
        Job("1 run of 2-16-16-2", MOONS, (16, 16), epochs=40, seeds=1, strengths=1),
        Job("1 run of 784-256-256-10", WIDE, (256, 256), batch=128, epochs=10, seeds=1, strengths=1),
    )
}
