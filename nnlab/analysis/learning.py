"""Learning curves: the power law of each, and what a fix is worth in data.

A fix that reaches with n rows what the baseline's curve reaches with w * n rows is worth w times the
data. Baseline and fix share seeds, so both are drawn again together: a bootstrap over seeds. Percentiles
of few seeds are too narrow, so intervals are stretched: for a mean they become Student's, and where seeds
split one table the corrected ones of Nadeau and Bengio (2003). Nothing is said where

- a curve has fewer than 4 sizes, or fewer than 5 seeds have completed all of it,
- the law fits poorly: weighted R2 below 0.95, or a mean off by more than 3 standard errors and more than
  5 % of what the curve falls in all,
- the fix lies outside the baseline's curve, whose ends are not extrapolated,
- an interval that would be told spans more than a factor of 10: then even the first digit is open.
"""

import json
import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnlab.analysis.comparison import split_overlap
from nnlab.analysis.curves import DATA_SIZE
from nnlab.analysis.intervals import LEVEL, quantile
from nnlab.analysis.power_law import PARAMETERS, PowerLaw, fit
from nnlab.analysis.seeds import is_crossed
from nnlab.metrics import higher_is_better
from nnlab.streams import stream

Values = NDArray[np.float64]

DRAWS = 2000
FEWEST_SIZES = PARAMETERS + 1
FEWEST_SEEDS = 5
GOOD_R2 = 0.95
FAR_ERRORS, FAR_SHARE = 3, 0.05
WIDEST = 10.0  # ratio of an interval's ends: more says next to nothing
LARGEST = 700.0  # whose exponential a float can hold


