"""The jackknife: how sure a number is that many networks give together."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nnlab.analysis.intervals import half_width

Values = NDArray[np.float64]

FEWEST = 3  # so that without one of them there is still a variance
MOST = 50  # groups that are left out, one after the other: more take longer and tell no more


def left_in(networks: int, blocks: int) -> Iterator[NDArray[np.intp]]:
    """Which networks are left when one block after the other is left out; at most 50 times.

    Args:
        networks: how many there are.
        blocks: those that belong together stand behind each other: data sets, or each network by itself.

    >>> [kept.tolist() for kept in left_in(4, 2)]
    [[2, 3], [0, 1]]
    """
    block = np.arange(networks) // (networks // blocks)
    for out in np.array_split(np.arange(blocks), min(blocks, MOST)):
        yield np.flatnonzero(~np.isin(block, out))


def interval(whole: float, without: Values, positive: bool = False) -> tuple[float, float]:
    """The ends of the 95 % interval of a number (Tukey, 1958): whole +- t(n - 1) s / sqrt(n).

    s is the standard deviation of the n pseudo-values n * whole - (n - 1) * without. For a mean they are
    the values themselves, and this is Student's interval. What is above 0, like a variance, has a
    distribution with a long tail: for its logarithm the same interval covers better (Miller, 1974).

    Args:
        whole: from all networks.
        without: with one after the other left out, (n,).
        positive: whether it is above 0.

    Returns:
        NaN where there is none.

    >>> low, high = interval(2.0, np.array([2.5, 2.0, 1.5]))  # the mean of 1, 2 and 3
    >>> round(low, 4), round(high, 4)
    (-0.4841, 4.4841)
    """
    n = len(without)
    if n < FEWEST or not np.isfinite([whole, *without]).all():
        return np.nan, np.nan
    if positive:
        if whole <= 0 or (without <= 0).any():
            return np.nan, np.nan
        low, high = interval(float(np.log(whole)), np.log(without))
        return float(np.exp(low)), float(np.exp(high))
    pseudo = n * whole - (n - 1) * without
    half = float(half_width(n, pseudo.std(ddof=1)))
    return whole - half, whole + half
