"""A report as one HTML file: the verdict first, then the table, the pictures, the settings and the origin."""

import datetime
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd

import nnlab
from nnlab.analysis.report import Report
from nnlab.metrics import higher_is_better
from nnlab.render.columns import Column, choice, columns
from nnlab.render.configs import config_texts
from nnlab.render.inline import inline_svg
from nnlab.render.numbers import number
from nnlab.render.page import fill
from nnlab.render.sections import SECTIONS, in_cells, is_aligned
from nnlab.render.verdict import sentences, verdicts
from nnlab.store.files import DATABASE
from nnlab.text import count_of, one_line

LINES = 1000  # more are of no use to a reader; the other formats have all of them
COUNTS = ("tried", "seeds", "data seeds", "diverged", "failed")
MARKS = {
    "+": ("better", "+ better"),
    "-": ("worse", "− worse"),
    "=": ("same", "= within noise"),
    "?": ("unknown", "? too few seeds"),
}
LEGEND = (
    (
        "A line",
        "One strategy or setting, trained once for each seed: another split, other first weights, another "
        "order of the batches. Lines with the same seed share all three.",
    ),
    ("0.177 ± 0.025", "The mean over the seeds, and half the width of its 95 % interval."),
    (
        "train, val, test",
        "The rows a network learned from, those that chose the setting, and those that were met once, at the "
        "end. All three losses are measured alike: dropout off, penalty left out.",
    ),
    (
        "gap",
        "test loss - train loss: what learning by heart costs on rows not seen before. Without test rows: "
        "val loss - train loss.",
    ),
    ("difference", "The mean over seeds of this line - the baseline, seed by seed, with its 95 % interval."),
    ("+ better, − worse", "More than noise: p is at most 0.05, adjusted for the number of strategies."),
    ("= within noise", "A difference of this size may be luck."),
    ("? too few seeds", "No result of so few seeds could be told from luck."),
    ("tried", "How many settings the strategy had to choose from, never by test rows."),
)


class Cell(NamedTuple):
    """A cell of the table: its text, what follows the ±, and the class of its mark."""

    text: str
    half: str
    numeric: bool
    mark: str


class Part(NamedTuple):
    """A part of a section: lines of a table, or words, which may stand in columns of their own."""

    words: str
    headings: list[str]
    lines: list[list[str]]
    aligned: bool


class Line(NamedTuple):
    """A line of the table, with the one of its cells that holds a mark: phones show it beside the name."""

    cells: list[Cell]
    marked: Cell | None


def write_html(report: Report) -> str:
    """The whole page; without a network, and readable without its script."""
    shown = _compared_first(columns(report))
    experiments = [one_line(str(name)) for name in report.summary["experiment"].unique()]
    context = {
        "version": nnlab.__version__,
        "title": ", ".join(experiments),
        "many": len(experiments) > 1,
        "verdicts": _headlines(report),
        "facts": _facts(report),
        "order": _order(report),
        "columns": [column._replace(heading=_heading(column)) for column in shown],
        "name_column": [column.heading for column in shown].index("strategy"),
        "lines": [_line([*map(_cell, shown, line)]) for line in _lines(shown)],
        "notes": list(_notes(report)),
        "pictures": _pictures(report),
        "sections": list(_sections(report)),
        "settings_note": "What was trained, every default filled in. The first settings are those that vary.",
        "configs": config_texts(report, LINES),
        "legend": LEGEND,
        "origin": list(_origin(report)),
    }
    return fill(context)


def _compared_first(shown: Sequence[Column]) -> list[Column]:
    """The columns with those last that count runs: a phone shows the difference unscrolled."""
    return sorted(shown, key=lambda column: column.heading in COUNTS)


def _headlines(report: Report) -> list[tuple[str, str]]:
    """The verdict of each experiment; where nothing is compared, its best line."""
    words = sentences(report)
    return [
        (one_line(str(name)), words.get(str(name)) or _best(own, report.order_by))
        for name, own in report.summary.groupby("experiment", sort=False)
    ]


