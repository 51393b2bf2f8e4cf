"""What a report says in words below its table: one function for each section, empty where it has nothing."""

import re
from collections.abc import Callable

from nnlab.analysis.report import Report
from nnlab.render.decomposition import decompositions
from nnlab.render.diagnosis import diagnosis_section
from nnlab.render.verdict import verdicts
from nnlab.render.worth import worths

SECTIONS: dict[str, Callable[[Report], str]] = {
    "Verdict": verdicts,
    "What fixes are worth in data": worths,
    "Diagnosis": diagnosis_section,
    "Bias and variance": decompositions,
}


def sections(report: Report) -> list[str]:
    """The paragraphs of all sections that have something to say, each with a line break at its end."""
    words = "\n\n".join(section(report).rstrip("\n") for section in SECTIONS.values())
    return [f"{paragraph}\n" for paragraph in words.split("\n\n") if paragraph]


def is_aligned(words: str) -> bool:
    """Whether words stand in columns, so that line breaks and spaces must stay.

    >>> is_aligned("epochs  3"), is_aligned("Dropout is better.")
    (True, False)
    """
    return "  " in words


def in_cells(words: str) -> list[list[str]]:
    """Words that stand in columns, line by line and cell by cell; empty if they are no regular table.

    >>> in_cells("loss    0.1\\nmy fix  0.2"), in_cells("one  line\\nwith a name")
    ([['loss', '0.1'], ['my fix', '0.2']], [])
    """
    lines = [re.split(" {2,}", line.strip()) for line in words.splitlines()]
    return lines if len({len(line) for line in lines}) == 1 and len(lines[0]) > 1 else []
