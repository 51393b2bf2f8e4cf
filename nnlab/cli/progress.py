"""Progress of long work, on stderr: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self

from nnlab.cli.output import is_terminal, tell
from nnlab.render.numbers import percent
from nnlab.text import one_line

SECONDS_BETWEEN_LINES = 10.0


class Bar:
    """Shows a share of the work, the time left, and a few words; use it in a `with` statement."""

    def __init__(self, title: str, quiet: bool) -> None:
        self._title, self._quiet = title, quiet
        self._started = self._told = time.monotonic()

    def __enter__(self) -> Self:
        self._started = self._told = time.monotonic()
        self._live = None
        if not self._quiet and is_terminal():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._live = Progress(
                TextColumn(self._title, markup=False),
                BarColumn(),
                TextColumn("{task.percentage:3.0f} %", markup=False),
                TimeRemainingColumn(),
                TextColumn("{task.description}", markup=False),
                console=Console(file=sys.stderr),
                transient=True,
            )
            self._task = self._live.add_task("", total=1.0)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, words: str) -> None:
        """Tell once what is about to happen."""
        if self._live is not None:
            self._live.console.print(one_line(words), markup=False, highlight=False)
        elif not self._quiet:
            tell(words)

    def update(self, share: float, words: str) -> None:
        """Show how far the work is.

        Args:
            share: from 0 to 1.
            words: what else is worth knowing.
        """
        if self._live is not None:
            self._live.update(self._task, completed=share, description=one_line(words))
            return
        now = time.monotonic()
        if not self._quiet and now - self._told >= SECONDS_BETWEEN_LINES:
            self._told = now
            left = f", about {(now - self._started) * (1 - share) / share:.0f} s left" if share > 0 else ""
            tell(f"{self._title} {percent(share)}{left}: {words}")
