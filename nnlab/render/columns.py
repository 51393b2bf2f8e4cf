"""The columns that people see of a report: headings, and cells as words."""

import math
from typing import NamedTuple

from nnlab.analysis.comparison import UNKNOWN
from nnlab.analysis.report import Report
from nnlab.render.numbers import number, with_interval
from nnlab.text import one_line


class Column(NamedTuple):
    """One column of a table for people."""

    heading: str
    cells: list[str]
    numeric: bool


def columns(report: Report) -> list[Column]:
    """All columns, without words that are the same in all lines."""
    summary = report.summary
    found: list[Column] = []
    for name in ("experiment", "strategy", "setting"):
        if name == "strategy" or summary[name].nunique() > 1 or (name == "setting" and summary[name].any()):
            found.append(Column(name, [one_line(str(value)) for value in summary[name]], False))
    if is_tuned(report):
        found.append(Column("tried", [str(count) for count in summary["tried"]], True))
    found.append(Column("seeds", [str(count) for count in summary["seeds"]], True))
    if (summary["data_seeds"] != summary["seeds"]).any():
        found.append(Column("data seeds", [str(count) for count in summary["data_seeds"]], True))
    for name in ("diverged", "failed"):
        if summary[name].any():
            found.append(Column(name, [str(count) for count in summary[name]], True))
    if "mark" in summary and summary["mark"].any():
        found.append(Column(f"difference {report.compared}", _with_intervals(report, "difference"), True))
        found.append(Column("", list(summary["mark"]), False))
        found.append(Column("wins", [_percent(share) for share in summary["wins"]], True))
        untold = summary["mark"] == UNKNOWN  # a p that nothing is concluded from
        found.append(Column("p", [number(p, 2) for p in summary["p"].mask(untold)], True))
    found += [Column(name, _with_intervals(report, name), True) for name in report.metrics]
    return found


def is_tuned(report: Report) -> bool:
    """Whether a strategy shows the best of several settings, and only that."""
    tried = report.summary["tried"]
    lines = report.summary.groupby(["experiment", "strategy"])["tried"].transform("size")
    return bool(((tried > 1) & (lines == 1)).any())


def _with_intervals(report: Report, name: str) -> list[str]:
    ends = (report.summary[column] for column in (name, f"{name}_low", f"{name}_high"))
    return [with_interval(*line) for line in zip(*ends, strict=True)]


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.0f} %"
