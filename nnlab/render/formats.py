"""Formats: a frame as text for the terminal, Markdown, CSV or JSON, one function each."""

import io
import json
import math
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from nnlab.render.numbers import number, with_interval
from nnlab.text import csv_text, one_line

TRIED = """
Of the settings it tried, each strategy shows the best by validation; report --all shows every one.
"""


@dataclass(frozen=True)
class Format:
    """One way to write a summary.

    Args:
        write: takes the summary and the metrics that people compare by; returns text.
        help: one phrase for `--help`.
    """

    write: Callable[[pd.DataFrame, list[str]], str]
    help: str


def _columns(summary: pd.DataFrame, metrics: list[str]) -> list[tuple[str, list[str], bool]]:
    """What people see: heading, cells, whether they are numbers; no words that are the same in all lines."""
    columns: list[tuple[str, list[str], bool]] = []
    for name in ("experiment", "strategy", "setting"):
        if name == "strategy" or summary[name].nunique() > 1 or (name == "setting" and summary[name].any()):
            columns.append((name, [one_line(str(value)) for value in summary[name]], False))
    if (summary["tried"] > 1).any():
        columns.append(("tried", [str(count) for count in summary["tried"]], True))
    columns.append(("seeds", [str(count) for count in summary["seeds"]], True))
    for name in ("diverged", "failed"):
        if summary[name].any():
            columns.append((name, [str(count) for count in summary[name]], True))
    if "mark" in summary and summary["mark"].any():
        ends = zip(summary["difference"], summary["difference_low"], summary["difference_high"], strict=True)
        cells = [with_interval(*line) for line in ends]
        columns.append((f"difference {summary['compared'].iloc[0]}", cells, True))
        columns.append(("", list(summary["mark"]), False))
    for name in metrics:
        ends = zip(summary[name], summary[f"{name}_low"], summary[f"{name}_high"], strict=True)
        columns.append((name, [with_interval(*line) for line in ends], True))
    return columns


def write_table(summary: pd.DataFrame, metrics: list[str]) -> str:
    """For the terminal: best first, the headings of metrics on two lines."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    columns = _columns(summary, metrics)
    for heading, _, numeric in columns:
        words = Text(heading.replace("_", "\n", 1) if numeric else heading)
        table.add_column(words, justify="right" if numeric else "left", no_wrap=numeric)
    for line in zip(*(cells for _, cells, _ in columns), strict=True):
        table.add_row(*map(Text, line))
    console = Console(file=io.StringIO(), width=_width(columns), color_system=None)
    with console.capture() as capture:
        console.print(table)
    text = "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"
    return text + (TRIED if (summary["tried"] > 1).any() else "")


def _width(columns: list[tuple[str, list[str], bool]]) -> int:
    """Room for the widest cells: a table is never cut; a narrow terminal wraps it."""
    return sum(max(map(len, [heading, *cells])) + 3 for heading, cells, _ in columns) + 2


def write_markdown(summary: pd.DataFrame, metrics: list[str]) -> str:
    """For a README: a pipe table."""
    columns = _columns(summary, metrics)
    lines = [
        [heading for heading, _, _ in columns],
        ["---:" if numeric else ":---" for _, _, numeric in columns],
        *(
            [_markdown(cell) for cell in line]
            for line in zip(*(cells for _, cells, _ in columns), strict=True)
        ),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _markdown(cell: str) -> str:
    for character in "\\|`*_[]<>":
        cell = cell.replace(character, f"\\{character}")
    return cell


def write_csv(summary: pd.DataFrame, metrics: list[str]) -> str:
    """For other programs: every metric with the ends of its interval, all digits."""
    safe = summary.copy()
    for name in summary.columns:
        safe[name] = [csv_text(value) if isinstance(value, str) else value for value in summary[name]]
    return safe.to_csv(index=False, lineterminator="\n")


def write_json(summary: pd.DataFrame, metrics: list[str]) -> str:
    """For other programs: {"version": 1, "rows": [{column: value}]}, null where there is no number."""
    rows = [
        {
            str(key): None if isinstance(value, float) and pd.isna(value) else value
            for key, value in row.items()
        }
        for row in summary.to_dict("records")
    ]
    return json.dumps({"version": 1, "rows": rows}, indent=2, allow_nan=False) + "\n"


def _json(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


FORMATS = {
    "table": Format(write_table, "for the terminal"),
    "md": Format(write_markdown, "a Markdown table"),
    "csv": Format(write_csv, "all digits, every metric with the ends of its interval"),
    "json": Format(write_json, "the same for programs"),
}


def pairs(lines: list[tuple[str, str]]) -> str:
    """Two columns of words, aligned.

    >>> print(pairs([("gap", "0.1"), ("best epoch", "3")]), end="")
    gap         0.1
    best epoch  3
    """
    width = max(len(name) for name, _ in lines)
    return "".join(f"{name:<{width}}  {value}\n" for name, value in lines)


def number_table(headings: list[str], lines: list[tuple[str, list[float]]]) -> str:
    """A small table of numbers with a name before each line.

    >>> print(number_table(["loss"], [("train", [0.5]), ("val", [0.25])]), end="")
             loss
    train  0.5000
    val    0.2500
    """
    cells = [[name, *map(number, values)] for name, values in lines]
    rows = [["", *headings], *cells]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    text = ""
    for first, *rest in rows:
        padded = [f"{cell:>{width}}" for cell, width in zip(rest, widths[1:], strict=True)]
        text += "  ".join([f"{first:<{widths[0]}}", *padded]) + "\n"
    return text
