"""`make bench`: nnlab beside scikit-learn, PyTorch and JAX on the same jobs, and what its time goes into."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from jobs import DIGITS, JOBS, Job
from large_table import large_table
from machine import PEERS, ROOT, cores, describe, environment
from reports import reports
from sitting import Sitting, program, sit, spread, table
from wide import all_cores

HERE = Path(__file__).parent
RESULTS = HERE / "results.md"
PROGRAMS = {
    "nnlab": "train_nnlab.py",
    "JAX": "train_jax.py",
    "scikit-learn": "train_sklearn.py",
    "PyTorch": "train_torch.py",
    "PyTorch stacked": "train_torch_stacked.py",
}
COMMAND = Job("64 runs of 64-64-64-10, 10 epochs", DIGITS, (64, 64), epochs=10, few=64)
SWEEP = Job("growth", DIGITS, (64, 64), epochs=10, seeds=10, strengths=10)


def python_of(name: str) -> Path:
    """nnlab lives in the environment of this program, the peers in theirs."""
    return Path(sys.executable) if name == "nnlab" else PEERS


def trainers(job: Job, folder: Path, threads: int, *options: str) -> dict[str, Any]:
    """A program for each system, on the files of a job."""
    folder.mkdir()
    job.write(folder)
    env = environment(threads)
    return {
        name: program([python_of(name), HERE / "programs" / file, folder, *options], env)
        for name, file in PROGRAMS.items()
    }


def one_thread(scratch: Path, rounds: int) -> Iterator[str]:
    """Part 1: training alone, on one thread."""
    yield "## 1. Training, one thread"
    yield ""
    yield (
        "Seconds of processor time in a warm program; `first` is the first training in a program, with "
        "what that costs once: JAX compiles. nnlab also splits and scales its data and measures every run "
        "on training and test rows; the others start from arrays and measure test accuracy alone. "
        "scikit-learn and PyTorch train a few of the 64 runs, one after the other, and their time is "
        "scaled up. The ratio is nnlab / other, round by round: median [smallest, largest]."
    )
    yield ""
    for i, job in enumerate(JOBS.values()):
        sitting = sit(trainers(job, scratch / f"one{i}", 1), rounds, job.name)
        yield f"### {job.name}, batch {job.batch}, {job.epochs} epochs"
        yield ""
        yield from compare(sitting, "again processor", "first processor")


def compare(sitting: Sitting, warm: str, first: str) -> Iterator[str]:
    """One line for each program."""
    rows = []
    for name in sitting.samples:
        ratio = "" if name == "nnlab" else spread(sitting.ratios("nnlab", name, warm))
        rows.append(
            [
                name,
                f"{sitting.median(name, warm):.3f}",
                f"{sitting.median(name, first):.3f}",
                ratio,
                f"{sitting.median(name, 'accuracy'):.3f}",
            ]
        )
    yield from table(["program", "seconds", "first", "nnlab / it", "test accuracy"], rows)


def whole_command(scratch: Path, rounds: int, threads: int) -> Iterator[str]:
    """Parts 2 and 3: from the return key to the last table, with one core or with all."""
    takes = trainers(COMMAND, scratch / f"command{threads}", threads, "--once")
    del takes["PyTorch"], takes["PyTorch stacked"]
    folder = scratch / f"command{threads}"
    nnlab = [
        ROOT / ".venv" / "bin" / "nnlab",
        "sweep",
        folder / "config.yaml",
        "-o",
        folder,
        "--overwrite",
        "-q",
    ]
    takes["nnlab"] = program([*nnlab, *(["-j", "1"] if threads == 1 else [])], environment(threads))
    sitting = sit(takes, rounds, f"whole command, {threads} threads")
    rows = []
    for name in sitting.samples:
        row = [name]
        for what in ("whole wall", "whole processor"):
            ratio = "" if name == "nnlab" else spread(sitting.ratios("nnlab", name, what))
            row += [f"{sitting.median(name, what):.2f}", ratio]
        rows.append(row)
    yield f"### {COMMAND.name}, {'one core' if threads == 1 else f'{threads} cores'}"
    yield ""
    yield from table(["program", "seconds", "nnlab / it", "of the processor", "nnlab / it"], rows)


def commands(scratch: Path, rounds: int) -> Iterator[str]:
    """The whole command, on one core and on all."""
    yield "## 2. The whole command"
    yield ""
    yield (
        "Seconds from the start of the process to its end, by the clock and of the processor (all cores, "
        "user and system): imports, reading, training, results. "
        "nnlab stores every run with its curves and weights and prints the comparison; the scripts print one "
        "accuracy a run."
    )
    yield ""
    for threads in sorted({1, cores()}):
        yield from whole_command(scratch, rounds, threads)


def bound(scratch: Path, rounds: int) -> Iterator[str]:
    """Part 4: how much of a step is matrix products."""
    yield "## 3. The bound: matrix products and nothing else"
    yield ""
    yield (
        "Microseconds of one thread for one run and step. `products` is NumPy's matmul on arrays of the same "
        "shapes and layout, nothing else: less is not possible with this BLAS."
    )
    yield ""
    rows = []
    for i, job in enumerate(JOBS.values()):
        folder = scratch / f"bound{i}"
        folder.mkdir()
        job.write(folder)
        take = program([sys.executable, HERE / "programs" / "share_of_gemm.py", folder], environment(1))
        sitting = sit({"nnlab": take}, max(1, rounds // 2), f"bound, {job.name}")
        gemm, step = (sitting.median("nnlab", name) for name in ("gemm", "step"))
        rows.append([job.name, f"{gemm:.2f}", f"{step:.2f}", f"{gemm / step:.0%}"])
    yield from table(["job", "products", "step", "share"], rows)


def growth(scratch: Path, rounds: int) -> Iterator[str]:
    """Part 5: cost against number of runs, rows, width, epochs, dropout; and memory."""
    yield "## 4. What more costs"
    yield ""
    yield (
        "A sweep of 64-64-64-10 on digits, 100 runs, 10 epochs, batch 32, one thread, planning and measuring "
        "included; then one thing changed. The ratio is to the first line, round by round."
    )
    yield ""
    base = SWEEP
    variants: dict[str, Callable[[], dict[str, Any]]] = {
        "100 runs": lambda: base.config(),
        "10 runs": lambda: replace(base, strengths=1).config(),
        "1,000 runs": lambda: replace(base, strengths=100).config(),
        "half the rows": lambda: replace(base, data=DIGITS | {"train_size": 704}).config(),
        "half the width": lambda: replace(base, hidden=(32, 32)).config(),
        "twice the width": lambda: replace(base, hidden=(128, 128)).config(),
        "twice the epochs": lambda: replace(base, epochs=20).config(),
        "dropout 0.5": lambda: base.config() | {"regularization": {"dropout": 0.5}},
        "without L2": lambda: (
            base.config() | {"sweep": {"seeds": 10, "grid": {"optimizer.learning_rate": base.lambdas()}}}
        ),
        "evaluated every epoch": lambda: (
            base.config() | {"training": base.config()["training"] | {"evaluate_every": 1}}
        ),
    }
    takes = {}
    for i, (name, config) in enumerate(variants.items()):
        folder = scratch / f"growth{i}"
        folder.mkdir()
        (folder / "config.yaml").write_text(json.dumps(config()))
        takes[name] = program([sys.executable, HERE / "programs" / "growth.py", folder], environment(1))
    sitting = sit(takes, rounds, "growth")
    rows = []
    for name in takes:
        ratio = spread(sitting.ratios(name, "100 runs", "processor"))
        peak = f"{sitting.median(name, 'peak MB'):.0f}"
        rows.append([name, f"{sitting.median(name, 'processor'):.2f}", ratio, peak])
    yield from table(["sweep", "seconds", "ratio", "peak MB"], rows)


PARTS = {
    "train": one_thread,
    "command": commands,
    "bound": bound,
    "growth": growth,
    "report": reports,
    "wide": all_cores,
    "table": large_table,
}


def main() -> None:
    """Measures and writes `results.md`."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--rounds", type=int, default=5, help="how often everything is measured (default 5)")
    reader.add_argument("--only", choices=PARTS, action="append", help="a part; results.md stays as it is")
    options = reader.parse_args()
    lines = ["# Measured", "", describe(), f"Medians of {options.rounds} rounds; see README.md.", ""]
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.only or PARTS:
            lines += PARTS[name](Path(scratch), options.rounds)
    text = "\n".join(lines).rstrip() + "\n"
    if options.only is None:
        RESULTS.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
