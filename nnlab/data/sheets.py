"""Sheets: the columns of one file side by side, and the gaps in them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nnlab.data.quick_csv import quick_columns
from nnlab.data.strict_csv import MISSING, Column, CsvFile, Texts


@dataclass(frozen=True)
class Sheet:
    """One file, or a stretch of its rows, and its columns."""

    source: CsvFile
    columns: dict[str, Column]

    def __len__(self) -> int:
        column = next(iter(self.columns.values()))
        return len(column.codes if isinstance(column, Texts) else column)

    def without_gaps(self) -> "Sheet":
        """The rows in which no cell is missing."""
        gaps = np.any([gap_rows(column) for column in self.columns.values()], axis=0)
        if not gaps.any():
            return self
        keep = np.flatnonzero(~gaps)
        return replace(self, columns={name: _take(column, keep) for name, column in self.columns.items()})


def read_sheets(files: Sequence[CsvFile], names: Sequence[str], texts: Collection[str]) -> list[Sheet]:
    """The columns of all files; a column that is text in one file is text in all.

    Args:
        names: columns to read.
        texts: those of them to keep as texts, whatever they hold.

    Raises:
        InputError: the rows of a file are no table.
    """
    texts = set(texts)
    while True:
        read = [quick_columns(file, names, texts) or file.columns(names, texts) for file in files]
        found = texts.union(*(texts_among(columns, names) for columns in read))
        if all(isinstance(columns.get(name), Texts) for columns in read for name in found):
            return [
                Sheet(file, {name: columns[name] for name in names})
                for file, columns in zip(files, read, strict=True)
            ]
        texts = found


def texts_among(columns: dict[str, Column], names: Collection[str]) -> set[str]:
    """The columns that turned out to be no numbers, texts or not yet."""
    return {name for name in names if not isinstance(columns.get(name), np.ndarray)}


def is_missing(text: str) -> bool:
    """Whether this is how a missing cell is written."""
    return text in MISSING


def gap_rows(column: Column) -> NDArray[np.bool_]:
    """The rows whose cell is missing."""
    return column.where(is_missing) if isinstance(column, Texts) else np.isnan(column)


def _take(column: Column, rows: NDArray[np.intp]) -> Column:
    if not isinstance(column, Texts):
        return column[rows]
    used, codes = np.unique(column.codes[rows], return_inverse=True)
    return Texts(codes.astype(np.int64), tuple(column.values[i] for i in used))
