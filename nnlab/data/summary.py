"""The summary of a sheet: enough of its columns to judge them and to encode the rows, and nothing else."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnlab.data.sheets import Sheet, gap_rows
from nnlab.data.strict_csv import Column, CsvFile, Texts


class NoCells(Exception):
    """A summary was asked for a cell: something is wrong there, which the file itself has to tell."""


@dataclass(frozen=True)
class ColumnSummary:
    """Of one column.

    Args:
        texts: how often each text stands in it; None for a column of numbers.
        gaps: whether cells are missing.
        empty: whether all are.
    """

    texts: Mapping[str, int] | None
    gaps: bool
    empty: bool

    @classmethod
    def of(cls, column: Column) -> "ColumnSummary":
        """Look at all cells."""
        gaps = gap_rows(column)
        texts = None
        if isinstance(column, Texts):
            texts = dict(zip(column.values, column.counts().tolist(), strict=True))
        return cls(texts, bool(gaps.any()), bool(gaps.all()))

    def with_more(self, other: "ColumnSummary") -> "ColumnSummary":
        """Of both together."""
        texts = None
        if self.texts is not None and other.texts is not None:
            texts = dict(Counter(self.texts) + Counter(other.texts))
        return ColumnSummary(texts, self.gaps or other.gaps, self.empty and other.empty)

    def column(self) -> Column:
        """A column that is judged like the one it was made from."""
        if self.texts is None:
            return np.array([np.nan if self.gaps else 0.0, np.nan if self.empty else 0.0])
        return _Tally(np.arange(len(self.texts)), tuple(self.texts), np.array(list(self.texts.values())))


@dataclass(frozen=True)
class Summary:
    """Of a sheet, or of several that follow each other in one file."""

    rows: int
    columns: Mapping[str, ColumnSummary]

    @classmethod
    def of(cls, sheet: Sheet) -> "Summary":
        """Look at all columns."""
        return cls(len(sheet), {name: ColumnSummary.of(column) for name, column in sheet.columns.items()})

    def with_more(self, other: "Summary") -> "Summary":
        """Of the rows of both."""
        columns = {name: column.with_more(other.columns[name]) for name, column in self.columns.items()}
        return Summary(self.rows + other.rows, columns)

    def sheet(self, source: CsvFile) -> Sheet:
        """A sheet that is judged and encoded like the one it was made from.

        Asked for a cell, it raises `NoCells`.
        """
        nowhere = _Nowhere(source.file, b"", source.delimiter, source.header)
        columns = {name: summary.column() for name, summary in self.columns.items()}
        return _Judged(nowhere, columns, self.rows)


@dataclass(frozen=True)
class _Judged(Sheet):
    rows: int

    def __len__(self) -> int:
        return self.rows


@dataclass(frozen=True)
class _Tally(Texts):
    """The different texts of a column, each once."""

    times: NDArray[np.int64]

    def counts(self) -> NDArray[np.int64]:
        return self.times


class _Nowhere(CsvFile):
    def cells_at(self, rows: Sequence[int], name: str) -> list[tuple[int, str]]:
        raise NoCells
