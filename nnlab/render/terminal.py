"""A report for the terminal: a table, best first, and what it says in words."""

import io

from nnlab.analysis.report import Report
from nnlab.render.columns import Column, columns, is_tuned
from nnlab.render.sections import sections

TRIED = """
Of the settings it tried, each strategy shows the best by validation; report --all shows every one.
"""


def write_table(report: Report) -> str:
    """Best first, the headings of metrics on two lines."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    shown = columns(report)
    for heading, _, numeric in shown:
        words = Text(heading.replace("_", "\n", 1) if numeric else heading)
        table.add_column(words, justify="right" if numeric else "left", no_wrap=numeric)
    for line in zip(*(column.cells for column in shown), strict=True):
        table.add_row(*map(Text, line))
    console = Console(file=io.StringIO(), width=_width(shown), color_system=None)
    with console.capture() as capture:
        console.print(table)
    text = "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"
    text += TRIED if is_tuned(report) else ""
    return text + "".join(f"\n{words}" for words in sections(report))


def _width(shown: list[Column]) -> int:
    """Room for the widest cells: a table is never cut; a narrow terminal wraps it."""
    return sum(max(map(len, [column.heading, *column.cells])) + 3 for column in shown) + 2
