"""A report for the terminal: a table, best first, and what it says in words."""

from rich.cells import cell_len

from nnlab.analysis.report import Report
from nnlab.render.columns import Column, columns, is_tuned
from nnlab.render.sections import sections

GAP = "  "
HEADING_LINES = 2
TRIED = """
Of the settings it tried, each strategy shows the best by validation; report --all shows every one.
"""


def write_table(report: Report) -> str:
    """Best first, the headings of metrics on two lines; never cut, a narrow terminal wraps it."""
    tuned = TRIED if is_tuned(report) else ""
    return _table(columns(report)) + tuned + "".join(f"\n{words}" for words in sections(report))


def _table(shown: list[Column]) -> str:
    """Columns side by side. Ten thousand lines take 0.1 s, where the tables of rich take ten."""
    cells = [_aligned([*_heading(column), *column.cells], column.numeric) for column in shown]
    lines = [GAP.join(line).rstrip() for line in zip(*cells, strict=True)]
    rule = "─" * cell_len(GAP.join(column[0] for column in cells))
    return "\n".join([*lines[:HEADING_LINES], rule, *lines[HEADING_LINES:]]) + "\n"


def _heading(column: Column) -> list[str]:
    apart = " " if " " in column.heading else "_"
    lines = column.heading.split(apart, 1) if column.numeric else [column.heading]
    return [""] * (HEADING_LINES - len(lines)) + lines


def _aligned(cells: list[str], right: bool) -> list[str]:
    """Cells of one width on the screen, where some characters take two places."""
    lengths = [cell_len(cell) for cell in cells]
    width = max(lengths)
    spaces = [" " * (width - length) for length in lengths]
    pairs = zip(cells, spaces, strict=True)
    return [space + cell if right else cell + space for cell, space in pairs]
