"""A sitting: programs run in turn, A B C, C B A, A B C, ..., so that what disturbs one disturbs all."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

Sample = Mapping[str, float]
Take = Callable[[], Sample]


@dataclass(frozen=True)
class Sitting:
    """What was measured: for each program one sample a round.

    Args:
        samples: program -> samples; what a sample holds is up to the programs.
    """

    samples: Mapping[str, Sequence[Sample]]

    def median(self, program: str, what: str) -> float:
        """The usual value of a program."""
        return median(sample[what] for sample in self.samples[program])

    def ratios(self, one: str, other: str, what: str, of_other: str = "") -> list[float]:
        """one / other in each round, smallest first."""
        pairs = zip(self.samples[one], self.samples[other], strict=True)
        return sorted(a[what] / b[of_other or what] for a, b in pairs)


def sit(programs: Mapping[str, Take], rounds: int, title: str) -> Sitting:
    """Every program once a round, forth and back."""
    samples: dict[str, list[Sample]] = {name: [] for name in programs}
    for i in range(rounds):
        for name in list(programs) if i % 2 == 0 else reversed(list(programs)):
            print(f"\r{title}: round {i + 1} of {rounds}, {name:30}", end="", file=sys.stderr, flush=True)
            samples[name].append(programs[name]())
    print("\r" + " " * 79, end="\r", file=sys.stderr)
    return Sitting(samples)


def program(command: Sequence[str | Path], environment: Mapping[str, str]) -> Take:
    """A program that prints its times as the last line; `whole` is what it costs from start to end."""

    def take() -> Sample:
        clock, before = time.perf_counter(), _used()
        answer = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
        whole = time.perf_counter() - clock
        if answer.returncode:
            raise SystemExit(f"\n{' '.join(map(str, command))} failed:\n{answer.stderr}")
        return {"whole wall": whole, "whole processor": _used() - before} | _flat(answer.stdout)

    return take


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _flat(output: str) -> dict[str, float]:
    last = output.strip().rpartition("\n")[2]
    told: dict[str, Any] = json.loads(last) if last.startswith("{") else {}
    flat = {}
    for name, value in told.items():
        if isinstance(value, dict):
            flat |= {f"{name} {what}": number for what, number in value.items()}
        else:
            flat[name] = value
    return flat


def spread(values: Sequence[float]) -> str:
    """The median of sorted values, with the smallest and the largest.

    >>> spread([1.0, 2.0, 4.0])
    '2.00 [1.00, 4.00]'
    """
    return f"{median(values):.2f} [{values[0]:.2f}, {values[-1]:.2f}]"


def table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    """Lines of a Markdown table."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""
