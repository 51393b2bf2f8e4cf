"""A table of a million rows, in a program of its own: how much memory it takes, and that it is read once."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROWS, COLUMNS = 1_000_000, 30
TABLE = 4 * ROWS * COLUMNS  # bytes as float32

COMMAND = """
import resource, sys
from nnlab.cli.main import run

if __name__ == "__main__":
    code = run(sys.argv[1:])
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(code, 1024 * max(peaks))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(10_000, COLUMNS - 1))
    lines = "".join(",".join(map(repr, row)) + f",{'pq'[int(row[0] > 0)]}\n" for row in x.tolist())
    with (folder / "t.csv").open("w") as file:
        file.write(",".join(f"x{i}" for i in range(COLUMNS - 1)) + ",y\n")
        for _ in range(ROWS // len(x)):
            file.write(lines)
    config = "data: {source: csv, path: t.csv, target: y}\nmodel: {hidden: [8]}\n"
    (folder / "config.yaml").write_text(config + "training: {epochs: 1, batch_size: 1000}\n")
    (folder / "command.py").write_text(COMMAND)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [["train"], ["train", "--overwrite"], ["sweep", "--seeds", "3", "-j", "2"], ["sweep", "-j", "1"]],
)
def test_every_process_stays_below_three_times_the_table(folder: Path, arguments: list[str]) -> None:
    known = (folder / "runs").exists()
    command = [sys.executable, "command.py", arguments[0], "config.yaml", *arguments[1:]]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    code, peak = map(int, answer.stdout.splitlines()[-1].split())
    assert code == 0
    assert peak < 3 * TABLE
    assert ("reading t.csv" in answer.stderr) != known