@dataclass(frozen=True)
class Interval:
    """A number with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def above_zero(self) -> "Interval":
        """The interval of a number that cannot be negative."""
        return Interval(self.value, max(0.0, self.low), self.high)


@dataclass(frozen=True)
class LearningCurve:
    """The law of one curve over the size of the training set.

    Args:
        experiment, line: which curve, as in the frame of `curves`.
        metric: what falls with the rows; of an accuracy or R2, what is missing to 1.
        law: with one number each.
        a, b, c: its numbers with their intervals.
        r2: weighted, of the fit.
        rows: the sizes, (points,).
    """

    experiment: str
    line: str
    metric: str
    law: PowerLaw
    a: Interval
    b: Interval
    c: Interval
    r2: float
    rows: Values


@dataclass(frozen=True)
class Worth:
    """What a fix is worth in data.

    Args:
        experiment: where it was tried.
        line, baseline: the fix, and what it is compared with, in words.
        rows: the sizes at which it lies on the baseline's curve.
        at: how many times the data it is worth there.
        overall: the geometric mean of `at`.
        agrees: whether `overall` lies in each interval, and so says it all.
    """

    experiment: str
    line: str
    baseline: str
    rows: tuple[float, ...]
    at: tuple[Interval, ...]
    overall: Interval
    agrees: bool


@dataclass(frozen=True)
class _Means:
    """The errors of a curve: of each seed, and their means over seeds drawn again and again.

    Args:
        rows: (points,).
        errors: (seeds, points).
        drawn: (1 + DRAWS, points), the first row those of all seeds as they are.
        stretch: what its intervals are widened by.
    """

    rows: Values
    errors: Values
    drawn: Values
    stretch: float

    @property
    def standard_errors(self) -> Values:
        """Of the means, (points,)."""
        return np.asarray(self.errors.std(axis=0, ddof=1) / math.sqrt(len(self.errors)))


def learning(
    curves: pd.DataFrame, runs: pd.DataFrame, metric: str
) -> tuple[list[LearningCurve], list[Worth]]:
    """The laws of all learning curves that follow one, and what their other lines are worth.

    Args:
        curves: as made by `curves`.
        runs: what they were made of.
        metric: the error; one that is better high counts as 1 - metric.
    """
    laws, worths = [], []
    if curves.empty or metric not in runs:
        return [], []
    sized = curves[curves["key"].isin(DATA_SIZE)]
    for (experiment, _), lines in sized.groupby(["experiment", "key"], sort=False):
        means = _means(lines, runs[runs["experiment"] == experiment], metric)
        fits = {line: found for line, own in means.items() if (found := _fit(own)) is not None}
        laws += [
            _described(str(experiment), line, metric, means[line], found) for line, found in fits.items()
        ]
        baseline = _baseline(lines)
        if baseline in fits:
            worths += [
                worth
                for line, own in means.items()
                if line != baseline
                and (worth := _worth(str(experiment), line, baseline, own, means[baseline], fits[baseline]))
            ]
    return laws, worths


def _means(lines: pd.DataFrame, runs: pd.DataFrame, metric: str) -> dict[str, _Means]:
    """The errors of each line, of the seeds that have completed all lines."""
    completed = runs[runs["status"] == "completed"].drop_duplicates("run")
    table = completed.pivot(index=["data_seed", "seed"], columns="settings", values=metric)
    table = table.reindex(columns=lines["settings"]).dropna()
    if is_crossed(completed):
        table = table.groupby(level="data_seed").mean()
    if len(table) < FEWEST_SEEDS:
        return {}
    if higher_is_better(metric):
        table = 1 - table
    n = len(table)
    counts = stream(0, "bootstrap").multinomial(n, np.full(n, 1 / n), DRAWS) / n
    counts = np.vstack([np.full(n, 1 / n), counts])
    student = float(quantile(n) / NormalDist().inv_cdf(1 - LEVEL / 2))
    stretch = student * math.sqrt(n / (n - 1) * (1 + n * split_overlap(completed)))
    return {
        str(line): _Means(
            own["value"].to_numpy(float),
            errors := table[own["settings"]].to_numpy(float),
            counts @ errors,
            stretch,
        )
        for line, own in lines.groupby("line", sort=False)
    }


def _fit(means: _Means) -> PowerLaw | None:
    """The law of all samples, or None if it fits poorly."""
    if len(means.rows) < FEWEST_SIZES:
        return None
    weights = _weights(means)
    law = fit(means.rows, means.drawn, weights)
    found, seen = law.take(0).error(means.rows), means.drawn[0]
    fall = abs(found[0] - found[-1])
    off = np.abs(found - seen)
    far = (off > FAR_ERRORS * means.standard_errors) & (off > FAR_SHARE * fall)
    return None if _r2(means, law) < GOOD_R2 or far.any() or law.b[0] == 0 else law


def _weights(means: _Means) -> Values:
    """One over the variance of each mean; equal ones if nothing varies."""
    variances = means.standard_errors**2
    if not variances.any():
        return np.ones(len(variances))
    return np.asarray(1 / np.maximum(variances, variances[variances > 0].min()))


def _r2(means: _Means, law: PowerLaw) -> float:
    seen, weights = means.drawn[0], _weights(means)
    middle = np.average(seen, weights=weights)
    total = float(weights @ (seen - middle) ** 2)
    left = float(weights @ (seen - law.take(0).error(means.rows)) ** 2)
    return 1 - left / total if total > 0 else 0.0


def _described(experiment: str, line: str, metric: str, means: _Means, law: PowerLaw) -> LearningCurve:
    a, b, c = (_interval(values, means.stretch).above_zero() for values in (law.a, law.b, law.c))
    return LearningCurve(experiment, line, metric, law.take(0), a, b, c, _r2(means, law), means.rows)


def _baseline(lines: pd.DataFrame) -> str:
    """The line that is no fix: the first in which all is off that is off in some other one."""
    first = lines.groupby("line", sort=False)["settings"].first()
    settings = {str(line): json.loads(text) for line, text in first.items()}
    every = dict.fromkeys(key for own in settings.values() for key in own)
    off = {line: {key for key in every if _is_off(own.get(key))} for line, own in settings.items()}
    switches = set().union(*off.values())
    return next((line for line, own in off.items() if own == switches), next(iter(settings)))


def _is_off(value: Any) -> bool:
    """Whether a setting does nothing: 0, of several layers in all, or not there."""
    return value is None or (isinstance(value, int | float | list) and value != [] and not np.any(value))


def _worth(
    experiment: str, line: str, baseline: str, fix: _Means, base: _Means, law: PowerLaw
) -> Worth | None:
    """What a line is worth at each of its sizes where the baseline's curve reaches it."""
    reached = law.broadcast().rows(fix.drawn)  # (samples, points)
    inside = (reached[0] >= base.rows.min()) & (reached[0] <= base.rows.max())
    if not inside.any():
        return None
    times = reached[:, inside] / fix.rows[inside]
    at = [_interval_of_ratio(column, fix.stretch) for column in times.T]
    overall = _interval_of_ratio(np.exp(np.log(times).mean(axis=1)), fix.stretch)
    agrees = all(one.low <= overall.value <= one.high for one in at)
    told = [overall] if agrees else [overall, at[0], at[-1]]
    if any(not one.high <= WIDEST * one.low for one in told):
        return None
    return Worth(experiment, line, baseline, tuple(fix.rows[inside].tolist()), tuple(at), overall, agrees)


def _interval(samples: Values, stretch: float) -> Interval:
    """The first sample, and percentiles of the others, their distance from it stretched."""
    value = float(samples[0])
    low, high = np.quantile(samples[1:], [LEVEL / 2, 1 - LEVEL / 2], method="inverted_cdf")
    return Interval(value, value + stretch * (float(low) - value), value + stretch * (float(high) - value))


def _interval_of_ratio(samples: Values, stretch: float) -> Interval:
    """The same for a factor, whose logarithm is what spreads evenly."""
    found = _interval(np.log(samples), stretch)
    return Interval(
        *(math.exp(end) if end < LARGEST else math.inf for end in (found.value, found.low, found.high))
    )
