"""A report of very many runs has all of them, or says what it leaves out, and needs little memory."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from nnlab.render.html import LINES
from tests.cli import MOONS, Desk

multiply = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "copies.py"))["multiply"]
MEASURE = """
import resource, sys
from nnlab.cli import main
code = main.run(sys.argv[1:])
print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, file=sys.stderr)
"""


def desk_with(desk: Desk, settings: int, seeds: int) -> Desk:
    """A desk with the results of so many runs."""
    assert desk.nnlab("sweep", desk.write(MOONS), "-q").code == 0
    multiply(desk.folder / "runs/config", settings, seeds)
    return desk


def test_two_thousand_settings_are_in_every_format_or_it_says_how_many_are_not(desk: Desk) -> None:
    many = desk_with(desk, 2000, 1)
    table, *_, diagnoses = many.nnlab("report").stdout.split("\n\n")
    assert len(table.splitlines()) == 2000 + 3
    assert "(2,000 of 2,000)" in diagnoses
    assert many.nnlab("report", "-f", "md").stdout.count("\n| l2") == 2000
    assert many.nnlab("report", "-f", "latex").stdout.count("\nl2=") == 2000
    assert many.nnlab("report", "-f", "csv").stdout.count("\nconfig,") == 2000
    document = many.nnlab("report", "-f", "json").stdout
    told = json.loads(document)
    assert document == json.dumps(told, indent=2) + "\n"
    assert len(told["rows"]) == len(told["diagnoses"]) == 2000
    page = many.nnlab("report", "-f", "html").stdout
    assert f"the first {LINES:,} lines" in page
    assert "1,000 more lines" in page


def test_the_first_lines_are_those_of_the_whole_table(desk: Desk) -> None:
    many = desk_with(desk, 300, 2)
    whole, top = (many.nnlab("report", "-f", "csv", *option).stdout for option in ([], ["-n", "7"]))
    assert top.splitlines() == whole.splitlines()[:8]


@pytest.mark.slow
@pytest.mark.parametrize(("settings", "seeds", "most_megabytes"), [(100, 100, 300), (10_000, 1, 400)])
def test_ten_thousand_runs_take_little_memory(
    desk: Desk, settings: int, seeds: int, most_megabytes: float
) -> None:
    many = desk_with(desk, settings, seeds)
    command = [sys.executable, "-c", MEASURE, "report"]
    answer = subprocess.run(command, cwd=many.folder, capture_output=True, text=True, check=True)
    code, megabytes = answer.stderr.split()
    table, *_ = answer.stdout.split("\n\n")
    assert (code, len(table.splitlines())) == ("0", settings + 3)
    assert float(megabytes) < most_megabytes
