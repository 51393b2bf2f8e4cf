"""What the programs have in common: reading a job, taking the time, telling it."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

Layers = list[tuple[Any, Any]]  # of one network: weights (fan_in, fan_out) and biases (fan_out,)


@dataclass(frozen=True)
class Work:
    """A job as the programs see it: numbers and arrays."""

    sizes: list[int]
    lambdas: list[float]
    batch: int
    epochs: int
    few: int
    train_x: Any
    train_y: Any
    test_x: Any
    test_y: Any

    @property
    def rows(self) -> int:
        """Training rows."""
        return len(self.train_x)

    @property
    def runs(self) -> int:
        """Networks to train."""
        return len(self.lambdas)

    def first_layers(self, seed: int) -> Layers:
        """He's first weights in float32, biases 0."""
        rng = np.random.default_rng(seed)
        return [
            ((rng.standard_normal((i, o)) * np.sqrt(2 / i)).astype("f4"), np.zeros(o, "f4"))
            for i, o in pairwise(self.sizes)
        ]


def read() -> Work:
    """The job in the folder that the first argument names."""
    folder = Path(sys.argv[1])
    arrays = np.load(folder / "data.npz")
    data = {name: arrays[name].astype("f4" if name.endswith("x") else "i8") for name in arrays}
    return Work(**json.loads((folder / "job.json").read_text()), **data)


def accuracy(work: Work, layers: Layers) -> float:
    """Share of the test rows whose class a network finds."""
    h = work.test_x
    for w, b in layers[:-1]:
        h = np.maximum(h @ w + b, 0)
    w, b = layers[-1]
    return float(((h @ w + b).argmax(axis=1) == work.test_y).mean())


def tell(train: Callable[[], Sequence[float]], scale: float = 1.0) -> None:
    """Trains and prints the time as JSON: once for `--once`, as the whole command needs it, otherwise twice.

    Args:
        train: trains all networks and returns the test accuracy of each, which is not timed by itself.
        scale: by which the time grows where only some of the networks were trained.
    """
    times = []
    for _ in range(1 if "--once" in sys.argv else 2):
        wall, processor = time.perf_counter(), time.process_time()
        found = train()
        times.append(
            {
                "wall": (time.perf_counter() - wall) * scale,
                "processor": (time.process_time() - processor) * scale,
            }
        )
    for value in found if "--once" in sys.argv else ():
        print(value)
    print(json.dumps({"first": times[0], "again": times[-1], "accuracy": float(np.mean(found))}))
