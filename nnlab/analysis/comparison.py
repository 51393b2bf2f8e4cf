"""The comparison: is a strategy better than the baseline, by how much, and is that more than noise?

Strategies with the same seed share split, first weights and batch order, so they are compared pair by
pair: d_i = metric of the strategy - metric of the baseline, for seed i. Then the best one is compared
with the other strategies in the same way. Where a sweep crosses data seeds with seeds, the d_i of one
data seed are averaged first, and the pairs are the data seeds. `paired_tests` says which test and which
interval.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from nnlab.analysis.intervals import LEVEL
from nnlab.analysis.paired_tests import (
    Values,
    corrected_t,
    half_width,
    holm,
    pairs_needed,
    pairs_to_tell,
    sign_flip,
)
from nnlab.analysis.pairing import Pairing
from nnlab.analysis.seeds import is_crossed
from nnlab.metrics import higher_is_better

BETTER, WORSE, SAME, UNKNOWN = "+", "-", "=", "?"


@dataclass(frozen=True)
class Difference:
    """A strategy against another one, over the seeds that both have completed.

    Args:
        strategy: its name.
        pairs: seeds that both have, or data seeds.
        mean, low, high: of strategy - other, with its 95 % interval; NaN where it is not defined.
        wins: share of the pairs in which the strategy is better, ties counting half.
        p: two-sided, adjusted for the number of comparisons.
        mark: + better, - worse, = no difference beyond noise, ? too few pairs to tell.
        needed: pairs that the smallest possible p asks for.
        to_tell: about how many pairs would show a difference of this size, if it is real.
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
    to_tell: float


@dataclass(frozen=True)
class Comparison:
    """All strategies of one experiment, compared.

    Args:
        baseline: the strategy that the others are compared with.
        metric: by what.
        differences: of each other strategy to the baseline, in the order of the runs.
        leader: the best of those that are better than the baseline; None if there is none.
        to_leader: of each other strategy to the leader.
        gap: of the leader to the baseline, in the gap; None where there is no gap or no leader.
        unit: what is paired: seed, or data seed where these are crossed with seeds.
        lost: strategies none of whose runs completed.
        copies: strategies that are the baseline under another name: of the same settings.
    """

    baseline: str
    metric: str
    differences: tuple[Difference, ...]
    leader: str | None = None
    to_leader: tuple[Difference, ...] = ()
    gap: Difference | None = None
    unit: str = "seed"
    lost: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()


def compare(runs: pd.DataFrame, baseline: str, metric: str) -> Comparison:
    """Every other strategy against the baseline, and against the one that beats it most clearly.

    p is adjusted by Holm for the number of strategies; against the leader, which the same runs
    have singled out, by the number of all pairs of strategies, in Bonferroni's way.

    Args:
        runs: the chosen runs of one experiment, as made by `runs_frame`, each strategy with one setting.
        baseline: the strategy they are compared with.
        metric: what is compared, such as test_loss.
    """
    completed = runs[runs["status"] == "completed"]
    pairing = Pairing(completed, metric)
    there = pairing.counts
    if baseline not in set(runs["strategy"]):  # a filter has left it out
        return Comparison(baseline, metric, ())
    lost = tuple(name for name in dict.fromkeys(runs["strategy"]) if name not in {*there, baseline})
    if not there.get(baseline):
        return Comparison(baseline, metric, (), lost=(baseline, *lost))
    overlap, count = split_overlap(completed, metric), len(there) - 1
    to_base = pairing.against(baseline)
    found = [_difference(name, d, metric, overlap, count) for name, d in to_base.items()]
    adjusted = holm([difference.p for difference in found])
    differences = tuple(_marked(d, p, metric) for d, p in zip(found, adjusted, strict=True))
    unit = "data seed" if is_crossed(completed) else "seed"
    comparison = Comparison(baseline, metric, differences, unit=unit, lost=lost)
    leader = _leader(differences, metric)
    if leader is None:
        return comparison
    pairs = count * (count - 1) // 2
    to_best = {name: d for name, d in pairing.against(leader).items() if name != baseline}
    others = [_difference(name, d, metric, overlap, pairs) for name, d in to_best.items()]
    to_leader = tuple(_marked(d, min(1.0, d.p * pairs), metric) for d in others)
    gap = _gap(completed, leader, baseline, overlap) if metric != "gap" else None
    return replace(comparison, leader=leader, to_leader=to_leader, gap=gap)


def split_overlap(runs: pd.DataFrame, metric: str = "test_loss") -> float:
    """Rows that measure over rows to train on, where seeds split one table; 0 where they draw new rows.

    That is n_test / n_train of Nadeau and Bengio. Rows that `train_size` leaves out count as rows to train
    on: splits that use few of many rows overlap less.

    Args:
        runs: completed runs of one experiment.
        metric: what is compared: that of validation rows, or of test rows.
    """
    if not runs["resampled"].any():
        return 0.0
    share, train = runs["test_share"].max(), runs["train_rows"].max()
    validation, test = (runs[name].fillna(0).max() for name in ("val_rows", "test_rows"))
    if share > 0 and not test:  # stored before rows were counted
        return float(share / (1 - share))
    available = test / share - test - validation if test else train
    measuring = validation if metric.startswith("val_") or not test else test
    return float(measuring / available)


