"""One wide run on all cores: nnlab with one thread and with all, beside JAX and PyTorch."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean

from jobs import WIDE, Job
from machine import PEERS, cores, environment
from sitting import Sample, Take, program, sit, spread, table

PROGRAMS = {
    "nnlab": (sys.executable, "train_nnlab.py"),
    "JAX": (PEERS, "train_jax.py"),
    "PyTorch": (PEERS, "train_torch.py"),
}
JOB = Job("1 run of 784-1024-1024-10", WIDE, (1024, 1024), batch=128, epochs=4, seeds=1, strengths=1)


def all_cores(scratch: Path, rounds: int) -> Iterator[str]:
    """Part 6: every program with one thread and with as many as there are cores."""
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
    several = f"nnlab, {cores()} such runs at once"
    takes[several] = side_by_side(takes[called("nnlab", 1)], cores())
    sitting = sit(takes, rounds, JOB.name)
    yield "## 6. One wide run on all cores"
    yield ""
    yield (
        f"{JOB.name}, batch {JOB.batch}, {JOB.epochs} epochs: seconds by the clock in a warm program. "
        "`gain` is one thread / all cores of the same program, and `nnlab / it` compares all cores with all "
        f"cores, round by round ({rounds} rounds). nnlab's weights are the same bits in both lines. Runs of "
        "one thread at once, which share nothing but the machine, show what its cores give: seconds a run."
    )
    yield ""
    rows = []
    for name in PROGRAMS:
        one, most = called(name, 1), called(name, cores())
        alone = [one, f"{sitting.median(one, 'again wall'):.2f}", "", ""]
        gain = spread(sitting.ratios(one, most, "again wall"))
        ours = "" if name == "nnlab" else spread(sitting.ratios(called("nnlab", cores()), most, "again wall"))
        rows += [alone, [most, f"{sitting.median(most, 'again wall'):.2f}", gain, ours]]
    gain = spread(sitting.ratios(called("nnlab", 1), several, "again wall"))
    rows.insert(2, [several, f"{sitting.median(several, 'again wall'):.2f}", gain, ""])
    yield from table(["program", "seconds", "gain", "nnlab / it"], rows)


def side_by_side(take: Take, count: int) -> Take:
    """So many runs of a program at once; the time of one is their mean, divided by their number."""

    def together() -> Sample:
        with ThreadPoolExecutor(count) as pool:
            samples = list(pool.map(lambda _: take(), range(count)))
        return {"again wall": mean(sample["again wall"] for sample in samples) / count}

    return together


def called(name: str, threads: int) -> str:
    """A program as the table calls it."""
    return f"{name}, {threads} thread{'s' if threads > 1 else ''}"
