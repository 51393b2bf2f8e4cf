"""The least that a report can be: pandas reads runs.csv and prints the means of every strategy."""

import json
import sys
from pathlib import Path

import pandas as pd
from memory import peak_megabytes


def report() -> None:
    """Reads, takes means, and prints them, to nowhere."""
    runs = pd.read_csv(Path(sys.argv[1]) / "runs.csv")
    means = runs.groupby("strategy", sort=False).mean(numeric_only=True)
    Path("/dev/null").write_text(means.to_string())
    print(json.dumps({"peak MB": peak_megabytes()}))


report()
