"""What a report says in words below its table: one function for each section, empty where it has nothing."""

from collections.abc import Callable

from nnlab.analysis.report import Report
from nnlab.render.verdict import verdicts
from nnlab.render.worth import worths

SECTIONS: tuple[Callable[[Report], str], ...] = (verdicts, worths)


def sections(report: Report) -> list[str]:
    """All sections that have something to say, each with a line break at its end."""
    return [words for section in SECTIONS if (words := section(report))]


def is_aligned(words: str) -> bool:
    """Whether words stand in columns, so that line breaks and spaces must stay.

    >>> is_aligned("epochs  3"), is_aligned("Dropout is better.")
    (True, False)
    """
    return "  " in words
