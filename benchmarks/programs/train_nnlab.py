"""nnlab: the populations of the job's config, in this process."""

import sys
from pathlib import Path

from common import tell

from nnlab.config.load import load
from nnlab.cores import threads_allowed
from nnlab.plan import plan_sweep, populations
from nnlab.train import train

STACKS = populations(plan_sweep(load(str(Path(sys.argv[1]) / "config.yaml"))).runs)


def run() -> list[float]:
    """Splits, scales, trains, measures; the others start from arrays and measure nothing."""
    return [
        result.metrics["test_accuracy"]
        for stack in STACKS
        for result in train(stack, threads=threads_allowed())
    ]


tell(run)
