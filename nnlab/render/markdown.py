"""A report in Markdown, for a README or notes: nothing in it can be more than text."""

import re

from nnlab.analysis.report import Report
from nnlab.render.columns import columns
from nnlab.render.sections import is_aligned, sections

# Every sign that means something inside a line, in CommonMark, in GitHub's tables and mathematics, or in
# the templates of site builders.
_SIGNS = re.compile(r"[\\`*_{}\[\]<>&|~$^]")
# What makes a heading, a list or an underlined heading of a line that begins with it.
_OPENING = re.compile(r"^(\d*)([-+=#.)])")


def write_markdown(report: Report) -> str:
    """A pipe table, and what it says in words."""
    shown = columns(report)
    lines = [
        [escaped(column.heading) for column in shown],
        ["---:" if column.numeric else ":---" for column in shown],
        *([escaped(cell) for cell in line] for line in zip(*(column.cells for column in shown), strict=True)),
    ]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return table + "".join(f"\n{_paragraph(words)}" for words in sections(report))


def escaped(text: str) -> str:
    """One line of text that Markdown shows as it is.

    >>> print(escaped("a|b"), escaped("[x](http)"))
    a\\|b \\[x\\](http)
    """
    return _SIGNS.sub(r"\\\g<0>", text)


def _paragraph(words: str) -> str:
    """Prose as it is; columns as code, which indentation keeps and nothing inside can end."""
    if is_aligned(words):
        return "".join(f"    {line}\n" if line else "\n" for line in words.splitlines())
    return "".join(_OPENING.sub(r"\1\\\2", escaped(line)) + "\n" for line in words.splitlines())
