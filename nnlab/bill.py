"""The bill of a plan: what carrying it out will cost, estimated by arithmetic and a short probe."""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from nnlab.data.prepare import count
from nnlab.nn.crew import Crew
from nnlab.plan import Run, cost, members_of, network_of, population_bytes
from nnlab.train import Population

PROBES = 3  # populations of other shapes are judged by the ones probed
PROBE_SECONDS = 0.3  # of steps, for each
STORING = 1.2e-3  # seconds a run: its weights, its row and its curves
START_WORKERS = 1.5  # seconds
CURVE_ROW_BYTES = 130
RUN_BYTES = 3000  # its row in the database and in runs.csv


@dataclass(frozen=True)
class Bill:
    """What is left to do, and what it takes.

    Args:
        runs: runs to train.
        populations: stacks they are trained in.
        parameters: the fewest and the most that a run learns.
        seconds: of wall time, with `workers` at work.
        memory: bytes, of all workers together.
        disk: bytes.
        workers: that train at a time.
    """

    runs: int
    populations: int
    parameters: tuple[int, int]
    seconds: float
    memory: int
    disk: int
    workers: int


def make_bill(populations: Sequence[tuple[Run, ...]], workers: int, threads: int = 1) -> Bill:
    """The bill for training these populations.

    Args:
        populations: at least one.
        workers: how many train at a time; 1 is this process.
        threads: that share wide layers out in each of them.
    """
    firsts = [stack[0] for stack in populations]
    sizes = {id(run.setting): members_of(run.config) * network_of(run.setting).parameters for run in firsts}
    largest = max(len(stack) * population_bytes(stack[0].setting) for stack in populations)
    runs = sum(map(len, populations))
    with closing(Crew(threads)) as crew:
        work = _training_seconds(populations, crew) + runs * STORING
    return Bill(
        runs=runs,
        populations=len(populations),
        parameters=(min(sizes.values()), max(sizes.values())),
        seconds=work / min(workers, len(populations)) + (START_WORKERS if workers > 1 else 0),
        memory=workers * largest + max(map(_data_bytes, firsts)),
        disk=sum(len(stack) * _disk_bytes(stack[0]) for stack in populations),
        workers=workers,
    )


def _training_seconds(populations: Sequence[tuple[Run, ...]], crew: Crew) -> float:
    """By the cost model, set right by a few populations that are begun and thrown away."""
    by_work = sorted(populations, key=lambda stack: len(stack) * cost(stack[0]), reverse=True)
    chosen = by_work[:: max(1, len(by_work) // PROBES)][:PROBES]
    guessed = sum(len(stack) * cost(stack[0]) for stack in chosen)
    measured = sum(_probe(stack, crew) for stack in chosen)
    return measured / guessed * sum(len(stack) * cost(stack[0]) for stack in populations)


def _probe(stack: tuple[Run, ...], crew: Crew) -> float:
    with threadpool_limits(1, "blas"), np.errstate(all="ignore"):
        clock = time.perf_counter()
        population = Population(stack, crew)
        return time.perf_counter() - clock + population.probe(PROBE_SECONDS)


def _data_bytes(run: Run) -> int:
    rows = count(run.setting.material, run.config.data.preparation)
    return 8 * (rows.train + rows.validation + rows.test) * (run.setting.material.feature_count + 1)


def _disk_bytes(run: Run) -> int:
    network, training = network_of(run.setting), run.config.training
    item = 4 if network.dtype == "float32" else 8
    every = training.epochs if training.evaluate_every == "last" else int(training.evaluate_every)
    rows = 2 + training.epochs // max(every, 1)
    test_rows = count(run.setting.material, run.config.data.preparation).test if run.shares_test_rows else 0
    numbers = members_of(run.config) * network.parameters + test_rows * network.sizes[-1]
    return item * numbers + 2 * CURVE_ROW_BYTES * rows + RUN_BYTES
