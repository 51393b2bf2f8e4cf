"""A table of a million rows: reading it, training on it, and what that takes of memory, beside pandas."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from machine import cores, environment
from sitting import program, sit, spread, table

PROGRAMS = Path(__file__).parent / "programs"
ROWS, COLUMNS = 1_000_000, 30
STRETCH = 10_000  # rows written at a time
CONFIG = {
    "name": "table",
    "data": {"source": "csv", "path": "table.csv", "target": "class"},
    "model": {"hidden": [16]},
    "training": {"epochs": 1, "batch_size": 256},
}


def write(folder: Path) -> None:
    """A table of short and long decimals, whole numbers and two classes, and the config of a run on it."""
    (folder / "config.yaml").write_text(json.dumps(CONFIG))
    rng = np.random.default_rng(0)
    forms = ["{:.6f}"] * 15 + ["{!r}"] * 5 + ["{:.0f}"] * (COLUMNS - 21)
    with (folder / "table.csv").open("w") as file:
        file.write(",".join(f"x{i}" for i in range(COLUMNS - 1)) + ",class\n")
        for _ in range(0, ROWS, STRETCH):
            columns = rng.normal(scale=[1.0] * 20 + [1000.0] * (COLUMNS - 21), size=(STRETCH, COLUMNS - 1)).T
            cells = [map(form.format, x.tolist()) for form, x in zip(forms, columns, strict=True)]
            classes = np.where(columns[0] + columns[1] * columns[2] > 0, "yes", "no").tolist()
            file.writelines(",".join(row) + "\n" for row in zip(*cells, classes, strict=True))


def large_table(scratch: Path, rounds: int) -> Iterator[str]:
    """Part 7: a first command, which converts the table, and a second one, which maps it."""
    folder = scratch / "table"
    folder.mkdir()
    write(folder)
    one = 4 * ROWS * COLUMNS / 1e6
    nnlab = [sys.executable, PROGRAMS / "table_nnlab.py", folder / "config.yaml", folder / "runs"]
    env = environment(cores())
    takes = {
        "pandas.read_csv": program([sys.executable, PROGRAMS / "table_pandas.py", folder / "table.csv"], env),
        "nnlab, first command": program([*nnlab, "--anew"], env),
        "nnlab, second command": program(nnlab, env),
    }
    sitting = sit(takes, rounds, "large table")
    yield "## 7. A large table"
    yield ""
    yield (
        f"{ROWS:,} rows and {COLUMNS} columns in a CSV file, on all cores, in seconds by the clock and "
        "of the processor. `reading` is that of the table alone, in nnlab with checks and with writing the "
        "cache; `ready` is from the start of the program until the first step of training. The peak of "
        f"memory includes Python, its libraries and one epoch; the table is {one:.0f} MB as float32. Ratios "
        "are to pandas and to that table."
    )
    yield ""
    rows = []
    for name in takes:
        peak = sitting.median(name, "peak MB") * 1.048576  # the system counts in 1024s
        ready = "" if name == "pandas.read_csv" else f"{sitting.median(name, 'ready'):.2f}"
        row = [name]
        for what in ("reading wall", "reading processor"):
            row += [
                f"{sitting.median(name, what):.2f}",
                spread(sitting.ratios(name, "pandas.read_csv", what)),
            ]
        rows.append([*row, ready, f"{peak:.0f}", f"{peak / one:.2f}"])
    head = ["program", "reading", "ratio", "of the processor", "ratio", "ready", "peak MB", "of the table"]
    yield from table(head, rows)
