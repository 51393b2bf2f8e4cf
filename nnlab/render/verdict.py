"""The comparison in one sentence; every number in it is one of the table's."""

from collections.abc import Sequence

from nnlab.analysis.comparison import BETTER, SAME, UNKNOWN, WORSE, Difference
from nnlab.analysis.report import Report
from nnlab.render.numbers import number
from nnlab.text import one_line


def verdicts(report: Report) -> str:
    """One sentence for each experiment with a baseline."""
    found = (
        verdict(own, report.baselines[experiment], report.compared)
        for experiment, own in report.differences.items()
    )
    return "\n".join(f"{sentence}\n" for sentence in found if sentence)


def verdict(differences: Sequence[Difference], baseline: str, metric: str) -> str:
    """Who beats the baseline, by how much, who does not, and where it cannot be told.

    Args:
        differences: as `compare` gives them.
        baseline: what they are compared with.
        metric: by what.
    """
    if not differences:
        return ""
    parts = [_by_how_much(d) for mark in (BETTER, WORSE) for d in differences if d.mark == mark]
    if same := _names(differences, SAME):
        parts.append(f"no difference beyond noise for {same}")
    if unknown := _names(differences, UNKNOWN):
        parts.append(f"too few seeds to tell for {unknown}, at least {differences[0].needed} are needed")
    pairs = min(difference.pairs for difference in differences)
    return f"Against {one_line(baseline)}, by {metric} over {pairs} paired seeds: {'; '.join(parts)}."


def _by_how_much(d: Difference) -> str:
    way = "better" if d.mark == BETTER else "worse"
    size = f"{number(abs(d.mean), 2)} [{number(min(abs(d.low), abs(d.high)), 2)}, "
    return f"{one_line(d.strategy)} is {way} by {size}{number(max(abs(d.low), abs(d.high)), 2)}]"


def _names(differences: Sequence[Difference], mark: str) -> str:
    *first, last = [one_line(d.strategy) for d in differences if d.mark == mark] or [""]
    return f"{', '.join(first)} and {last}" if first else last