def _best(own: pd.DataFrame, metric: str) -> str:
    if metric not in own or own[metric].isna().all():
        return f"No line has a {metric}, which would say which is best."
    best = own.sort_values(metric, ascending=not higher_is_better(metric)).iloc[0]
    lines = count_of(len(own), "line")
    return one_line(f"{best['strategy']} is the best of {lines} by {metric}, {number(best[metric], 3)}.")


def _order(report: Report) -> str:
    """How the lines are ordered, if best first: they may be sorted by something else."""
    values = report.summary.get(report.order_by, pd.Series(dtype=float)).dropna()
    best_first = (
        values.is_monotonic_decreasing
        if higher_is_better(report.order_by)
        else values.is_monotonic_increasing
    )
    return f"Best by {report.order_by} first." if len(values) and best_first else ""


def _facts(report: Report) -> list[tuple[str, str]]:
    runs = report.runs
    counts = runs["status"].value_counts()
    found = [
        ("Strategies", f"{runs['strategy'].nunique():,}"),
        ("Runs", f"{runs['run'].nunique():,}"),
        ("Seeds", f"{runs['seed'].nunique():,}"),
    ]
    return found + [
        (word.capitalize(), f"{counts[word]:,}") for word in ("diverged", "failed") if word in counts
    ]


def _heading(column: Column) -> str:
    return column.heading.replace("_", " ") or "mark"


def _cell(column: Column, text: str) -> Cell:
    if not column.heading and text in MARKS:
        name, words = MARKS[text]
        return Cell(words, "", False, name)
    text, _, half = text.partition(" ± ") if column.numeric else (text, "", "")
    return Cell(text, half, column.numeric, "")


def _line(own: list[Cell]) -> Line:
    return Line(own, next((cell for cell in own if cell.mark), None))


def _lines(shown: Sequence[Column]) -> Iterator[tuple[str, ...]]:
    return zip(*(column.cells[:LINES] for column in shown), strict=True)


def _notes(report: Report) -> Iterator[str]:
    if words := choice(report):
        yield words
    if (hidden := len(report.listed) - LINES) > 0:
        more = count_of(hidden, "more line")
        yield f"These are the first {LINES:,} lines; the CSV and JSON formats have {more}."


def _pictures(report: Report) -> list[dict[str, object]]:
    """The figures; the page has their titles as headings."""
    from nnlab.render.charts import figures
    from nnlab.render.charts.picture import definition

    found = []
    for figure in figures(report):
        chart = definition([figure])
        caption = chart.pop("title", {})
        subtitle = caption.get("subtitle", []) if isinstance(caption, dict) else []
        found.append(
            {
                "name": f"figure-{figure.name}",
                "title": figure.title,
                "subtitle": [subtitle] if isinstance(subtitle, str) else subtitle,
                "description": figure.description,
                "svg": inline_svg(chart, figure.name),
            }
        )
    return found


def _sections(report: Report) -> Iterator[dict[str, object]]:
    """What the report says beside the verdict, which is the headline already."""
    for place, (title, section) in enumerate(SECTIONS.items()):
        if section is not verdicts and (text := section(report)):
            parts = [_part(words) for words in text.strip("\n").split("\n\n")]
            yield {"name": f"section-{place}", "title": title, "parts": parts}


def _part(words: str) -> Part:
    """A paragraph, or a table, whose first line are headings where numbers stand below them."""
    lines = in_cells(words) if is_aligned(words) else []
    has_numbers = [all(map(_is_number, line[1:])) for line in lines]
    if len(lines) > 1 and all(has_numbers[1:]) and not has_numbers[0]:
        return Part("", lines[0], lines[1:], False)
    return Part(words, [], lines, is_aligned(words))


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?[\d.]*( \[-?[\d.]+, -?[\d.]+\])?", text) is not None


def _origin(report: Report) -> Iterator[tuple[str, str]]:
    for name, folder in report.folders.items():
        path = folder / DATABASE
        if path.exists():
            written = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC)
            yield f"Experiment {one_line(name)}", f"results of {written:%d %B %Y, %H:%M} UTC"
    seeds = sorted(report.runs["seed"].unique())
    whole = len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1))
    yield "Seeds", f"{seeds[0]} to {seeds[-1]}" if whole else ", ".join(map(str, seeds))
    yield "Written by", f"nnlab {nnlab.__version__}"
