"""What a report says in words below its table: one function for each section, empty where it has nothing."""

from collections.abc import Callable

from nnlab.analysis.report import Report
from nnlab.render.decomposition import decompositions
from nnlab.render.diagnosis import diagnosis_section
from nnlab.render.verdict import verdicts
from nnlab.render.worth import worths

SECTIONS: tuple[Callable[[Report], str], ...] = (verdicts, worths, diagnosis_section, decompositions)


def sections(report: Report) -> list[str]:
    """The paragraphs of all sections that have something to say, each with a line break at its end."""
    words = "\n\n".join(section(report).rstrip("\n") for section in SECTIONS)
    return [f"{paragraph}\n" for paragraph in words.split("\n\n") if paragraph]


def is_aligned(words: str) -> bool:
    """Whether words stand in columns, so that line breaks and spaces must stay.

    >>> is_aligned("epochs  3"), is_aligned("Dropout is better.")
    (True, False)
    """
    return "  " in words
