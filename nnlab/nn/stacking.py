"""Stacking: the entries of many runs as one entry whose numbers are columns, (runs, 1)."""

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from nnlab.arrays import Array, Indices

T = TypeVar("T")


def stack(entries: Sequence[T]) -> T:
    """One entry for all runs: each number becomes a float64 column with one row for each run.

    Entries must be of one class and agree in everything that is not a number. A single entry keeps
    its numbers: they compute the same bits as a column of one, and ten times faster.

    >>> from nnlab.nn.optimizers import Sgd
    >>> stack([Sgd(0.1), Sgd(0.2)]).learning_rate
    array([[0.1],
           [0.2]])
    """
    if len(entries) == 1:
        return entries[0]
    columns = {
        name: np.array([[getattr(entry, name)] for entry in entries], dtype=np.float64)
        for name in numbers(entries[0])
    }
    return dataclasses.replace(entries[0], **columns)  # type: ignore[type-var]


def take(entry: T, runs: Indices) -> T:
    """The stacked entry of these runs alone."""
    columns = {name: value[runs] for name, value in vars(entry).items() if isinstance(value, np.ndarray)}
    return dataclasses.replace(entry, **columns)  # type: ignore[type-var]


def numbers(entry: Any) -> list[str]:
    """The fields of an entry that hold numbers, and so may differ inside a population."""
    values = {field.name: getattr(entry, field.name) for field in dataclasses.fields(entry)}
    return [
        name
        for name, value in values.items()
        if isinstance(value, int | float | np.ndarray) and not isinstance(value, bool)
    ]


def plain(column: Array) -> Any:
    """A column (runs, 1) ready for scalar arithmetic: of one run as a number, which is ten times faster.

    Both follow IEEE 754, so results have the same bits.

    >>> plain(np.array([[0.5]]))
    0.5
    """
    return column.item() if column.size == 1 else column


def factor(values: Array | float, like: Array) -> Array | float:
    """A number, or a column of numbers, ready to multiply `like` without changing its dtype.

    A float64 column would turn a float32 pass into a conversion; and one number is a faster pass
    than a column of equal ones. Neither changes a bit of the result.
    """
    if isinstance(values, int | float):
        return float(values)  # a float64 of NumPy would convert, too
    first: float = values.item(0)
    if values.size == 1 or (values == first).all():
        return first
    return values.astype(like.dtype).reshape(-1, *[1] * (like.ndim - 1))
