"""One wide run on all cores: nnlab with one thread and with all, beside JAX and PyTorch."""

import sys
from collections.abc import Iterator
from pathlib import Path

from jobs import WIDE, Job
from machine import PEERS, cores, environment
from sitting import program, sit, spread, table

PROGRAMS = {
    "nnlab": (sys.executable, "train_nnlab.py"),
    "JAX": (PEERS, "train_jax.py"),
    "PyTorch": (PEERS, "train_torch.py"),
}
JOB = Job("1 run of 784-1024-1024-10", WIDE, (1024, 1024), batch=128, epochs=4, seeds=1, strengths=1)


def all_cores(scratch: Path, rounds: int) -> Iterator[str]:
    """Part 7: every program with one thread and with as many as there are cores."""
    folder = scratch / "wide"
    folder.mkdir()
    JOB.write(folder)
    takes = {
        called(name, threads): program(
            [python, Path(__file__).parent / "programs" / file, folder], environment(threads)
        )
        for name, (python, file) in PROGRAMS.items()
        for threads in (1, cores())
    }
    sitting = sit(takes, rounds, JOB.name)
    yield "## 6. One wide run on all cores"
    yield ""
    yield (
        f"{JOB.name}, batch {JOB.batch}, {JOB.epochs} epochs: seconds by the clock in a warm program. "
        "`gain` is one thread / all cores of the same program, and `nnlab / it` compares all cores with all "
        f"cores, round by round ({rounds} rounds). nnlab's weights are the same bits in both lines."
    )
    yield ""
    rows = []
    for name in PROGRAMS:
        one, most = called(name, 1), called(name, cores())
        alone = [one, f"{sitting.median(one, 'again wall'):.2f}", "", ""]
        gain = spread(sitting.ratios(one, most, "again wall"))
        ours = "" if name == "nnlab" else spread(sitting.ratios(called("nnlab", cores()), most, "again wall"))
        rows += [alone, [most, f"{sitting.median(most, 'again wall'):.2f}", gain, ours]]
    yield from table(["program", "seconds", "gain", "nnlab / it"], rows)


def called(name: str, threads: int) -> str:
    """A program as the table calls it."""
    return f"{name}, {threads} thread{'s' if threads > 1 else ''}"
