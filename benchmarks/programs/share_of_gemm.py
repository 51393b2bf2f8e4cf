"""The bound: the matrix products of a job and nothing else, beside a whole step of training."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np

from nnlab.config.load import load
from nnlab.plan import Run, network_of, plan_sweep, populations
from nnlab.train import train

REPEATS = 5


def processor_seconds(work: Callable[[], object]) -> float:
    """The time that one call takes."""
    clock = time.process_time()
    work()
    return time.process_time() - clock


def products(runs: int, sizes: tuple[int, ...], batch: int) -> Callable[[], None]:
    """All matrix products of a step, on arrays laid out as training lays them out."""
    rng = np.random.default_rng(0)

    def filled(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype="f4")

    shapes = list(pairwise(sizes))
    weights = [filled(runs, fan_in + 1, fan_out) for fan_in, fan_out in shapes]
    inputs = [filled(runs, batch, sizes[0] + 1).transpose(0, 2, 1)]
    inputs += [filled(runs, units + 1, batch) for units in sizes[1:-1]]
    deltas = [filled(runs, units, batch) for units in sizes[1:]]
    outputs, grads = [np.empty_like(d) for d in deltas], [np.empty_like(w) for w in weights]
    below = [np.empty_like(d) for d in deltas]

    def step() -> None:
        for w, h, z in zip(weights, inputs, outputs, strict=True):
            np.matmul(w.transpose(0, 2, 1), h, out=z)
        for i in range(len(weights) - 1, -1, -1):
            np.matmul(inputs[i], deltas[i].transpose(0, 2, 1), out=grads[i])
            if i > 0:
                np.matmul(weights[i][:, :-1], deltas[i], out=below[i - 1])

    return step


def longer(runs: tuple[Run, ...], factor: int) -> tuple[Run, ...]:
    """The same runs with more epochs."""
    setting = runs[0].setting
    training = replace(setting.config.training, epochs=setting.config.training.epochs * factor)
    config = replace(setting.config, training=training)
    return tuple(replace(run, setting=replace(setting, config=config)) for run in runs)


def main() -> None:
    """Prints microseconds a run and step: in matrix products alone, in training, and their ratio."""
    runs = populations(plan_sweep(load(str(Path(sys.argv[1]) / "config.yaml"))).runs)[0]
    facts = json.loads((Path(sys.argv[1]) / "job.json").read_text())
    rows = np.load(Path(sys.argv[1]) / "data.npz")["train_x"].shape[0]
    count, steps = len(runs), facts["epochs"] * rows // facts["batch"]
    step = products(count, network_of(runs[0].setting).sizes, facts["batch"])

    def many() -> None:
        for _ in range(steps):
            step()

    gemm, whole = [], []
    for _ in range(REPEATS):
        gemm.append(processor_seconds(many) / steps / count)
        # Twice as many epochs take longer by the steps alone.
        short = processor_seconds(lambda: train(runs))
        whole.append((processor_seconds(lambda: train(longer(runs, 2))) - short) / steps / count)
    bound, all_of_it = median(gemm) * 1e6, median(whole) * 1e6
    print(json.dumps({"gemm": bound, "step": all_of_it, "share": bound / all_of_it, "together": count}))


main()
