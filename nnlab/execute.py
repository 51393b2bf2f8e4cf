"""Carry out a plan: train the populations that are missing, one after the other, in this process."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from nnlab.plan import Run, populations
from nnlab.train import Progress, Result, train


@dataclass(frozen=True)
class Tick:
    """How far a command is.

    Args:
        done: runs that have ended.
        total: runs there are to train.
        share: of all epochs of all runs, from 0 to 1.
        latest: the population in training.
    """

    done: int
    total: int
    share: float
    latest: Progress


def execute(
    runs: Sequence[Run], watch: Callable[[Tick], None]
) -> Iterator[tuple[tuple[Run, ...], list[Result]]]:
    """Train runs; each population's runs and results are handed over as soon as it has ended."""
    done = 0
    for population in populations(runs):
        started = done

        def tell(progress: Progress, size: int = len(population), started: int = started) -> None:
            part = size * progress.epoch / max(progress.epochs, 1)
            watch(Tick(started + size - progress.running, len(runs), (started + part) / len(runs), progress))

        results = train(population, tell)
        done += len(population)
        yield population, results
