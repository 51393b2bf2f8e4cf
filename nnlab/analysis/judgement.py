"""The judgement: is a part of an error high, small or unclear, for one setting or for many at once?"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnlab.analysis.evidence import Evidence, Values
from nnlab.analysis.intervals import half_width

WRONG_ANSWERS = 0.02  # the yardstick for classes: 2 points
VARIANCE = 0.05  # the yardstick for numbers, of the variance of the target
MANY_SEEDS = 6  # the fewest that can agree in sign beyond chance: 2^(1 - 6) < 0.05
CLEAR, CLEAR_ERRORS = 5, 3  # yardsticks and standard errors that are seen without an interval
MOST_SEEDS = 100  # more are no advice

Size = Literal["high", "small", "unclear"]
Verdict = Literal["high_bias", "high_variance", "both", "fine", "cannot_tell"]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """Avoidable bias, or variance.

    Args:
        mean, low, high: over seeds, with the interval; NaN where there is none.
        size: what it is taken for.
        seeds_needed: how many seeds would tell; 0 if it is told, inf if no number would.
        matters: whether to do something about it: the mean reaches the yardstick, be it beyond noise or not.
    """

    mean: float
    low: float
    high: float
    size: Size
    seeds_needed: float = 0
    matters: bool = True


class Parts(NamedTuple):
    """The same part of many settings, one array for each field of `Part`."""

    mean: Values
    low: Values
    high: Values
    size: NDArray[np.str_]
    seeds_needed: Values
    matters: Flags

    def at(self, place: int) -> Part:
        """That of one setting."""
        mean, low, high, size, needed, matters = (column[place].item() for column in self)
        return Part(mean, low, high, size, needed if math.isinf(needed) else int(needed), matters)


def nothing(lines: int) -> Parts:
    """Of settings that nothing can be said of."""
    nan = np.full(lines, math.nan)
    return Parts(nan, nan, nan, np.full(lines, "unclear"), np.full(lines, math.inf), np.zeros(lines, bool))


def yardsticks(evidence: Evidence) -> Values:
    """What counts as more than negligible, for each setting of a stack.

    NaN where a target that does not vary has no scale.
    """
    lines = len(evidence.metrics["train_loss"])
    if evidence.counts_wrong_answers:
        return np.full(lines, WRONG_ANSWERS)
    # R2 = 1 - error / variance, on whichever rows; where the error is largest it loses fewest digits.
    split = evidence.unseen if np.isfinite(evidence.metrics[f"{evidence.unseen}_r2"]).any() else "train"
    left = 1 - evidence.metrics[f"{split}_r2"]
    there = left > 0
    scale = np.where(there, evidence.error(split), 0) / np.where(there, left, 1)
    count = there.sum(axis=-1)
    return np.where(count, VARIANCE * scale.sum(axis=-1) / np.maximum(count, 1), math.nan)


def judge(
    values: Values, yardstick: Values, errors: Values, overlap: float = 0.0, together: int = 1
) -> Parts:
    """Whether a part is high, small or unclear, for each of many settings.

    Args:
        values: one for each seed, (settings, seeds).
        yardstick: the size that matters, (settings,).
        errors: the standard error of each value, from its own rows.
        overlap: test rows over all others where seeds split one table.
        together: how many strategies are judged at once.

    >>> judge(np.array([[0.25, 0.31]]), np.array([0.02]), np.array([[0.03, 0.03]])).at(0).size
    'high'
    """
    lines, n = values.shape
    if not n:
        return nothing(lines)
    told = np.isfinite(values).all(axis=-1) & (yardstick > 0)
    values = np.where(told[:, None], values, 0)
    mean, each = values.mean(axis=-1), yardstick[:, None]
    high = ((values >= CLEAR * each) & (values >= CLEAR_ERRORS * errors)).all(axis=-1)
    small = np.zeros(lines, bool)
    lower, upper = np.full(lines, math.nan), np.full(lines, math.nan)
    needed = np.full(lines, float(MANY_SEEDS))
    if n >= MANY_SEEDS:
        spread = values.std(axis=-1, ddof=1)
        half = half_width(n, spread, overlap, together)
        lower, upper = mean - half, mean + half
        high |= (lower > 0) & (mean >= yardstick)
        small = ~high & (upper < 2 * yardstick) & (mean < yardstick)
        unclear = ~(high | small)
        needed[unclear] = _seeds_needed(mean[unclear], spread[unclear], yardstick[unclear], overlap, together)
    needed[high | small] = 0
    size = np.select([high, small], ["high", "small"], "unclear")
    found = Parts(mean, lower, upper, size, needed, mean >= yardstick)
    return Parts(*(np.where(told, own, no) for own, no in zip(found, nothing(lines), strict=True)))


def _seeds_needed(mean: Values, spread: Values, yardstick: Values, overlap: float, together: int) -> Values:
    """The fewest seeds whose interval, at the same mean and spread, leaves 0 or twice the yardstick out."""
    n = np.arange(MANY_SEEDS, MOST_SEEDS + 1, dtype=np.float64)
    widest = np.maximum(mean, 2 * yardstick - mean)
    enough = half_width(n, spread[:, None], overlap, together) < widest[:, None]
    return np.where(enough.any(axis=-1), n[enough.argmax(axis=-1)], math.inf)


def verdicts(bias: Parts, variance: Parts) -> NDArray[np.str_]:
    """What the two parts say together: high_bias, high_variance, both, fine or cannot_tell."""
    high = bias.size == "high", variance.size == "high"
    fine = (bias.size == "small") & (variance.size == "small")
    names = ["both", "high_bias", "high_variance", "fine"]
    return np.select([high[0] & high[1], *high, fine], names, "cannot_tell")


def beside(part: Parts, other: Parts, seen: Flags | Literal[False] = False) -> Parts:
    """A part that is unclear beside one that is high does not matter, unless it is the larger one.

    Args:
        seen: whether it matters all the same, since it is measured and the other is assumed.
    """
    matters = (part.size == "high") | (part.matters & ((part.mean > other.mean) | seen))
    return part._replace(matters=np.where(other.size == "high", matters, part.matters))


class Judged(NamedTuple):
    """What is found of each setting of a stack, and what they have in common.

    Args:
        of: the stack.
        wrong_answers: whether errors are shares of wrong answers.
        unseen: the rows that the unseen error is of.
        yardstick: what matters of each.
    """

    of: Evidence
    wrong_answers: bool
    unseen: str
    yardstick: Values
    train_error: Values
    unseen_error: Values
    bias: Parts
    variance: Parts
    verdict: NDArray[np.str_]


def judged(evidence: Evidence, together: int = 1) -> Judged:
    """Both parts of the error of each setting, and what they say.

    Args:
        evidence: of a stack.
        together: how many strategies are judged at once.
    """
    unseen = evidence.unseen
    train, test = evidence.error("train"), evidence.error(unseen)
    lines = len(train)
    bias = variance = alone = nothing(lines)
    yardstick = yardsticks(evidence)
    if evidence.seeds and not evidence.settings.get("data.label_noise"):
        noise = evidence.standard_error("train")
        both = np.hypot(noise, evidence.standard_error(unseen))
        bias = judge(train - evidence.target.value, yardstick, noise, evidence.overlap, together)
        variance = judge(test - train, yardstick, both, evidence.overlap, together)
        if evidence.target.is_assumed:  # the gap is not: it counts where one strategy alone would show it
            alone = judge(test - train, yardstick, both, evidence.overlap)
    verdict = verdicts(bias, variance)
    return Judged(
        evidence,
        evidence.counts_wrong_answers,
        unseen,
        yardstick,
        _mean(train),
        _mean(test),
        beside(bias, variance),
        beside(variance, bias, alone.size == "high"),
        verdict,
    )


def _mean(errors: Values) -> Values:
    """Over the seeds of each setting; NaN where there are none."""
    lines, seeds = errors.shape
    return np.asarray(errors.mean(axis=-1)) if seeds else np.full(lines, math.nan)
