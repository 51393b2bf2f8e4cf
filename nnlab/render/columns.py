"""The columns that people see of a report: headings, and cells as words."""

from typing import Any, NamedTuple

import pandas as pd

from nnlab.analysis.comparison import UNKNOWN
from nnlab.analysis.report import Report
from nnlab.render.numbers import number, percent, with_interval
from nnlab.text import one_line


class Column(NamedTuple):
    """One column of a table for people."""

    heading: str
    cells: list[str]
    numeric: bool


def columns(report: Report) -> list[Column]:
    """All columns, without words that are the same in all lines."""
    summary = report.listed
    found: list[Column] = []
    for name in ("experiment", "strategy", "setting"):
        if name == "strategy" or summary[name].nunique() > 1 or (name == "setting" and summary[name].any()):
            found.append(Column(name, [one_line(str(value)) for value in summary[name]], False))
    found += [Column(name, [_word(value) for value in summary[name]], False) for name in report.settings]
    found += _of_runs(summary) if report.each_run is not None else _of_lines(report)
    if "mark" in summary and summary["mark"].any():
        found.append(Column(f"difference {report.compared}", _with_intervals(report, "difference"), True))
        found.append(Column("", list(summary["mark"]), False))
        found.append(Column("wins", [percent(share) for share in summary["wins"]], True))
        untold = summary["mark"] == UNKNOWN  # a p that nothing is concluded from
        found.append(Column("p", [number(p, 2) for p in summary["p"].mask(untold)], True))
    found += [Column(name, _with_intervals(report, name), True) for name in report.metrics]
    return found


def _of_lines(report: Report) -> list[Column]:
    """How many runs a line stands for."""
    summary = report.summary
    shown = {
        "tried": is_tuned(report),
        "seeds": True,
        "data_seeds": (summary["data_seeds"] != summary["seeds"]).any(),
        "diverged": summary["diverged"].any(),
        "failed": summary["failed"].any(),
    }
    return [_counted(summary, name) for name, is_shown in shown.items() if is_shown]


def _of_runs(runs: pd.DataFrame) -> list[Column]:
    """Which run a line is."""
    found = [Column("run", list(runs["run"]), False), _counted(runs, "seed")]
    if (runs["data_seed"] != runs["seed"]).any():
        found.append(_counted(runs, "data_seed"))
    if (runs["status"] != "completed").any():
        found.append(Column("status", list(runs["status"]), False))
    return found


def _counted(lines: pd.DataFrame, name: str) -> Column:
    return Column(name.replace("_", " "), [str(count) for count in lines[name]], True)


def choice(report: Report) -> str:
    """How strategies that show one of several settings came by it, as a sentence; nothing if none does."""
    if not is_tuned(report):
        return ""
    if not (report.runs["status"] == "completed").any():
        return "No run completed: of the settings it tried, each strategy shows the simplest."
    metrics = " or ".join(dict.fromkeys(report.runs["chosen_by"]))
    words = f"Of the settings it tried, each strategy shows the one with the best mean {metrics}."
    if metrics.startswith("train_"):
        words += " There are no validation rows: that favours the weakest fix."
    return words


def is_tuned(report: Report) -> bool:
    """Whether a strategy shows the best of several settings, and only that."""
    tried = report.summary["tried"]
    lines = report.summary.groupby(["experiment", "strategy"])["tried"].transform("size")
    return bool(((tried > 1) & (lines == 1)).any())


def _word(value: Any) -> str:
    """A setting in a cell of its own; lists are text already."""
    missing = value is None or value != value
    return "-" if missing else one_line(value) if isinstance(value, str) else f"{value:g}"


def _with_intervals(report: Report, name: str) -> list[str]:
    if report.each_run is not None:
        return [number(value) for value in report.each_run[name].tolist()]
    ends = (report.summary[column].tolist() for column in (name, f"{name}_low", f"{name}_high"))
    return [with_interval(*line) for line in zip(*ends, strict=True)]
