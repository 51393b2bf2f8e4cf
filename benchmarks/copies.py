"""Many runs without training them: copies of a stored one."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path


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
                own = {"run": f"{i}-{seed}", "seed": seed, "settings": text, "val_loss": i + seed / 9}
                run = stored | own
                places = ", ".join("?" * len(run))
                database.execute(f"INSERT INTO runs VALUES ({places})", list(run.values()))
                member = (run["run"], f"l2={i / 7:g}", i * seeds + seed, 0, 1)
                database.execute("INSERT INTO strategies VALUES (?, ?, ?, ?, ?)", member)
