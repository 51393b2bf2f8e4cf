"""Relatives: strategies of a sweep that differ in one thing, and so show whether a step helps."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from nnlab.analysis.dominance import Group
from nnlab.analysis.evidence import Evidence, Values
from nnlab.nn.noise import Dropout
from nnlab.nn.optimizers import Adam
from nnlab.nn.penalties import L2
from nnlab.nn.rectifiers import LeakyRelu, Relu
from nnlab.nn.regularizers import REGULARIZERS
from nnlab.store.settings import varying

Named = tuple[str, Evidence]  # a strategy and its runs
Measure = Callable[[Evidence], Values]
Apart = tuple[str, ...]  # settings that relatives may differ in
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
    apart: Apart
    amount: Callable[[Evidence], float]


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


def learning_rate(evidence: Evidence) -> float:
    """The first one; NaN where no optimizer has told it."""
    return float(evidence.settings.get("optimizer.learning_rate", math.nan))


def _less(name: str) -> Kind:
    return Kind("bias", (f"regularization.{name}",), lambda evidence: -evidence.strength(name))


def _more(name: str) -> Kind:
    return Kind("variance", (f"regularization.{name}",), lambda evidence: evidence.strength(name) or math.inf)


def _on(name: str) -> Kind:
    return Kind("variance", (f"regularization.{name}",), lambda evidence: name in evidence.active)


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
    "larger_learning_rate": Kind("bias", ("optimizer.learning_rate",), learning_rate),
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
        self._members: Sequence[Named] = [*strategies, *(("", evidence) for evidence in tried)]
        evidence = [own for _, own in self._members]
        self._varying = varying(own.settings for own in evidence)
        self._kinds = {
            name: kind
            for name, kind in KINDS.items()
            if any(_is_apart(key, kind.apart) for key in self._varying)
        }
        losses = np.array([_losses(own) for own in evidence])
        measures: tuple[Measure, ...] = (_train_error, _unseen_error)
        errors = {measure: self._errors(measure) for measure in measures}
        alike: dict[tuple[Apart, str], list[int]] = {}
        for apart in {kind.apart for kind in self._kinds.values()}:
            for place, own in enumerate(evidence):
                alike.setdefault((apart, self._common(own, apart)), []).append(place)
        self._groups: dict[tuple[str, str], Group] = {}
        for name, kind in self._kinds.items():
            amounts = np.array([kind.amount(own) if own.seeds else math.nan for own in evidence], float)
            amounts[np.isinf(amounts)] = math.nan
            for (apart, common), found in alike.items():
                if apart == kind.apart and len(found) > 1:  # alone, it has nobody to learn from
                    places = np.array(found)
                    own_errors = errors[_measure(kind)][places]
                    group = Group(places, amounts[places], losses[places], own_errors)
                    self._groups[name, common] = group

    def _errors(self, measure: Measure) -> Values:
        """What tells whether a step helps; infinite where a setting was only tried."""
        return np.array(
            [float(measure(own).mean()) if name and own.seeds else math.inf for name, own in self._members]
        )

    def shown(self, evidence: Evidence, yardstick: float) -> Shown:
        """What they show to one of them."""
        gains: dict[str, float] = {}
        named: dict[str, str] = {}
        refuted = set()
        losses = _losses(evidence)
        for name, kind in self._kinds.items():
            group = self._groups.get((name, self._common(evidence, kind.apart)))
            if group is None:
                continue
            taken, best = group.best(kind.amount(evidence), losses)
            if taken and best is None:
                refuted.add(name)
            if best is None or not self._members[best][0]:
                continue
            strategy, other = self._members[best]
            gain = _gain(evidence, other, _measure(kind))
            if gain >= yardstick:
                gains[name] = gain
            if gain >= yardstick or _gain(evidence, other, _unseen_loss) > 0:
                named[name] = strategy
        helped = tuple(sorted(gains, key=gains.__getitem__, reverse=True))
        return Shown(helped, named, frozenset(refuted))

    def _common(self, evidence: Evidence, apart: Apart) -> str:
        return repr([evidence.settings.get(key) for key in self._varying if not _is_apart(key, apart)])


def _is_apart(key: str, apart: Apart) -> bool:
    return any(key == own or key.startswith(f"{own}.") for own in apart)


def _losses(evidence: Evidence) -> Values:
    return np.array([evidence.mean(f"{split}_loss") for split in ("val", "test")])


def _measure(kind: Kind) -> Measure:
    return _train_error if kind.against == "bias" else _unseen_error


def _train_error(evidence: Evidence) -> Values:
    return evidence.error("train")


def _unseen_error(evidence: Evidence) -> Values:
    return evidence.error(evidence.unseen)


def _unseen_loss(evidence: Evidence) -> Values:
    return evidence.metrics[f"{evidence.unseen}_loss"]


def _gain(own: Evidence, other: Evidence, measure: Measure) -> float:
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
