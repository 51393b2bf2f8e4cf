"""Paired tests: is a mean difference more than noise, and how many pairs would it take to tell?

d_i is a difference of two strategies that share seed i. What the pairs are samples of decides the test:

- a generator draws new rows for every seed: the d_i are independent. The interval is Student's,
  d +- t(n - 1) s / sqrt(n), and p comes from flipping signs: if nothing differs, each d_i is as likely
  to be -d_i. All 2^n flips are counted up to 15 pairs, 100,000 random ones above
  (from 200 pairs on fewer, 10,000 from 2,000 on).
- seeds that split one table again and again overlap, and a plain test would claim too much. Interval and
  p are those of the corrected t of Nadeau and Bengio (2003), whose variance is
  (1/n + test rows / training rows) s^2.

p is adjusted for the number of comparisons by Holm (1979). No test claims anything from fewer pairs than
the sign flips need to reach it: the smallest p of n pairs is 2^(1 - n).

Student's interval it is, not a bootstrap's: measured on 2,000 experiments for each of five shapes of
differences, BCa intervals cover less than Student's up to 20 pairs in all but the most skewed, and no
more at 50 and 100 (docs/report.md has the table).
"""

import functools
import itertools
import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from nnlab.analysis import intervals, student
from nnlab.analysis.intervals import LEVEL
from nnlab.streams import stream

Values = NDArray[np.float64]

POWER = 0.8  # the chance of seeing a difference that is there, which planning asks for
EXACT_PAIRS = 15
RANDOM_FLIPS = 100_000
FEWEST_FLIPS = 10_000  # p = 0.05 is then right to 0.002
SIGNS = 20_000_000  # in all, before flips become fewer
BLOCK = 1_000_000  # signs at a time


def standard_error(d: Values, overlap: float) -> float:
    """Of the mean difference: sqrt(1/n + overlap) * s, with overlap 0 for independent pairs."""
    return float(math.sqrt(1 / len(d) + overlap) * d.std(ddof=1))


def half_width(d: Values, overlap: float = 0.0) -> float:
    """Half of the 95 % interval of the mean difference; NaN for fewer than two pairs.

    >>> round(half_width(np.array([1.0, 2.0, 3.0])), 4)
    2.4841
    """
    if len(d) < 2:
        return math.nan
    return float(intervals.half_width(len(d), float(d.std(ddof=1)), overlap))


def corrected_t(d: Values, overlap: float) -> float:
    """Two-sided p of the corrected resampled t-test (Nadeau, Bengio, 2003).

    Args:
        d: differences, one for each seed.
        overlap: test rows over all others.
    """
    if len(d) < 2:
        return math.nan
    error = standard_error(d, overlap)
    if error == 0:
        return 1.0 if d[0] == 0 else 0.0
    return student.tails(float(d.mean()) / error, len(d) - 1)


def sign_flip(d: Values) -> float:
    """Two-sided p of the sign-flip test: how many flips give a mean as far from 0 as the one seen.

    >>> sign_flip(np.array([1.0, 2.0, 3.0]))
    0.25
    """
    if len(d) == 0:
        return math.nan
    seen = abs(float(d.sum())) * (1 - 1e-12)  # sums in another order differ in the last digits
    signs = _signs(len(d))
    size = max(1, BLOCK // len(d))  # all flips of many pairs as numbers would fill the memory
    blocks = (signs[start : start + size].astype(float) @ d for start in range(0, len(signs), size))
    as_far = sum(int(np.sum(np.abs(block) >= seen)) for block in blocks)
    if len(d) <= EXACT_PAIRS:
        return as_far / len(signs)
    return (as_far + 1) / (len(signs) + 1)


@functools.lru_cache(maxsize=4)
def _signs(pairs: int) -> NDArray[np.int8]:
    """Flips in lines: all there are, or random ones, fewer where there are many pairs."""
    if pairs <= EXACT_PAIRS:
        return np.array(list(itertools.product((1, -1), repeat=pairs)), np.int8)
    flips = min(RANDOM_FLIPS, max(FEWEST_FLIPS, SIGNS // pairs))
    return 1 - 2 * stream(0, "sign_flips").integers(0, 2, (flips, pairs), np.int8)


def holm(p: Sequence[float]) -> list[float]:
    """p-values adjusted for how many there are (Holm, 1979); NaN stays and does not count.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted((value, i) for i, value in enumerate(p) if not math.isnan(value))
    adjusted, worst = list(p), 0.0
    for rank, (value, i) in enumerate(order):
        worst = max(worst, min(1.0, (len(order) - rank) * value))
        adjusted[i] = worst
    return adjusted


def pairs_needed(comparisons: int) -> int:
    """The fewest pairs whose smallest possible p, 2^(1 - n), survives Holm's first step.

    >>> pairs_needed(1), pairs_needed(5)
    (6, 8)
    """
    return 1 + math.ceil(math.log2(max(1, comparisons) / LEVEL))


def pairs_to_tell(d: Values, overlap: float, comparisons: int) -> float:
    """About how many pairs would show a difference of the size seen, if it is real, with a chance of 80 %.

    By the normal approximation, (1/n + overlap) s^2 (z_level + z_power)^2 = d^2, with the level that
    Holm's first step leaves. Infinite where pairs overlap so much that no number of them would do.

    >>> pairs_to_tell(np.array([0.0, 1.0, 2.0]), 0.0, 1)
    8.0
    >>> pairs_to_tell(np.array([0.0, 1.0, 2.0]), 0.2, 1)
    inf
    """
    if len(d) < 2 or d.mean() == 0:
        return math.nan
    normal = NormalDist()
    reach = normal.inv_cdf(1 - LEVEL / (2 * max(1, comparisons))) + normal.inv_cdf(POWER)
    if (spread := float(d.std(ddof=1))) == 0:
        return float(pairs_needed(comparisons))
    room = float((d.mean() / (spread * reach)) ** 2) - overlap
    return float(max(pairs_needed(comparisons), math.ceil(1 / room))) if room > 0 else math.inf
