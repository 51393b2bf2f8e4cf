"""Signs of trouble in finished runs, by name: what is wrong beside bias and variance."""

from collections.abc import Callable
from dataclasses import dataclass

from nnlab.analysis.evidence import Evidence

VANISHED = 0.02  # of the last layer's gradient; healthy networks are above 0.05 (see docs/diagnosis.md)
MANY_DEAD = 0.2  # of the hidden units: a few are usual
MANY_SATURATED = 0.8  # of all activations: where classes are told apart sharply, half of them is usual
OUTSIZED, SHARES = 0.2, 5  # of the squared first-layer weights, and times an even share


@dataclass(frozen=True)
class Sign:
    """One thing that is wrong.

    Args:
        name: as it is called everywhere.
        value: how much of it there is.
        what: the feature it is about, if any.
    """

    name: str
    value: float
    what: str = ""


def _vanishing_gradients(evidence: Evidence) -> Sign | None:
    ratio = evidence.mean("gradient_ratio")
    return Sign("vanishing_gradients", ratio) if ratio < VANISHED else None


def _dead_units(evidence: Evidence) -> Sign | None:
    share = evidence.mean("dead_units")
    return Sign("dead_units", share) if share >= MANY_DEAD else None


def _saturated_units(evidence: Evidence) -> Sign | None:
    share = evidence.mean("saturated_units")
    return Sign("saturated_units", share) if share >= MANY_SATURATED else None


def _top_feature(evidence: Evidence) -> Sign | None:
    share = evidence.mean("top_feature_share")
    outsized = share >= max(OUTSIZED, SHARES / max(1, evidence.features))
    return Sign("top_feature", share, evidence.top_feature) if outsized else None


def _diverged(evidence: Evidence) -> Sign | None:
    return Sign("diverged", evidence.diverged) if evidence.diverged else None


SIGNS: dict[str, Callable[[Evidence], Sign | None]] = {
    "diverged": _diverged,
    "vanishing_gradients": _vanishing_gradients,
    "dead_units": _dead_units,
    "saturated_units": _saturated_units,
    "top_feature": _top_feature,
}


def signs_of(evidence: Evidence) -> tuple[Sign, ...]:
    """All signs there are, the gravest first."""
    return tuple(sign for find in SIGNS.values() if (sign := find(evidence)) is not None)


def has(evidence: Evidence, name: str) -> bool:
    """Whether there is this sign."""
    return SIGNS[name](evidence) is not None
