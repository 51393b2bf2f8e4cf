"""Encoding: columns of numbers and texts as one table of numbers, a 0/1 column for each category."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.data.sheets import Sheet
from nnlab.data.strict_csv import MISSING, Column, Numbers, Texts, numbers
from nnlab.data.table import Task

MISSING_CATEGORY = "(missing)"


@dataclass(frozen=True)
class Encoding:
    """How the columns of a table become features and target, the same for all its files and stretches.

    Args:
        target: the column to predict.
        categories: for each other column its categories in order; none for a column of numbers.
        task: what the target asks for.
        classes: classification: the classes in order.
    """

    target: str
    categories: Mapping[str, tuple[str, ...]]
    task: Task
    classes: tuple[str, ...]

    @classmethod
    def of(cls, sheets: Sequence[Sheet], target: str, task: Task) -> "Encoding":
        """What fits these sheets."""
        found = {
            name: tuple(categories([sheet.columns[name] for sheet in sheets]))
            for name in sheets[0].columns
            if name != target
        }
        labels = labels_of(sheets, target)
        classes = () if task == "regression" else tuple(sorted(labels, key=_label_order(labels)))
        return cls(target, found, task, classes)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One for each feature."""
        return tuple(
            feature
            for name, known in self.categories.items()
            for feature in ([f"{name}={category}" for category in known] or [name])
        )

    def fits(self, sheet: Sheet) -> bool:
        """Whether it knows every category and class of a sheet."""
        for name, column in sheet.columns.items():
            if not isinstance(column, Texts):
                continue
            if name != self.target:
                known = self.categories[name]
                if not known or not set(known).issuperset(map(category_of, column.values)):
                    return False
            elif self.task == "classification" and not set(self.classes).issuperset(column.values):
                return False
        return True

    def features(self, sheet: Sheet) -> Numbers:
        """The features of the rows of a sheet, (rows, features)."""
        result = np.empty((len(sheet), len(self.feature_names)))
        first = 0
        for name, known in self.categories.items():
            column, last = sheet.columns[name], first + max(1, len(known))
            if isinstance(column, Texts):
                result[:, first:last] = np.eye(len(known))[_recoded(column, known, category_of)]
            else:
                result[:, first] = column
            first = last
        return result

    def labels(self, sheet: Sheet) -> NDArray[Any]:
        """The target of the rows of a sheet, as `Table.target` has it."""
        column = sheet.columns[self.target]
        if not isinstance(column, Texts):
            return column[:, None]
        if self.task == "classification":
            return _recoded(column, self.classes)
        return np.array([float(value) for value in column.values])[column.codes][:, None]


def category_of(text: str) -> str:
    """The category that a cell stands for."""
    return MISSING_CATEGORY if text in MISSING else text


def categories(columns: Sequence[Column]) -> list[str]:
    """The categories of a column in all files; none if it is one of numbers."""
    return sorted({category_of(v) for column in columns if isinstance(column, Texts) for v in column.values})


def labels_of(sheets: Sequence[Sheet], target: str) -> list[str]:
    """The different targets of all files as written; none where they were read as numbers."""
    columns = [sheet.columns[target] for sheet in sheets]
    texts = {value for column in columns if isinstance(column, Texts) for value in column.values}
    return sorted(texts)


def _label_order(labels: Sequence[str]) -> Callable[[str], float] | None:
    return None if numbers(labels) is None else float


def _recoded(column: Texts, order: Sequence[str], rename: Callable[[str], str] = str) -> NDArray[np.int64]:
    """The rows of the column as indexes into `order`."""
    at = {value: i for i, value in enumerate(order)}
    return np.array([at[rename(value)] for value in column.values], dtype=np.int64)[column.codes]
