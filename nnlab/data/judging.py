"""Judging a table: every reason why its columns cannot be used."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nnlab.data.encoding import categories, labels_of
from nnlab.data.sheets import Sheet, gap_rows
from nnlab.data.strict_csv import MISSING, NUMBER, Column, CsvFile, Texts, is_number, numbers
from nnlab.data.table import Task
from nnlab.registry import show

MAX_CATEGORIES = 100  # wider one-hot blocks are nearly always names or ids
MAX_CLASSES = 1000
OFFENDERS = 3  # cells shown for one column


@dataclass(frozen=True)
class Judge:
    """What the settings of a table ask of its columns.

    All files are judged together; the fields are those of `Csv`.
    """

    target: str
    task: Literal["auto", "classification", "regression"]
    missing: Literal["error", "drop", "impute"]
    categorical: tuple[str, ...]

    def cell_problems(self, sheets: Sequence[Sheet]) -> Iterator[str]:
        """What is wrong with single cells, one line each; before rows with gaps are left out."""
        for name in sheets[0].columns:
            if name != self.target:
                if self.missing == "error":
                    yield from _gaps(sheets, name, "data.missing can be drop or impute")
                if name not in self.categorical:
                    hint = "if its cells are categories, list the column under data.categorical"
                    yield from _text_among_numbers(sheets, name, hint)
        if self.missing != "drop":
            yield from _gaps(sheets, self.target, "data.missing: drop leaves such rows out")
        if self.task == "regression":
            yield from _offences(sheets, self.target, _no_number, "a number")
        elif self.task == "auto":
            hint = "if these are classes, set data.task: classification"
            yield from _text_among_numbers(sheets, self.target, hint)
        elif numbers(labels_of(sheets, self.target)) is not None:
            yield from _offences(sheets, self.target, _no_whole_number, "a whole number or a text as class")

    def first_problems(self, sheets: Sequence[Sheet]) -> Iterator[str]:
        """What `cell_problems` tells, and if that is anything, which columns would be refused next.

        Who has gaps to mend should hear of a column of names or dates at the same time.
        """
        sound = True
        for line in self.cell_problems(sheets):
            sound = False
            yield line
        if sound or self.missing == "drop":  # what is too wide now may not be without some rows
            return
        for name in sheets[0].columns:
            if name != self.target and not _mostly_numbers([sheet.columns[name] for sheet in sheets]):
                yield from _width_problems(sheets, name)

    def column_problems(self, sheets: Sequence[Sheet]) -> Iterator[str]:
        """What is wrong with whole columns, one line each; after rows with gaps are left out."""
        for name in sheets[0].columns:
            if name != self.target:
                yield from _width_problems(sheets, name)
        problems = _constant_target if self.task_of(sheets) == "regression" else _label_problems
        yield from problems(
            f"{sheets[0].source.file}: column {show(self.target)}", labels_of(sheets, self.target)
        )

    def task_of(self, sheets: Sequence[Sheet]) -> Task:
        """What the target asks for."""
        if self.task != "auto":
            return self.task
        if not isinstance(sheets[0].columns[self.target], Texts):
            return "regression"  # texts are always asked for where they could be classes
        values = numbers(labels_of(sheets, self.target))
        if values is None:
            return "classification"
        different = np.unique(values)
        whole = (different == np.floor(different)).all()
        few = len(different) == 2 or (len(different) <= 20 and 5 * len(different) < len(sheets[0]))
        return "classification" if whole and few else "regression"


def _no_number(text: str) -> bool:
    return text not in MISSING and not is_number(text)


def _gaps(sheets: Sequence[Sheet], name: str, hint: str) -> Iterator[str]:
    """One line for each file with missing cells in the column."""
    for sheet in sheets:
        rows = np.flatnonzero(gap_rows(sheet.columns[name]))
        if len(rows):
            yield _offence(sheet.source, name, rows, "a value", hint)


def _offences(
    sheets: Sequence[Sheet], name: str, test: Callable[[str], bool], expected: str, hint: str = ""
) -> list[str]:
    """One line for each file with texts in the column that the test finds at fault."""
    lines = []
    for sheet in sheets:
        column = sheet.columns[name]
        rows = np.flatnonzero(column.where(test)) if isinstance(column, Texts) else np.empty(0, np.intp)
        if len(rows):
            lines.append(_offence(sheet.source, name, rows, expected, hint))
    return lines


def _offence(file: CsvFile, name: str, rows: NDArray[np.intp], expected: str, hint: str) -> str:
    (line, text), *others = file.cells_at(rows[:OFFENDERS].tolist(), name)
    also = " and ".join(f"{_cell(other)} in line {at}" for at, other in others)
    notes = [f"also {also}" if also else "", f"{len(rows)} such cells" if len(rows) > OFFENDERS else ""]
    notes += [_advice(text) or hint]
    told = "; ".join(note for note in notes if note)
    came = f"{file.file}:{line}: column {show(name)}: {_cell(text)} came, expected {expected}"
    return came + (f" ({told})" if told else "")


def _cell(text: str) -> str:
    return show(text) if text else "an empty cell"


LIKE_NUMBERS = (  # what people write for a number, and what to tell them; tried in this order
    (
        re.compile(r"[+-]?[0-9.]*,[0-9.,]*[0-9]"),
        "a decimal comma or a thousands separator? write 1.5 or 1500",
    ),
    (re.compile(r"[+-]?(inf|infinity)", re.IGNORECASE), "it is not finite"),
    (re.compile(rf"[$€£]\s*{NUMBER.pattern}|{NUMBER.pattern}\s*[%€$£]"), "leave the unit out"),
)


def _advice(text: str) -> str:
    """What to do about a cell that is nearly a number; empty if it is not.

    >>> _advice(" 1.5")
    'remove the spaces around it'
    >>> _advice("one")
    ''
    """
    bare = text.strip()
    if NUMBER.fullmatch(bare):
        fits = "it is too large for a 64-bit number" if not is_number(bare) else ""
        return fits or ("" if bare == text else "remove the spaces around it")
    for pattern, words in LIKE_NUMBERS:
        if pattern.fullmatch(bare):
            return words
    if bare in MISSING:
        return ""
    try:
        float(bare)
    except ValueError:
        return ""
    return "use the digits 0 to 9 and nothing between them"


def _mostly_numbers(columns: Sequence[Column]) -> bool:
    """Whether at least half of the cells that are not missing are numbers or nearly so."""
    like = there = 0
    for column in columns:
        if not isinstance(column, Texts):
            return True
        if numbers(column.values) is not None:
            rows = int(column.counts().sum())
            like, there = like + rows, there + rows
            continue
        for value, count in zip(column.values, column.counts().tolist(), strict=True):
            there += count if value not in MISSING else 0
            like += count if is_number(value) or _advice(value) else 0
    return 0 < there <= 2 * like


def _text_among_numbers(sheets: Sequence[Sheet], name: str, hint: str) -> list[str]:
    columns = [sheet.columns[name] for sheet in sheets]
    return _offences(sheets, name, _no_number, "a number", hint) if _mostly_numbers(columns) else []


def _width_problems(sheets: Sequence[Sheet], name: str) -> Iterator[str]:
    where = f"{sheets[0].source.file}: column {show(name)}"
    columns = [sheet.columns[name] for sheet in sheets]
    if gap_rows(columns[0]).all():
        yield f"{where}: every cell is missing, expected some values (leave it out: data.drop)"
    elif (width := len(categories(columns))) > MAX_CATEGORIES:
        came = f"{where}: {width} different texts came, expected at most {MAX_CATEGORIES} categories"
        yield f"{came} (leave it out: data.drop)"


def _label_problems(where: str, labels: Sequence[str]) -> Iterator[str]:
    if len(labels) == 1:
        yield f"{where}: one class, {show(labels[0])}, came, expected two or more"
    if len(labels) > MAX_CLASSES:
        yield f"{where}: {len(labels)} different values came, expected at most {MAX_CLASSES} classes"
    seen: dict[str | float, str] = {}
    for label in labels:
        key = float(label) if is_number(label) else label.strip().casefold()
        if key in seen:
            yield f"{where}: {show(seen[key])} and {show(label)} came, expected one spelling for a class"
        seen[key] = label


def _no_whole_number(text: str) -> bool:
    return text not in MISSING and not float(text).is_integer()


def _constant_target(where: str, labels: Sequence[str]) -> Iterator[str]:
    if len({float(label) for label in labels}) == 1:
        yield f"{where}: {labels[0]} came in every row, expected a target that varies"
