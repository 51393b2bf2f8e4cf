"""Reports of very many runs: what `nnlab report` takes, beside the least that pandas does with them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from copies import multiply
from machine import ROOT, environment
from sitting import program, sit, spread, table

from nnlab.store.exports import runs_csv
from nnlab.store.reading import read

PROGRAMS = Path(__file__).parent / "programs"
NNLAB = ROOT / ".venv" / "bin" / "nnlab"
CONFIG = {
    "name": "runs",
    "data": {"source": "moons", "samples": 100},
    "model": {"hidden": [8]},
    "training": {"epochs": 3},
    "sweep": {"seeds": 1, "grid": {"regularization.l2": [0, 1]}},
}
SIZES = ((100, 100), (10_000, 1), (100, 1_000), (100_000, 1))  # settings, seeds
FORMATS = ("md", "csv", "json", "latex", "html")


def store(folder: Path, settings: int, seeds: int) -> Path:
    """The results of a sweep with so many settings and seeds, and where they are."""
    folder.mkdir()
    (folder / "config.yaml").write_text(json.dumps(CONFIG))
    command = [NNLAB, "sweep", folder / "config.yaml", "-o", folder, "-q"]
    subprocess.run(command, capture_output=True, check=True)
    results = folder / str(CONFIG["name"])
    multiply(results, settings, seeds)
    (results / "runs.csv").write_text(runs_csv(read(results), ()))
    return results


def reports(scratch: Path, rounds: int) -> Iterator[str]:
    """Part 5: reports of very many runs, in time and memory."""
    yield "## 5. Reports of very many runs"
    yield ""
    yield (
        "Seconds of the processor for the whole command, and the peak of its memory. pandas reads runs.csv, "
        "takes the means of every strategy and prints them: no intervals, no comparison, no diagnosis. The "
        "ratio is nnlab / pandas, round by round."
    )
    yield ""
    rows = []
    for settings, seeds in SIZES:
        folder = store(scratch / f"report{settings}x{seeds}", settings, seeds)
        formats = ("table", *FORMATS) if (settings, seeds) == (10_000, 1) else ("table",)
        takes = {"pandas": program([sys.executable, PROGRAMS / "report_pandas.py", folder], environment(1))}
        for name in formats:
            command = [sys.executable, PROGRAMS / "report_nnlab.py", folder, "-f", name]
            takes[name] = program(command, environment(1))
        sitting = sit(takes, rounds, f"report of {settings} x {seeds}")
        what = f"{settings:,} settings, {seeds:,} seed{'s' if seeds > 1 else ''}"
        for name in takes:
            seconds = f"{sitting.median(name, 'whole processor'):.2f}"
            ratio = "" if name == "pandas" else spread(sitting.ratios(name, "pandas", "whole processor"))
            who = name if name == "pandas" else f"nnlab, {name}"
            rows.append([what, who, seconds, ratio, f"{sitting.median(name, 'peak MB'):.0f}"])
    yield from table(["runs", "program", "seconds", "ratio", "peak MB"], rows)
