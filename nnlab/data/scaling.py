"""Scaling: what is subtracted from each column, and what it is then divided by.

    scaled = (x - shift) / divisor

Both are measured on the training rows alone; unseen rows may lie outside of their range.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nnlab.errors import SettingError
from nnlab.registry import show

Array = NDArray[np.float64]

# Of a target's standard deviation. Squared errors have its square as a unit, and the standard deviation of
# losses squares that once more. float64 holds numbers from 1e-308 to 1e308; the fourth powers of these limits
# are 1e-280 and 1e280. So errors may be ten million times smaller or larger than the target's spread before
# a loss is 0 or infinite without being so.
SMALLEST, LARGEST = 1e-70, 1e70


def standard(x: Array) -> tuple[Array, Array]:
    """Mean and population standard deviation of every column; a constant one is divided by 1."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = x.mean(axis=0)
        away = np.abs(x - mean)
        # Dividing first keeps the squares of tiny and of large numbers within float64.
        scale = away.max(axis=0)
        scale[scale == 0] = 1.0
        away /= scale
        std = scale * np.sqrt(np.mean(away * away, axis=0))
    constant = x.min(axis=0) == x.max(axis=0)
    # The mean of equal numbers may be off by rounding, which would leave a spurious spread.
    return np.where(constant, x[0], mean), np.where(constant, 1.0, std)


def min_max(x: Array) -> tuple[Array, Array]:
    """Smallest value and range: training rows come to lie from 0 to 1."""
    return _or_one(x.min(axis=0), x.max(axis=0) - x.min(axis=0))


def robust(x: Array) -> tuple[Array, Array]:
    """Median and distance between the quartiles, which a few wild values do not move."""
    low, median, high = np.percentile(x, [25, 50, 75], axis=0)
    return _or_one(median, high - low)


def none(x: Array) -> tuple[Array, Array]:
    """Nothing: columns stay in their own unit."""
    return np.zeros(x.shape[1]), np.ones(x.shape[1])


SCALES: dict[str, Callable[[Array], tuple[Array, Array]]] = {
    function.__name__: function for function in (standard, min_max, robust, none)
}


def measure(scale: str, x: Array) -> tuple[Array, Array]:
    """Shift and divisor of every column.

    Args:
        scale: a key of SCALES.
        x: training rows, (rows, columns), at least one.

    >>> measure("min_max", np.array([[2.0, 5.0], [4.0, 5.0]]))
    (array([2., 5.]), array([2., 1.]))
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return SCALES[scale](x)


def scaled(x: Array, shift: Array, divisor: Array, names: tuple[str, ...]) -> Array:
    """(x - shift) / divisor.

    Raises:
        SettingError: a number is too large for that.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        result: Array = (x - shift) / divisor
    bad = np.flatnonzero(~(np.isfinite(result).all(axis=0) & np.isfinite(divisor)))
    if len(bad):
        j = bad[0]
        largest = np.abs(x[:, j]).max()
        raise SettingError(
            ("data", "scale"),
            f"data.scale: the feature {show(names[j])} has values up to {largest:g}, too large or"
            " too far from the training rows to scale (leave it out or rescale it)",
        )
    return result


def _or_one(shift: Array, divisor: Array) -> tuple[Array, Array]:
    """A column without spread is divided by 1."""
    return shift, np.where(divisor == 0, 1.0, divisor)
