"""What a report says in words below its table: one function for each section, empty where it has nothing."""

from collections.abc import Callable

from nnlab.analysis.report import Report
from nnlab.render.verdict import verdicts

SECTIONS: tuple[Callable[[Report], str], ...] = (verdicts,)


def sections(report: Report) -> str:
    """All sections that have something to say, an empty line before each."""
    return "".join(f"\n{words}" for section in SECTIONS if (words := section(report)))
