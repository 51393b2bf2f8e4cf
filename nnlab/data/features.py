"""The features of the rows of a run: gaps filled and scaled by what the training rows say.

A table in memory gives arrays. One that is mapped from a file gives selections, which hold no numbers: the
statistics are made some columns at a time, by the same code, and so they are the same to the last bit.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nnlab.data.part import Part
from nnlab.data.scaling import measure, scaled
from nnlab.data.selection import Selection

Array = NDArray[np.float64]
Features = Array | Selection


def features_of(parts: Sequence[Part], scale: str) -> tuple[list[Features], Array, Array]:
    """The features of each part, and what was subtracted and divided by.

    Args:
        parts: training rows first.
        scale: a key of `SCALES`.

    Raises:
        SettingError: a number is too large to scale.
    """
    return (_in_memory if parts[0].table.ranges is None else _mapped)(parts, scale)


def repeated(features: Features, copies: int) -> Features:
    """The rows again and again."""
    if copies == 1:
        return features
    if isinstance(features, Selection):
        return replace(features, rows=np.tile(features.rows, copies))
    return np.tile(features, (copies, 1))


def _in_memory(parts: Sequence[Part], scale: str) -> tuple[list[Features], Array, Array]:
    names = parts[0].table.feature_names
    raw = [part.table.features if part.rows is None else part.table.features[part.rows] for part in parts]
    gaps = np.any([np.isnan(features).any(axis=0) for features in raw], axis=0)
    fill = _medians(raw[0], gaps)
    filled = [_filled(features, fill) for features in raw]
    shift, divisor = measure(scale, filled[0])
    if scale == "none":
        return list(filled), shift, divisor
    return [scaled(features, shift, divisor, names) for features in filled], shift, divisor


def _mapped(parts: Sequence[Part], scale: str) -> tuple[list[Features], Array, Array]:
    raw = [  # with indices of their own: a view would keep those of all rows
        Selection(part.table.features, np.arange(len(part)) if part.rows is None else part.rows.copy())
        for part in parts
    ]
    ranges = [part.table.ranges for part in parts if part.table.ranges is not None]
    gaps = np.any([one.gaps for one in ranges], axis=0)
    fill, shift, divisor = np.zeros(len(gaps)), np.zeros(len(gaps)), np.ones(len(gaps))
    if gaps.any() or scale != "none":
        for first, last in raw[0].column_groups():
            columns, here = raw[0].columns(first, last), slice(first, last)
            fill[here] = _medians(columns, gaps[here])
            shift[here], divisor[here] = measure(scale, _filled(columns, fill[here]))
    filled = [replace(one, fill=fill) for one in raw] if gaps.any() else raw
    if scale == "none":
        return list(filled), shift, divisor
    ends = np.stack([fill, *(one.lowest for one in ranges), *(one.highest for one in ranges)])
    if not _is_finite(_filled(ends, fill), shift, divisor):  # rows that are not used may be why
        for one in filled:
            scaled(np.asarray(one), shift, divisor, parts[0].table.feature_names)
    return [replace(one, scale=(shift, divisor)) for one in filled], shift, divisor


def _is_finite(x: Array, shift: Array, divisor: Array) -> bool:
    """Whether scaling leaves the numbers finite, and so all between them."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return bool(np.isfinite((x - shift) / divisor).all() and np.isfinite(divisor).all())


def _medians(train: Array, gaps: NDArray[np.bool_]) -> Array:
    """The training median of every feature with gaps, 0 where no training row has a value."""
    fill = np.zeros(train.shape[1])
    for j in np.flatnonzero(gaps):
        there = train[~np.isnan(train[:, j]), j]
        fill[j] = np.median(there) if len(there) else 0.0
    return fill


def _filled(features: Array, fill: Array) -> Array:
    gaps = np.isnan(features)
    return np.where(gaps, fill, features) if gaps.any() else features
