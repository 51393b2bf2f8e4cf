"""nnlab reads a table and trains one run on it: seconds until that begins, and the peak of memory."""

import json
import sys
import time
from pathlib import Path

STARTED = time.perf_counter()  # before the imports, which a command pays for, too


def main() -> None:
    """Plans, loads and trains as `nnlab train` does."""
    from memory import peak_megabytes

    from nnlab.cli import session
    from nnlab.data.table_cache import FOLDER, entries, remove
    from nnlab.plan import plan_train
    from nnlab.train import Population

    config, folder = sys.argv[1], Path(sys.argv[2])
    if "--anew" in sys.argv:
        remove(folder / FOLDER, entries(folder / FOLDER))
        import pandas  # noqa: F401 - imported by then where pandas itself is measured, too
    clock, used = time.perf_counter(), time.process_time()
    runs = session.prepare(config, [], folder, plan_train, quiet=True).plan.runs
    reading = {"wall": time.perf_counter() - clock, "processor": time.process_time() - used}
    population = Population(runs)
    ready = time.perf_counter() - STARTED
    population.train(lambda _: None)
    print(json.dumps({"reading": reading, "ready": ready, "peak MB": peak_megabytes()}))


main()
