"""Relatives: strategies of a sweep that differ in one thing, and so show whether more of it helps."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nnlab.analysis.evidence import Evidence

Named = tuple[str, Evidence]  # a strategy and its runs


@dataclass(frozen=True)
class Kind:
    """Something that there may be more of.

    Args:
        apart: the settings that relatives may differ in.
        amount: how much of it a strategy has.
        split: the rows whose error tells whether it helps; None for the unseen ones.
    """

    apart: tuple[str, ...]
    amount: Callable[[Evidence], float]
    split: str | None


def unique_rows(evidence: Evidence) -> float:
    """Training rows, their copies left out."""
    return evidence.mean("train_rows") / float(evidence.settings.get("data.copies", 1))


# By the step that asks for more of it.
KINDS = {
    "more_data": Kind(("data.train_size", "data.copies"), unique_rows, None),
    "longer_training": Kind(
        ("training.epochs", "training.evaluate_every"), lambda evidence: evidence.mean("epochs"), "train"
    ),
    "more_parameters": Kind(("model.hidden",), lambda evidence: evidence.mean("parameters"), "train"),
}


class Relatives:
    """The strategies of one experiment, found by what they have in common."""

    def __init__(self, strategies: Sequence[Named]) -> None:
        self._groups: dict[tuple[str, str], list[Named]] = {}
        for strategy, evidence in strategies:
            for name, kind in KINDS.items():
                key = name, _common(evidence, kind)
                self._groups.setdefault(key, []).append((strategy, evidence))

    def shown(self, evidence: Evidence, yardstick: float) -> Mapping[str, str]:
        """Each step that helps, and the strategy that shows it best.

        It helps if the strategy with more errs less by a yardstick and by two standard errors of the
        difference of two means.
        """
        found = {}
        for name, kind in KINDS.items():
            others = self._groups[name, _common(evidence, kind)]
            better = [other for other in others if _helps(kind, evidence, other[1], yardstick)]
            if better:
                split = kind.split or evidence.unseen
                found[name] = min(better, key=lambda other: float(other[1].error(split).mean()))[0]
        return found


def _common(evidence: Evidence, kind: Kind) -> str:
    kept = {key: value for key, value in evidence.settings.items() if key not in kind.apart}
    return json.dumps(kept, sort_keys=True)


def _helps(kind: Kind, evidence: Evidence, other: Evidence, yardstick: float) -> bool:
    if min(evidence.seeds, other.seeds) < 2 or kind.amount(other) <= kind.amount(evidence):
        return False
    errors = [one.error(kind.split or evidence.unseen) for one in (evidence, other)]
    noise = math.sqrt(sum((1 / len(v) + evidence.overlap) * float(v.var(ddof=1)) for v in errors))
    return float(errors[0].mean() - errors[1].mean()) >= max(yardstick, 2 * noise)
