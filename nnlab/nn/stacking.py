"""Stacking: the entries of many runs as one entry whose numbers are columns, (runs, 1)."""

import dataclasses
import math
from collections.abc import Callable, Sequence
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
    """The stacked entry of these runs alone; a single run gets plain numbers, as from `stack`."""
    columns = {
        name: value[runs].item() if len(runs) == 1 else value[runs]
        for name, value in vars(entry).items()
        if isinstance(value, np.ndarray)
    }
    return dataclasses.replace(entry, **columns)  # type: ignore[type-var]


def numbers(entry: Any) -> list[str]:
    """The fields of an entry that hold numbers, and so may differ inside a population.

    Those that an entry calls `fixed` may not.
    """
    values = {field.name: getattr(entry, field.name) for field in dataclasses.fields(entry)}
    return [
        name
        for name, value in values.items()
        if isinstance(value, int | float | np.ndarray)
        and not isinstance(value, bool)
        and name not in getattr(entry, "fixed", ())
    ]


def grow(column: Array, by: Array | float) -> Any:
    """Multiplies a column (runs, 1) in place, and gives it back as it computes fastest.

    Of one run that is a number: ten times faster, with the same bits.

    >>> column = np.array([[0.5]])
    >>> grow(column, 0.5), column
    (0.25, array([[0.25]]))
    """
    if column.size > 1:
        column *= by
        return column
    column.fill(column.item() * by)
    return column.item()


def root(values: Array | float) -> Any:
    """The square root of a number, or of a column; of a number much faster than NumPy's, with the same bits.

    >>> root(0.25), root(np.array([[4.0], [9.0]]))
    (0.5, array([[2.],
           [3.]]))
    """
    return math.sqrt(values) if isinstance(values, float) else np.sqrt(values)


def each(function: Callable[..., float], *columns: Any) -> Any:
    """A function of the numbers of each run by itself.

    For powers and cosines, which NumPy rounds differently in columns of different lengths: a run has
    the same bits in any company.

    >>> import math
    >>> each(math.pow, np.array([[2.0], [3.0]]), 2)
    array([[4.],
           [9.]])
    """
    if not any(isinstance(column, np.ndarray) for column in columns):
        return function(*columns)
    return np.array([[function(*row)] for row in np.broadcast(*columns)])


def factor(values: Array | float, like: Array) -> Array:
    """A number, or a column of numbers, ready to multiply `like` without changing its dtype.

    A float64 column would turn a float32 pass into a conversion; one number is a faster pass than a
    column of equal ones, and fastest as an array of no axes. Nothing of it changes a bit of the result.
    """
    if isinstance(values, (int, float)):  # faster than `int | float`
        return np.array(values, like.dtype)
    first = values.item(0)
    if values.size == 1 or (values == first).all():
        return np.array(first, like.dtype)
    return values.astype(like.dtype).reshape(-1, *[1] * (like.ndim - 1))
