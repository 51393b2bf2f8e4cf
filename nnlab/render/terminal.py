"""A report for the terminal: a table, best first, and what it says in words."""

from collections.abc import Sequence

from nnlab.analysis.report import Report
from nnlab.render.cells import cell_len, left, right
from nnlab.render.columns import Column, choice, columns
from nnlab.render.sections import sections

GAP = "  "
HEADING_LINES = 2


def write_table(report: Report) -> str:
    """Best first, the headings of metrics on two lines; never cut, a narrow terminal wraps it."""
    words = choice(report)
    tuned = f"\n{words} (report --all shows all.)\n" if words else ""
    table = _table(columns(report), _ends(report))
    return table + tuned + "".join(f"\n{words}" for words in sections(report))


def _ends(report: Report) -> list[int]:
    """Before which lines an experiment begins; none where their lines do not stand together."""
    names = list(report.listed["experiment"])
    found = [i for i in range(1, len(names)) if names[i] != names[i - 1]]
    return found if len(found) == len(set(names)) - 1 else []


def _table(shown: list[Column], ends: Sequence[int]) -> str:
    """Columns side by side, an empty line before each line of `ends`.

    Ten thousand lines take 0.1 s, where the tables of rich take ten.
    """
    cells = [_aligned([*_heading(column), *column.cells], column.numeric) for column in shown]
    lines = [GAP.join(line).rstrip() for line in zip(*cells, strict=True)]
    rule = "─" * cell_len(GAP.join(column[0] for column in cells))
    lines.insert(HEADING_LINES, rule)
    for end in reversed(ends):
        lines.insert(HEADING_LINES + 1 + end, "")
    short = not lines[0]  # all headings have one line
    return "\n".join(lines[short:]) + "\n"


def _heading(column: Column) -> list[str]:
    apart = " " if " " in column.heading else "_"
    lines = column.heading.split(apart, 1) if column.numeric else [column.heading]
    return [""] * (HEADING_LINES - len(lines)) + lines


def _aligned(cells: list[str], numeric: bool) -> list[str]:
    width = max(map(cell_len, cells))
    return [right(cell, width) if numeric else left(cell, width) for cell in cells]
