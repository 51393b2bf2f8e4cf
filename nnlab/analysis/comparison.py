"""The comparison: is a strategy better than the baseline, by how much, and is that more than noise?

Strategies with the same seed share split, first weights and batch order, so they are compared pair by
pair: d_i = metric of the strategy - metric of the baseline, for seed i. What the pairs are samples of
decides the test:

- a generator draws new rows for every seed: the d_i are independent. The interval is Student's,
  d +- t(n - 1) s / sqrt(n), and p comes from flipping signs: if nothing differs, each d_i is as likely
  to be -d_i. All 2^n flips are counted up to 15 pairs, 100,000 random ones above.
- seeds that split one table again and again overlap, and a plain test would claim too much. Interval and
  p are those of the corrected t of Nadeau and Bengio (2003), whose variance is
  (1/n + test rows / other rows) s^2.

p is adjusted for the number of strategies by Holm (1979). No test claims anything from fewer pairs than
the sign flips need to reach it: the smallest p of n pairs is 2^(1 - n).
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from nnlab.metrics import higher_is_better
from nnlab.streams import stream

Values = NDArray[np.float64]

LEVEL = 0.05
EXACT_PAIRS = 15
RANDOM_FLIPS = 100_000
COLUMNS = {"mean": "difference", "low": "difference_low", "high": "difference_high", "wins": "wins", "p": "p"}
BETTER, WORSE, SAME, UNKNOWN = "+", "-", "=", "?"


@dataclass(frozen=True)
class Difference:
    """A strategy against the baseline, over the seeds that both have completed.

    Args:
        strategy: its name.
        pairs: seeds that both have.
        mean, low, high: of strategy - baseline, with its 95 % interval; NaN where it is not defined.
        wins: share of the pairs in which the strategy is better, ties counting half.
        p: two-sided, adjusted by Holm.
        mark: + better, - worse, = no difference beyond noise, ? too few pairs to tell.
        needed: pairs that the smallest possible p asks for.
    """

    strategy: str
    pairs: int
    mean: float
    low: float
    high: float
    wins: float
    p: float
    mark: str
    needed: int


def compare(runs: pd.DataFrame, baseline: str, metric: str) -> list[Difference]:
    """Every other strategy against the baseline, in the order of the runs.

    Args:
        runs: the chosen runs of one experiment, as made by `runs_frame`.
        baseline: the strategy they are compared with.
        metric: what is compared, such as test_loss.
    """
    completed = runs[runs["status"] == "completed"]
    by_strategy = {
        str(name): group.set_index("seed")[metric].dropna()
        for name, group in completed.groupby("strategy", sort=False)
    }
    base = by_strategy.pop(baseline, None)
    if base is None:
        return []
    overlap = _overlap(completed)
    needed = pairs_needed(len(by_strategy))
    differences = [
        _difference(name, (values - base).dropna().to_numpy(), metric, overlap, needed)
        for name, values in by_strategy.items()
    ]
    adjusted = holm([difference.p for difference in differences])
    return [
        replace(difference, p=p, mark=_mark(difference, p, metric))
        for difference, p in zip(differences, adjusted, strict=True)
    ]


def _overlap(runs: pd.DataFrame) -> float:
    """Test rows over all others where seeds split one table; 0 where they draw new rows.

    Nadeau and Bengio take rho, the correlation of two splits, for the share of the test rows, and
    rho / (1 - rho) is test rows over training rows if all others train; with fewer it errs on the safe side.
    """
    if not runs["resampled"].any():
        return 0.0
    share = float(runs["test_share"].max())
    return share / (1 - share)


def _difference(name: str, d: Values, metric: str, overlap: float, needed: int) -> Difference:
    n = len(d)
    better = -d if not higher_is_better(metric) else d
    wins = float(np.mean((better > 0) + 0.5 * (better == 0))) if n else math.nan
    mean = float(d.mean()) if n else math.nan
    half = half_width(d, overlap)
    p = corrected_t(d, overlap) if overlap else sign_flip(d)
    return Difference(name, n, mean, mean - half, mean + half, wins, p, UNKNOWN, needed)


def _mark(difference: Difference, p: float, metric: str) -> str:
    if difference.pairs < difference.needed or math.isnan(p):
        return UNKNOWN
    if p > LEVEL:
        return SAME
    return BETTER if (difference.mean > 0) == higher_is_better(metric) else WORSE


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
    return float(stdtrit(len(d) - 1, 1 - LEVEL / 2)) * standard_error(d, overlap)


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
    return float(2 * stdtr(len(d) - 1, -abs(float(d.mean())) / error))


def sign_flip(d: Values) -> float:
    """Two-sided p of the sign-flip test: how many flips give a mean as far from 0 as the one seen.

    >>> sign_flip(np.array([1.0, 2.0, 3.0]))
    0.25
    """
    if len(d) == 0:
        return math.nan
    seen = abs(float(d.sum())) * (1 - 1e-12)  # sums in another order differ in the last digits
    if len(d) <= EXACT_PAIRS:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=len(d))))
        return float(np.mean(np.abs(signs @ d) >= seen))
    signs = stream(0, "sign_flips").choice((1.0, -1.0), (RANDOM_FLIPS, len(d)))
    return float((np.sum(np.abs(signs @ d) >= seen) + 1) / (RANDOM_FLIPS + 1))


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


def compared_metric(metric: str) -> str:
    """What strategies are compared by: the test rows' version of what they are ordered by.

    >>> compared_metric("val_accuracy"), compared_metric("gap")
    ('test_accuracy', 'gap')
    """
    return metric.replace("val_", "test_")


def differences(runs: pd.DataFrame, metric: str) -> dict[str, list[Difference]]:
    """What `compare` finds inside each experiment that has a baseline.

    Args:
        runs: the chosen runs, as made by `runs_frame`; their column `baseline` says what is compared with.
        metric: what is compared.
    """
    found = {}
    for experiment, group in runs.groupby("experiment", sort=False):
        baseline = group["baseline"].iloc[0]
        if baseline is not None and metric in group:
            found[str(experiment)] = compare(group, baseline, metric)
    return found


def with_differences(
    summary: pd.DataFrame, found: Mapping[str, Sequence[Difference]], metric: str
) -> pd.DataFrame:
    """The summary with columns compared (the metric), difference, its interval, wins, p and mark."""
    by_line = {(experiment, d.strategy): d for experiment, own in found.items() for d in own}
    if not by_line:
        return summary
    lines = [by_line.get(key) for key in zip(summary["experiment"], summary["strategy"], strict=True)]
    columns = {
        column: [getattr(line, field) if line else math.nan for line in lines]
        for field, column in COLUMNS.items()
    }
    return summary.assign(compared=metric, **columns, mark=[line.mark if line else "" for line in lines])
