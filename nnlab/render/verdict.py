"""The comparison in words; every number is one of the table's columns."""

import math
import textwrap
from collections.abc import Iterator, Sequence

from nnlab.analysis.comparison import BETTER, SAME, UNKNOWN, WORSE, Comparison, Difference
from nnlab.analysis.report import Report
from nnlab.metrics import higher_is_better
from nnlab.render.numbers import number, percent
from nnlab.text import count_of, one_line

WIDTH = 120
MOST_SEEDS = 1000  # nobody would train more to settle a question


def verdicts(report: Report) -> str:
    """What each experiment with a baseline says, a paragraph each, in lines of a width that reads well."""
    found = sentences(report)
    if len(report.folders) > 1:
        found = {experiment: f"{one_line(experiment)}: {words}" for experiment, words in found.items()}
    return "\n".join(f"{textwrap.fill(words, WIDTH)}\n" for words in found.values())


def sentences(report: Report) -> dict[str, str]:
    """Name of each experiment with a baseline -> what it says."""
    found = {}
    for experiment, comparison in report.comparisons.items():
        change = math.nan
        if comparison.leader is not None:
            own = report.summary[report.summary["chosen"] & (report.summary["experiment"] == experiment)]
            change = float(own.loc[own["strategy"] == comparison.leader, "gap_change"].iloc[0])
        found[experiment] = verdict(comparison, change)
    return found


def verdict(comparison: Comparison, gap_change: float = math.nan) -> str:
    """Who beats the baseline, by how much, who does as well, who does not, and where it cannot be told.

    Args:
        comparison: at least one difference, or a strategy that cannot be compared.
        gap_change: of the leader's gap, relative to the baseline's.
    """
    unit = comparison.unit
    by_mark = {mark: [d for d in comparison.differences if d.mark == mark] for mark in "+-=?"}
    parts = [*_leads(comparison, gap_change), *_others(comparison)] if comparison.leader else []
    parts += [f"{_name(d)} {_moved(d, comparison.metric)}" for d in by_mark[WORSE]]
    if same := by_mark[SAME]:
        parts.append(f"no difference beyond noise for {_names(same)}{_seeds_to_tell(same, unit)}")
    if unknown := by_mark[UNKNOWN]:
        parts.append(
            f"too few {unit}s to tell for {_names(unknown)}, at least {unknown[0].needed} are needed"
        )
    if comparison.lost:
        parts.append(f"no run of {_joined(list(map(one_line, comparison.lost)))} completed")
    if comparison.copies:
        verb = "is" if len(comparison.copies) == 1 else "are"
        same_as = f"{verb} the same as {one_line(comparison.baseline)}"
        parts.append(
            f"{_joined(list(map(one_line, comparison.copies)))} {same_as}, of the very same settings"
        )
    start = f"Against {one_line(comparison.baseline)}"
    if comparison.differences:
        pairs = min(difference.pairs for difference in comparison.differences)
        start += f", over {count_of(pairs, f'paired {unit}')}"
    return f"{start}: {'; '.join(parts)}.{_adjusted(same)}"


def _adjusted(same: Sequence[Difference]) -> str:
    """Why an interval that leaves 0 out may still be within noise."""
    outside = [d for d in same if d.low > 0 or d.high < 0]
    if not outside:
        return ""
    interval, leave = ("interval", "leaves") if len(outside) == 1 else ("intervals", "leave")
    return f" (The {interval} of {_names(outside)} {leave} 0 out; p allows for the number of strategies.)"


def _leads(comparison: Comparison, gap_change: float) -> Iterator[str]:
    leader = next(d for d in comparison.differences if d.strategy == comparison.leader)
    words = f"{_name(leader)} {_moved(leader, comparison.metric)}"
    if comparison.gap is not None and comparison.gap.high < 0 and -1 < gap_change < 0:
        words += f" and the gap by {percent(-gap_change)}"
    yield words


def _others(comparison: Comparison) -> Iterator[str]:
    """How the leader stands to the others that are no worse than the baseline."""
    marks = {d.strategy: d.mark for d in comparison.to_leader}
    helped = [d for d in comparison.differences if d.mark == BETTER and d.strategy in marks]
    if as_well := [d for d in helped if marks[d.strategy] in (SAME, BETTER)]:
        yield f"{_names(as_well)} did as well within noise"
    if unsettled := [d for d in helped if marks[d.strategy] == UNKNOWN]:
        needed = comparison.to_leader[0].needed
        yield f"{_names(unsettled)} helped, too, and it takes at least {needed} seeds to tell which is best"
    for d in helped:
        if marks[d.strategy] == WORSE:
            yield f"{_name(d)} {_moved(d, comparison.metric)}, less than {one_line(comparison.leader or '')}"


def _moved(d: Difference, metric: str) -> str:
    """What happened to the metric: "cut test_loss by 0.13 [0.05, 0.22]"."""
    sign = 1 if d.mean > 0 else -1
    low, high = sorted((sign * d.low, sign * d.high))
    verb = "raised" if d.mean > 0 else ("lowered" if higher_is_better(metric) else "cut")
    return f"{verb} {metric} by {number(abs(d.mean), 2)} [{number(low, 2)}, {number(high, 2)}]"


def _seeds_to_tell(same: Sequence[Difference], unit: str) -> str:
    """How many seeds would settle what is not settled; nothing where differences are about 0."""
    if all(math.isinf(d.to_tell) for d in same):
        return f" (this table is too small to show differences of that size, however many {unit}s)"
    known = [f"about {d.to_tell:.0f} {unit}s for {_name(d)}" for d in same if d.to_tell <= MOST_SEEDS]
    return f" (to settle it would take {', '.join(known)})" if known else ""


def _name(d: Difference) -> str:
    return one_line(d.strategy)


def _names(differences: Sequence[Difference]) -> str:
    return _joined([_name(d) for d in differences])


def _joined(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