def _difference(name: str, d: Values, metric: str, overlap: float, count: int) -> Difference:
    n = len(d)
    better = -d if not higher_is_better(metric) else d
    wins = float(np.mean((better > 0) + 0.5 * (better == 0))) if n else math.nan
    mean = float(d.mean()) if n else math.nan
    half = half_width(d, overlap)
    p = corrected_t(d, overlap) if overlap else sign_flip(d)
    to_tell = pairs_to_tell(d, overlap, count)
    return Difference(name, n, mean, mean - half, mean + half, wins, p, UNKNOWN, pairs_needed(count), to_tell)


def _marked(difference: Difference, p: float, metric: str) -> Difference:
    if difference.pairs < difference.needed or math.isnan(p):
        mark = UNKNOWN
    elif p > LEVEL:
        mark = SAME
    else:
        mark = BETTER if (difference.mean > 0) == higher_is_better(metric) else WORSE
    return replace(difference, p=p, mark=mark)


def _leader(differences: Sequence[Difference], metric: str) -> str | None:
    better = [d for d in differences if d.mark == BETTER]
    if not better:
        return None
    return max(better, key=lambda d: d.mean if higher_is_better(metric) else -d.mean).strategy


def _gap(completed: pd.DataFrame, leader: str, baseline: str, overlap: float) -> Difference | None:
    if "gap" not in completed:
        return None
    both = completed[completed["strategy"].isin((leader, baseline))]
    gap = _difference(leader, Pairing(both, "gap").against(baseline)[leader], "gap", overlap, 1)
    return _marked(gap, gap.p, "gap")


def compared_metric(metric: str) -> str:
    """What strategies are compared by: the test rows' version of what they are ordered by.

    >>> compared_metric("val_accuracy"), compared_metric("gap")
    ('test_accuracy', 'gap')
    """
    return metric.replace("val_", "test_")


def comparisons(runs: pd.DataFrame, metric: str) -> dict[str, Comparison]:
    """What `compare` finds inside each experiment that has a baseline.

    Args:
        runs: as made by `runs_frame`; the chosen ones are compared, with what their column `baseline` says.
        metric: what is compared.
    """
    found = {}
    # A strategy that was not tuned may have several settings (single runs): the first one stands for it.
    chosen = runs[runs["chosen"]].drop_duplicates(["experiment", "strategy", "data_seed", "seed"])
    for experiment, group in chosen.groupby("experiment", sort=False):
        baseline = group["baseline"].iloc[0]
        if baseline is not None and metric in group:
            copies = _copies(group, baseline)
            comparison = compare(group[~group["strategy"].isin(copies)], baseline, metric)
            if comparison.differences or comparison.lost or copies:
                found[str(experiment)] = replace(comparison, copies=copies)
    return found


def _copies(runs: pd.DataFrame, baseline: str) -> tuple[str, ...]:
    """The strategies that have the baseline's runs: of the same settings, they were trained once for both."""
    strategies = runs["strategy"]
    shared = runs["run"].isin(runs.loc[strategies == baseline, "run"])
    own = shared.groupby(strategies, sort=False).all()
    return tuple(str(name) for name in own.index[own] if name != baseline)


def with_comparisons(summary: pd.DataFrame, found: Mapping[str, Comparison]) -> pd.DataFrame:
    """The summary with what was found, in the lines of the chosen settings: these were compared.

    Returns:
        More columns: compared (the metric), difference, difference_low, difference_high, wins, p and mark
        against the baseline, seeds_to_tell, gap_change (relative to the baseline's gap, -0.5 is half of
        it); to_leader, to_leader_low, to_leader_high, to_leader_p and to_leader_mark.
    """
    if not found:
        return summary
    chosen = summary[summary["chosen"]]
    gaps = {experiment: _gaps(own) for experiment, own in chosen.groupby("experiment")}
    by_experiment = {name: _lines(comparison, gaps.get(name, {})) for name, comparison in found.items()}
    keys = summary[["experiment", "strategy", "chosen"]].itertuples(index=False)
    lines = [
        by_experiment[experiment].get(strategy, {"compared": found[experiment].metric})
        if experiment in found and is_chosen
        else {}
        for experiment, strategy, is_chosen in keys
    ]
    if not any(own for own in by_experiment.values()):
        return summary  # nothing could be compared
    columns = pd.DataFrame(lines, index=summary.index)
    marks = {name: columns[name].fillna("") for name in ("mark", "to_leader_mark") if name in columns}
    return pd.concat([summary, columns.assign(**marks)], axis="columns")


def _gaps(lines: pd.DataFrame) -> dict[str, float]:
    """The mean gap of each strategy."""
    return {} if "gap" not in lines else dict(zip(lines["strategy"], lines["gap"], strict=True))


def _lines(comparison: Comparison, gaps: Mapping[str, float]) -> dict[str, dict[str, object]]:
    """The columns of each strategy that was compared."""
    before = gaps.get(comparison.baseline, math.nan)
    lines: dict[str, dict[str, object]] = {}
    for d in comparison.differences:
        change = gaps.get(d.strategy, math.nan) / before - 1 if before > 0 else math.nan
        lines[d.strategy] = {
            "compared": comparison.metric,
            "difference": d.mean,
            "difference_low": d.low,
            "difference_high": d.high,
            "wins": d.wins,
            "p": d.p,
            "mark": d.mark,
            "seeds_to_tell": d.to_tell,
            "gap_change": change,
        }
    for d in comparison.to_leader:
        lines[d.strategy] |= {
            "to_leader": d.mean,
            "to_leader_low": d.low,
            "to_leader_high": d.high,
            "to_leader_p": d.p,
            "to_leader_mark": d.mark,
        }
    return lines
