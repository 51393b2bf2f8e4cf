"""The diagnosis: does the network err because it is too simple, or because it learned its rows by heart?

    avoidable bias = training error - target          what a better fit could win
    variance       = unseen error - training error    what does not carry over to rows it has not seen

The error is the share of wrong answers (1 - accuracy), or the squared error summed over outputs. Unseen
rows are the test rows, or the validation rows where there are none. The target is `report.target`, or the
known Bayes error or noise of a generator, or assumed to be 0.

Each part is judged over seeds, by its mean and its t-interval, which is corrected where seeds split one
table (Nadeau and Bengio, 2003) and widened by Bonferroni for the number of strategies, so that of all
strategies of an experiment together at most 5 in 100 get a false "high":

- high:    beyond noise (the interval is above 0) and not negligible (the mean reaches the yardstick);
- small:   the mean is below the yardstick, and the interval ends below twice the yardstick;
- unclear: anything else. Then the interval covers 0 and twice the yardstick: more seeds narrow it.

The yardstick is 2 points of error rate, or 5 % of the variance of the target: less would hardly repay the
work. With fewer than 6 seeds no interval is trusted (5 seeds that agree in sign do so by chance in 1 of 16
experiments). Then a part is high only if it is so in every seed, by 5 yardsticks and by 3 standard errors of
that seed's own rows; all else is unclear.

Source of the parts and steps: A. Ng, Machine Learning Yearning (2018), chapters 20 to 25.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from nnlab.analysis.evidence import Evidence, Values, of_frame, of_row
from nnlab.analysis.intervals import half_width
from nnlab.analysis.next_steps import Step, steps_against
from nnlab.analysis.relatives import NOTHING_SHOWN, Named, Relatives, Shown
from nnlab.analysis.target import Target
from nnlab.analysis.trouble import Sign, signs_of

if TYPE_CHECKING:
    import pandas as pd

    from nnlab.store.experiment import Row

WRONG_ANSWERS = 0.02  # the yardstick for classes: 2 points
VARIANCE = 0.05  # the yardstick for numbers, of the variance of the target
MANY_SEEDS = 6  # the fewest that can agree in sign beyond chance: 2^(1 - 6) < 0.05
CLEAR, CLEAR_ERRORS = 5, 3  # yardsticks and standard errors that are seen without an interval
MOST_SEEDS = 100  # more are no advice

Verdict = Literal["high_bias", "high_variance", "both", "fine", "cannot_tell"]


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
    size: Literal["high", "small", "unclear"]
    seeds_needed: float = 0
    matters: bool = True


@dataclass(frozen=True)
class Diagnosis:
    """What one setting suffers from, and what to do.

    Args:
        seeds: runs that it rests on.
        wrong_answers: whether errors are shares of wrong answers; otherwise they are squared errors.
        unseen: the rows that the unseen error is of: test or val.
        train_error, unseen_error: means over seeds.
        bias, variance: the two parts.
        steps: what to do next, the best first.
        signs: what else is wrong.
        noisy_labels: whether training labels are wrong on purpose, which makes the parts meaningless.
    """

    seeds: int
    wrong_answers: bool
    unseen: str
    train_error: float
    unseen_error: float
    target: Target
    bias: Part
    variance: Part
    verdict: Verdict
    steps: tuple[Step, ...] = ()
    signs: tuple[Sign, ...] = ()
    noisy_labels: bool = False

    @property
    def link(self) -> Literal["and", "or"]:
        """How the steps belong together: one against each part, or two ways to the same."""
        return "and" if len({step.against for step in self.steps}) > 1 else "or"


NOTHING = Part(math.nan, math.nan, math.nan, "unclear", math.inf, False)


def diagnose(evidence: Evidence, together: int = 1, relatives: Relatives | None = None) -> Diagnosis:
    """The diagnosis of one setting.

    Args:
        evidence: its runs.
        together: how many strategies are judged at once.
        relatives: those strategies; they may show that a step helps.
    """
    unseen = evidence.unseen
    train, test = evidence.error("train"), evidence.error(unseen)
    noisy = bool(evidence.settings.get("data.label_noise"))
    yardstick = yardstick_of(evidence)
    bias = variance = NOTHING
    if not noisy and yardstick > 0 and evidence.seeds:
        noise = evidence.standard_error("train")
        both = np.hypot(noise, evidence.standard_error(unseen))
        bias = judge(train - evidence.target.value, yardstick, noise, evidence.overlap, together)
        variance = judge(test - train, yardstick, both, evidence.overlap, together)
    verdict = _verdict(bias, variance)
    if verdict in ("high_bias", "high_variance"):
        bias, variance = _beside(bias, variance), _beside(variance, bias)
    told = relatives is not None and verdict not in ("fine", "cannot_tell")
    shown = relatives.shown(evidence, yardstick) if relatives and told else NOTHING_SHOWN
    return Diagnosis(
        evidence.seeds,
        evidence.counts_wrong_answers,
        unseen,
        _mean(train),
        _mean(test),
        evidence.target,
        bias,
        variance,
        verdict,
        _steps(evidence, bias, variance, shown),
        signs_of(evidence),
        noisy,
    )


def yardstick_of(evidence: Evidence) -> float:
    """What counts as more than negligible; NaN where a target that does not vary has no scale."""
    if evidence.counts_wrong_answers:
        return WRONG_ANSWERS
    # R2 = 1 - error / variance, on whichever rows; where the error is largest it loses fewest digits.
    split = evidence.unseen if np.isfinite(evidence.metrics[f"{evidence.unseen}_r2"]).any() else "train"
    left = 1 - evidence.metrics[f"{split}_r2"]
    scale = evidence.error(split)[left > 0] / left[left > 0]
    return VARIANCE * float(scale.mean()) if len(scale) else math.nan


def judge(values: Values, yardstick: float, errors: Values, overlap: float = 0.0, together: int = 1) -> Part:
    """Whether a part is high, small or unclear.

    Args:
        values: one for each seed.
        yardstick: the size that matters.
        errors: the standard error of each value, from its own rows.
        overlap: test rows over all others where seeds split one table.
        together: how many strategies are judged at once.

    >>> judge(np.array([0.25, 0.31]), 0.02, np.array([0.03, 0.03])).size
    'high'
    """
    n, mean = len(values), _mean(values)
    if not np.isfinite(values).all():
        return NOTHING
    clear = bool(np.all((values >= CLEAR * yardstick) & (values >= CLEAR_ERRORS * errors)))
    if n < MANY_SEEDS:
        unclear = Part(mean, math.nan, math.nan, "unclear", MANY_SEEDS, mean >= yardstick)
        return replace(unclear, size="high", seeds_needed=0) if clear else unclear
    spread = float(values.std(ddof=1))
    half = float(half_width(n, spread, overlap, together))
    low, high = mean - half, mean + half
    if clear or (low > 0 and mean >= yardstick):
        return Part(mean, low, high, "high")
    if high < 2 * yardstick and mean < yardstick:
        return Part(mean, low, high, "small", matters=False)
    needed = _seeds_needed(mean, spread, yardstick, overlap, together)
    return Part(mean, low, high, "unclear", needed, mean >= yardstick)


def _seeds_needed(mean: float, spread: float, yardstick: float, overlap: float, together: int) -> float:
    """The fewest seeds whose interval, at the same mean and spread, leaves 0 or twice the yardstick out."""
    n = np.arange(MANY_SEEDS, MOST_SEEDS + 1, dtype=np.float64)
    enough = n[half_width(n, spread, overlap, together) < max(mean, 2 * yardstick - mean)]
    return float(enough[0]) if len(enough) else math.inf


def _verdict(bias: Part, variance: Part) -> Verdict:
    high = bias.size == "high", variance.size == "high"
    if any(high):
        return "both" if all(high) else "high_bias" if high[0] else "high_variance"
    return "fine" if bias.size == variance.size == "small" else "cannot_tell"


def _beside(part: Part, other: Part) -> Part:
    """A part that is unclear beside one that is high does not matter, unless it is the larger one."""
    return replace(part, matters=part.size == "high" or (part.matters and part.mean > other.mean))


def _steps(evidence: Evidence, bias: Part, variance: Part, shown: Shown) -> tuple[Step, ...]:
    """Two steps against what is high; one against each part, the larger one first, if both matter.

    Where nothing is high and something unclear, the next step is more seeds, if any number would do.
    """
    if "high" not in (bias.size, variance.size):
        needed = max(bias.seeds_needed, variance.seeds_needed)
        return (Step("more_seeds", int(needed)),) if 0 < needed < math.inf else ()
    parts: dict[Literal["bias", "variance"], Part] = {"bias": bias, "variance": variance}
    found = {name: steps_against(name, evidence, shown) for name, part in parts.items() if part.matters}
    if len(found) == 1:
        return tuple(next(iter(found.values()))[:2])
    # Of the steps against variance only more data is sure not to raise the bias; others have to show it.
    safe = [step for step in found["variance"] if step.name == "more_data" or step.see is not None]
    against = [*found["bias"][:1], *safe[:1]]
    return tuple(against if bias.mean >= variance.mean else against[::-1])


def _mean(values: Values) -> float:
    return float(values.mean()) if len(values) else math.nan


# --- from what is stored ------------------------------------------------------------------------

Line = tuple[str, str, str]  # experiment, strategy, setting: a line of the summary


def diagnose_run(row: "Row", asked: float | None) -> Diagnosis:
    """The diagnosis of a single run.

    Args:
        row: as it is stored.
        asked: `report.target` of the config.
    """
    return diagnose(of_row(row, asked))


def diagnoses(runs: "pd.DataFrame", everything: "pd.DataFrame | None" = None) -> dict[Line, Diagnosis]:
    """The diagnosis of every line of a report, whichever other lines are shown.

    Args:
        runs: as made by `runs_frame`.
        everything: all runs that `runs` were chosen from.
    """
    evidence = of_frame(runs)
    if everything is None or len(everything) == len(runs):
        everything, all_evidence = runs, evidence
    else:
        all_evidence = of_frame(everything)
    chosen = _chosen(everything)
    strategies: dict[str, list[Named]] = {}
    tried: dict[str, list[Evidence]] = {}
    for key, own in all_evidence.items():
        if key in chosen:
            strategies.setdefault(key[0], []).append((chosen[key], own))
        else:
            tried.setdefault(key[0], []).append(own)
    together = {experiment: len(own) for experiment, own in strategies.items()}
    relatives = {
        name: Relatives(strategies.get(name, ()), tried.get(name, ()))
        for name in dict.fromkeys(experiment for experiment, *_ in evidence)
    }
    lines = runs[["experiment", "strategy", "settings", "setting"]].drop_duplicates()
    return {
        (experiment, strategy, words): diagnose(
            evidence[experiment, strategy, settings], together.get(experiment, 1), relatives[experiment]
        )
        for experiment, strategy, settings, words in lines.itertuples(index=False)
    }


def _chosen(runs: "pd.DataFrame") -> dict[tuple[str, str, str], str]:
    """Experiment, strategy and settings of each line that stands for a strategy -> what it is called.

    Single runs and points of a grid stand for themselves, and go by their settings if names are alike.
    """
    lines = runs[runs["chosen"] & runs["current"]].drop_duplicates(["experiment", "strategy", "settings"])
    alike = lines.duplicated(["experiment", "strategy"], keep=False)
    names = lines["strategy"].where(~alike, lines["setting"])
    keys = lines[["experiment", "strategy", "settings"]].itertuples(index=False, name=None)
    return dict(zip(keys, names, strict=True))


def with_diagnoses(summary: "pd.DataFrame", found: Mapping[Line, Diagnosis]) -> "pd.DataFrame":
    """The summary with columns diagnosis and next_step, by name."""
    lines = [
        found[key] for key in zip(summary["experiment"], summary["strategy"], summary["setting"], strict=True)
    ]
    return summary.assign(
        diagnosis=[line.verdict for line in lines],
        next_step=[f" {line.link} ".join(step.name for step in line.steps) or "none" for line in lines],
    )
