"""A report of many runs takes seconds and little memory, however many settings they have."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli import MOONS, Desk

MEASURE = """
import resource, sys
from nnlab.cli import main
code = main.run(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
print(code, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, file=sys.stderr)
"""


def multiply(folder: Path, settings: int, seeds: int) -> None:
    """Copies one stored run, with other settings and seeds, until there are so many."""
    with closing(sqlite3.connect(folder / "results.sqlite")) as database, database:
        names = [line[1] for line in database.execute("PRAGMA table_info(runs)")]
        stored = dict(zip(names, database.execute("SELECT * FROM runs").fetchone(), strict=True))
        base = json.loads(stored["settings"])
        database.execute("DELETE FROM runs")
        database.execute("DELETE FROM strategies")
        for i in range(settings):
            text = json.dumps(base | {"regularization.l2": i / 7, "model.hidden": [i % 9 + 1]})
            for seed in range(seeds):
                run = stored | {
                    "run": f"{i}-{seed}",
                    "seed": seed,
                    "settings": text,
                    "val_loss": i + seed / 9,
                }
                places = ", ".join("?" * len(run))
                database.execute(f"INSERT INTO runs VALUES ({places})", list(run.values()))
                member = (run["run"], f"l2={i / 7:g}", i * seeds + seed, 0, 1)
                database.execute("INSERT INTO strategies VALUES (?, ?, ?, ?, ?)", member)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "seeds", "most_seconds", "most_megabytes"),
    [(100, 100, 3, 300), (10_000, 1, 6, 400)],  # each of 10,000 lines has its own diagnosis
)
def test_ten_thousand_runs_take_seconds_and_little_memory(
    desk: Desk, settings: int, seeds: int, most_seconds: float, most_megabytes: float
) -> None:
    assert desk.nnlab("sweep", desk.write(MOONS), "-q").code == 0
    multiply(desk.folder / "runs/config", settings, seeds)
    command = [sys.executable, "-c", MEASURE, "report"]
    answer = subprocess.run(command, cwd=desk.folder, capture_output=True, text=True, check=True)
    code, seconds, megabytes = answer.stderr.split()
    table, *_ = answer.stdout.split("\n\n")
    assert (code, len(table.splitlines())) == ("0", settings + 3)
    assert float(seconds) < most_seconds
    assert float(megabytes) < most_megabytes
