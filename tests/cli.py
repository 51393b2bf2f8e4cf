"""Runs `nnlab` for tests: in this process, as the program itself would be called."""

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

from nnlab.cli import main

MOONS = """
data: {source: moons, samples: 100}
model: {hidden: [8]}
training: {epochs: 3}
sweep: {seeds: 2, grid: {regularization.l2: [0, 1]}}
"""


@dataclass(frozen=True)
class Answer:
    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Desk:
    """A folder to work in."""

    folder: Path

    def write(self, text: str, name: str = "config.yaml") -> str:
        (self.folder / name).write_text(text)
        return name

    def nnlab(self, *arguments: str) -> Answer:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main.run(arguments)
        return Answer(code, out.getvalue(), err.getvalue())

    @property
    def experiments(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("runs/*"))
