"""What a sweep costs: seconds of the processor and the peak of memory, planning included, imports not."""

import json
import sys
import time
from pathlib import Path

from memory import peak_megabytes

from nnlab.config.load import load
from nnlab.plan import plan_sweep, populations
from nnlab.train import train


def main() -> None:
    """Plans and trains the sweep of a config."""
    config = str(Path(sys.argv[1]) / "config.yaml")
    train(plan_sweep(load(config)).runs[:1])  # slow imports happen where they are needed first
    clock = time.process_time()
    runs = plan_sweep(load(config)).runs
    for stack in populations(runs):
        train(stack)
    seconds = time.process_time() - clock
    print(json.dumps({"processor": seconds, "peak MB": peak_megabytes()}))


main()
