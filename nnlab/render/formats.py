"""The one table of formats: what `nnlab report --format` can name."""

from collections.abc import Callable
from dataclasses import dataclass

from nnlab.analysis.report import Report
from nnlab.render.html import write_html
from nnlab.render.latex import write_latex
from nnlab.render.machine import write_csv, write_json
from nnlab.render.markdown import write_markdown
from nnlab.render.terminal import write_table


@dataclass(frozen=True)
class Format:
    """One way to write a report.

    Args:
        write: takes the report; returns text.
        help: one phrase for `--help`.
    """

    write: Callable[[Report], str]
    help: str


FORMATS = {
    "table": Format(write_table, "for the terminal"),
    "md": Format(write_markdown, "a Markdown table"),
    "csv": Format(write_csv, "all digits, every metric with the ends of its interval"),
    "json": Format(write_json, "all of it for programs"),
    "latex": Format(write_latex, "a tabular with booktabs"),
    "html": Format(write_html, "one page that works without a network"),
}
