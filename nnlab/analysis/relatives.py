"""Relatives: strategies of a sweep that differ in one thing, and so show whether a step helps."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from nnlab.analysis.evidence import Evidence, Values
from nnlab.nn.activations import LeakyRelu, Relu
from nnlab.nn.noise import Dropout
from nnlab.nn.optimizers import Adam
from nnlab.nn.penalties import L2
from nnlab.nn.regularizers import REGULARIZERS
from nnlab.store.experiment import varying

Named = tuple[str, Evidence]  # a strategy and its runs
ERRORS = 2  # standard errors that a difference must reach


@dataclass(frozen=True)
class Kind:
    """A step, and how to tell who has taken it.

    Args:
        against: what it is a step against. Against bias the training error tells whether it helps, against
            variance that of unseen rows.
        apart: the settings that relatives may differ in, with those below them.
        amount: what grows by the step; infinite where it makes no sense.
    """

    against: Literal["bias", "variance"]
    apart: tuple[str, ...]
    amount: Callable[[Evidence], float]


class _Group(NamedTuple):
    """Settings that differ in one thing at most.

    Args:
        members: strategy, empty where a setting was only tried, and runs of each.
        amounts: how much each has of it; NaN without a completed run.
        losses: of validation and test rows, (members, 2).
        errors: what tells whether the step helps; infinite where a setting was only tried.
    """

    members: Sequence[Named]
    amounts: Values
    losses: Values
    errors: Values


@dataclass(frozen=True)
class Shown:
    """What the strategies of a sweep show to one of them.

    Args:
        helped: each step that helped by as much as matters, the largest gain first.
        named: each step that made the loss of unseen rows smaller beyond noise -> the strategy that shows it.
        refuted: steps that were taken, and always with a larger loss of unseen rows.
    """

    helped: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)
    refuted: frozenset[str] = frozenset()


NOTHING_SHOWN = Shown()


def unique_rows(evidence: Evidence) -> float:
    """Training rows, their copies left out."""
    return evidence.mean("train_rows") / float(evidence.settings.get("data.copies", 1))


def _parameters(evidence: Evidence) -> float:
    return evidence.mean("parameters") if evidence.settings["model.hidden"] else math.inf


def _less(name: str) -> Kind:
    return Kind("bias", (f"regularization.{name}",), lambda evidence: -evidence.strength(name))


def _more(name: str) -> Kind:
    return Kind("variance", (f"regularization.{name}",), lambda evidence: evidence.strength(name) or math.inf)


def _on(name: str) -> Kind:
    return Kind("variance", (f"regularization.{name}",), lambda evidence: name in evidence.active())


def _activation(*names: str) -> Kind:
    apart = ("model.activation", "model.initializer")
    return Kind("bias", apart, lambda evidence: evidence.name_of("model.activation") in names)


# By the step.
KINDS = {
    "more_data": Kind("variance", ("data.train_size", "data.copies"), unique_rows),
    "longer_training": Kind(
        "bias", ("training.epochs", "training.evaluate_every"), lambda evidence: evidence.mean("epochs")
    ),
    "more_parameters": Kind("bias", ("model.hidden",), _parameters),
    "hidden_layer": Kind(
        "bias",
        ("model.hidden", "model.activation", "model.initializer"),
        lambda evidence: bool(evidence.settings["model.hidden"]),
    ),
    "other_activation": _activation(Relu.name),
    "leaky_activation": _activation(LeakyRelu.name),
    "adam": Kind("bias", ("optimizer",), lambda evidence: evidence.name_of("optimizer") == Adam.name),
    f"less_{L2.name}": _less(L2.name),
    f"less_{Dropout.name}": _less(Dropout.name),
    **{name: _on(name) for name in REGULARIZERS},
    f"more_{L2.name}": _more(L2.name),
}


class Relatives:
    """The strategies of one experiment, found by what they have in common.

    Args:
        strategies: with their chosen settings.
        tried: other settings of theirs, which name no strategy, but may show that a step does not help.
    """

    def __init__(self, strategies: Sequence[Named], tried: Sequence[Evidence] = ()) -> None:
        members = [*strategies, *(("", evidence) for evidence in tried)]
        self._varying = varying(evidence.settings for _, evidence in members)
        self._kinds = {
            name: kind for name, kind in KINDS.items() if any(_is_apart(key, kind) for key in self._varying)
        }
        alike: dict[tuple[str, str], list[Named]] = {}
        for strategy, evidence in members:
            for name, kind in self._kinds.items():
                alike.setdefault((name, self._common(evidence, kind)), []).append((strategy, evidence))
        self._groups = {key: _group(KINDS[key[0]], own) for key, own in alike.items()}

    def shown(self, evidence: Evidence, yardstick: float) -> Shown:
        """What they show to one of them."""
        gains: dict[str, float] = {}
        named: dict[str, str] = {}
        refuted = set()
        losses = _losses(evidence)
        for name, kind in self._kinds.items():
            group = self._groups.get((name, self._common(evidence, kind)))
            if group is None:
                continue
            taken = group.amounts > kind.amount(evidence)
            good = taken & ~(group.losses > losses).any(axis=1)
            if taken.any() and not good.any():
                refuted.add(name)
            errors = np.where(good, group.errors, math.inf)
            best = int(errors.argmin())
            if not math.isfinite(errors[best]):
                continue
            strategy, other = group.members[best]
            gain = _gain(evidence, other, _measure(kind))
            if gain >= yardstick:
                gains[name] = gain
            if gain >= yardstick or _gain(evidence, other, _unseen_loss) > 0:
                named[name] = strategy
        helped = tuple(sorted(gains, key=gains.__getitem__, reverse=True))
        return Shown(helped, named, frozenset(refuted))

    def _common(self, evidence: Evidence, kind: Kind) -> str:
        return json.dumps([evidence.settings.get(key) for key in self._varying if not _is_apart(key, kind)])


def _is_apart(key: str, kind: Kind) -> bool:
    return any(key == own or key.startswith(f"{own}.") for own in kind.apart)


def _group(kind: Kind, members: Sequence[Named]) -> _Group:
    measure = _measure(kind)
    amounts = [kind.amount(own) if own.seeds else math.nan for _, own in members]
    errors = [float(measure(own).mean()) if strategy and own.seeds else math.inf for strategy, own in members]
    losses = np.array([_losses(own) for _, own in members])
    return _Group(members, np.array(amounts, float), losses, np.array(errors))


def _losses(evidence: Evidence) -> Values:
    return np.array([evidence.mean(f"{split}_loss") for split in ("val", "test")])


def _measure(kind: Kind) -> Callable[[Evidence], Values]:
    return _train_error if kind.against == "bias" else _unseen_error


def _train_error(evidence: Evidence) -> Values:
    return evidence.error("train")


def _unseen_error(evidence: Evidence) -> Values:
    return evidence.error(evidence.unseen)


def _unseen_loss(evidence: Evidence) -> Values:
    return evidence.metrics[f"{evidence.unseen}_loss"]


def _gain(own: Evidence, other: Evidence, measure: Callable[[Evidence], Values]) -> float:
    """By how much an error falls in the mean, seed by seed; 0 if not by two standard errors."""
    after = dict(zip(other.pairs, measure(other).tolist(), strict=True))
    before = zip(own.pairs, measure(own).tolist(), strict=True)
    d = np.array([error - after[pair] for pair, error in before if pair in after])
    d = d[np.isfinite(d)]
    if len(d) < 2:
        return 0.0
    noise = math.sqrt(1 / len(d) + own.overlap) * float(d.std(ddof=1))
    gain = float(d.mean())
    return gain if gain >= ERRORS * noise else 0.0
