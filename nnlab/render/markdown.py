"""A report in Markdown, for a README or notes."""

from nnlab.analysis.report import Report
from nnlab.render.columns import columns
from nnlab.render.sections import sections


def write_markdown(report: Report) -> str:
    """A pipe table, and what it says in words."""
    shown = columns(report)
    lines = [
        [column.heading for column in shown],
        ["---:" if column.numeric else ":---" for column in shown],
        *([escaped(cell) for cell in line] for line in zip(*(column.cells for column in shown), strict=True)),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + sections(report)


def escaped(cell: str) -> str:
    """Text that Markdown shows as it is.

    >>> print(escaped("a|b"))
    a\\|b
    """
    for character in "\\|`*_[]<>":
        cell = cell.replace(character, f"\\{character}")
    return cell
