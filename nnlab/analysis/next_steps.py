"""The next steps: what the lecture advises against high bias and high variance, where it is not done yet."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from nnlab.analysis.evidence import Evidence
from nnlab.analysis.relatives import KINDS, NOTHING_SHOWN, Shown, learning_rate
from nnlab.analysis.trouble import has
from nnlab.nn.noise import Dropout
from nnlab.nn.optimizers import OPTIMIZERS, Adagrad, Momentum, Nesterov, Sgd, Sgdw
from nnlab.nn.penalties import L2
from nnlab.nn.regularizers import REGULARIZERS
from nnlab.nn.stopping import EarlyStopping

STILL_FALLS = 0.05  # of the training loss, in the last fifth of the epochs
FEW_EPOCHS = 10  # a fifth of fewer is one epoch: then the slightest fall may go on for many
SLIGHTLY = 0.01
RISES = 0.1  # of the validation loss, over its minimum
SMALL_RATE = 1 / 3  # of the learning rate that is usual for an optimizer, its default
USUAL_RATES: dict[str, Any] = {
    name: field.default
    for name, optimizer in OPTIMIZERS.items()
    for field in fields(optimizer)
    if field.name == "learning_rate"
}
# One step size for all weights, or one that only shrinks.
NOT_ADAPTIVE = tuple(cls.name for cls in (Sgd, Momentum, Nesterov, Sgdw, Adagrad))
WEIGHTY_PENALTY = 0.1  # of the training loss: then the penalty is what keeps it up


@dataclass(frozen=True)
class Step:
    """Something to do next.

    Args:
        name: as csv and json have it.
        detail: the number that makes it the next step, if one does.
        see: the strategy of the same sweep that shows that it helps, if one does.
        against: what it is a step against.
    """

    name: str
    detail: float | None = None
    see: str | None = None
    against: Literal["bias", "variance", ""] = ""


Advice = Callable[[Evidence], Step | None]


def steps_against(
    part: Literal["bias", "variance"], evidence: Evidence, shown: Shown = NOTHING_SHOWN
) -> list[Step]:
    """All steps that fit, the best first, each once.

    First those that helped another strategy of the sweep, then those of the lecture; none that the sweep
    has tried and found worse.

    Args:
        part: what they are against.
        evidence: of the setting that suffers from it.
        shown: what other strategies of the sweep show.
    """
    helped = [_step(name, evidence) for name in shown.helped if KINDS[name].against == part]
    steps: dict[str, Step] = {}
    for step in (*helped, *(advise(evidence) for advise in ADVICE[part])):
        if step is not None and step.name not in shown.refuted:
            steps.setdefault(step.name, replace(step, see=shown.named.get(step.name), against=part))
    return list(steps.values())


def _step(name: str, evidence: Evidence) -> Step:
    """A step by its name, with the strength there is now where it changes one."""
    word, _, rest = name.partition("_")
    changes = word in ("less", "more") and rest in REGULARIZERS
    return Step(name, evidence.strength(rest) if changes else None)


def always(name: str) -> Advice:
    """A step that is always left."""
    return lambda evidence: Step(name)


# --- against high bias --------------------------------------------------------------------------


def _less_l2(evidence: Evidence) -> Step | None:
    weighs = evidence.mean("penalty") >= WEIGHTY_PENALTY * evidence.mean("train_loss")
    return _step("less_l2", evidence) if L2.name in evidence.active and weighs else None


def _less_dropout(evidence: Evidence) -> Step | None:
    return _step("less_dropout", evidence) if Dropout.name in evidence.active else None


def _non_linear(evidence: Evidence) -> Step | None:
    if not evidence.settings["model.hidden"]:
        return Step("hidden_layer")
    linear = evidence.settings.get("model.activation") == "identity"
    return Step("non_linear_activation") if linear else None


def _other_activation(evidence: Evidence) -> Step | None:
    stuck = has(evidence, "vanishing_gradients") or has(evidence, "saturated_units")
    return Step("other_activation") if stuck else None


def _leaky_activation(evidence: Evidence) -> Step | None:
    return Step("leaky_activation") if has(evidence, "dead_units") else None


def _first_epochs(evidence: Evidence) -> Step | None:
    """After so few epochs more of them come before anything else: what else is wrong is yet to be seen."""
    return _longer_training(evidence) if evidence.settings["training.epochs"] < FEW_EPOCHS else None


def _longer_training(evidence: Evidence) -> Step | None:
    """Where the training loss still falls, or too few epochs are recorded to tell."""
    fall = evidence.mean("train_loss_fall")
    epochs = evidence.settings["training.epochs"]
    if evidence.mean("epochs") < epochs:
        return None  # early stopping has ended it
    if math.isnan(fall):
        return Step("longer_training")
    return (
        Step("longer_training", fall) if fall >= (SLIGHTLY if epochs < FEW_EPOCHS else STILL_FALLS) else None
    )


def _larger_learning_rate(evidence: Evidence) -> Step | None:
    name, rate = evidence.name_of("optimizer"), learning_rate(evidence)
    small = name in USUAL_RATES and rate < SMALL_RATE * USUAL_RATES[name]
    return Step("larger_learning_rate", rate) if small else None


def _adam(evidence: Evidence) -> Step | None:
    return Step("adam") if evidence.name_of("optimizer") in NOT_ADAPTIVE else None


# --- against high variance ----------------------------------------------------------------------


def _early_stopping(evidence: Evidence) -> Step | None:
    rise = evidence.mean("val_loss_rise")
    done = EarlyStopping.name in evidence.active
    return Step("early_stopping", rise) if rise >= RISES and not done else None


def _l2(evidence: Evidence) -> Step | None:
    return None if L2.name in evidence.active else Step("l2")


def _dropout(evidence: Evidence) -> Step | None:
    done = Dropout.name in evidence.active or not evidence.settings["model.hidden"]
    return None if done else Step("dropout")


def _more_l2(evidence: Evidence) -> Step | None:
    return _step("more_l2", evidence) if L2.name in evidence.active else None


ADVICE: Mapping[str, tuple[Advice, ...]] = {
    "bias": (
        _first_epochs,
        _less_l2,
        _less_dropout,
        _non_linear,
        _other_activation,
        _leaky_activation,
        _larger_learning_rate,
        _longer_training,
        _adam,
        always("more_parameters"),
    ),
    "variance": (_early_stopping, _l2, _dropout, always("more_data"), _more_l2),
}
