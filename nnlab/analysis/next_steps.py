"""The next steps: what the lecture advises against high bias and high variance, where it is not done yet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nnlab.analysis.evidence import Evidence
from nnlab.analysis.trouble import has
from nnlab.nn.noise import Dropout
from nnlab.nn.optimizers import Sgd
from nnlab.nn.penalties import L2
from nnlab.nn.stopping import EarlyStopping

STILL_FALLS = 0.05  # of the training loss, in the last fifth of the epochs
RISES = 0.1  # of the validation loss, over its minimum
WEIGHTY_PENALTY = 0.1  # of the training loss: then the penalty is what keeps it up


@dataclass(frozen=True)
class Step:
    """Something to do next.

    Args:
        name: as csv and json have it.
        detail: the number that makes it the next step, if one does.
        see: the strategy of the same sweep that shows that it helps, if one does.
    """

    name: str
    detail: float | None = None
    see: str | None = None


Shown = Mapping[str, str]  # step -> the strategy that shows that it helps
Advice = Callable[[Evidence, Shown], Step | None]


def steps_against(part: str, evidence: Evidence, shown: Shown) -> list[Step]:
    """All steps that fit, the best first, each once.

    Args:
        part: bias or variance.
        evidence: of the setting that suffers from it.
        shown: what other strategies of the sweep show.
    """
    steps: dict[str, Step] = {}
    for advise in ADVICE[part]:
        if (step := advise(evidence, shown)) is not None:
            steps.setdefault(step.name, step)
    return list(steps.values())


def as_shown(name: str) -> Advice:
    """A step that another strategy of the sweep has taken, with success."""
    return lambda _, shown: Step(name, see=shown[name]) if name in shown else None


def always(name: str) -> Advice:
    """A step that is always left."""
    return lambda evidence, shown: Step(name)


# --- against high bias --------------------------------------------------------------------------


def _less_l2(evidence: Evidence, _: Shown) -> Step | None:
    value = evidence.active().get(L2.name)
    weighs = evidence.mean("penalty") >= WEIGHTY_PENALTY * evidence.mean("train_loss")
    return Step("less_l2", value) if value is not None and weighs else None


def _less_dropout(evidence: Evidence, _: Shown) -> Step | None:
    value = evidence.active().get(Dropout.name)
    return Step("less_dropout", value) if value is not None else None


def _non_linear(evidence: Evidence, _: Shown) -> Step | None:
    if not evidence.settings["model.hidden"]:
        return Step("hidden_layer")
    linear = evidence.settings.get("model.activation") == "identity"
    return Step("non_linear_activation") if linear else None


def _other_activation(evidence: Evidence, _: Shown) -> Step | None:
    stuck = has(evidence, "vanishing_gradients") or has(evidence, "saturated_units")
    return Step("other_activation") if stuck else None


def _leaky_activation(evidence: Evidence, _: Shown) -> Step | None:
    return Step("leaky_activation") if has(evidence, "dead_units") else None


def _longer_training(evidence: Evidence, _: Shown) -> Step | None:
    fall = evidence.mean("train_loss_fall")
    cut_short = evidence.mean("epochs") < evidence.settings["training.epochs"]
    return Step("longer_training", fall) if fall >= STILL_FALLS and not cut_short else None


def _adam(evidence: Evidence, _: Shown) -> Step | None:
    name = evidence.settings.get("optimizer.name", evidence.settings.get("optimizer"))
    return Step("adam") if name == Sgd.name else None


# --- against high variance ----------------------------------------------------------------------


def _early_stopping(evidence: Evidence, _: Shown) -> Step | None:
    rise = evidence.mean("val_loss_rise")
    done = EarlyStopping.name in evidence.active()
    return Step("early_stopping", rise) if rise >= RISES and not done else None


def _l2(evidence: Evidence, _: Shown) -> Step | None:
    return None if L2.name in evidence.active() else Step("l2")


def _dropout(evidence: Evidence, _: Shown) -> Step | None:
    done = Dropout.name in evidence.active() or not evidence.settings["model.hidden"]
    return None if done else Step("dropout")


def _more_l2(evidence: Evidence, _: Shown) -> Step | None:
    value = evidence.active().get(L2.name)
    return Step("more_l2", value) if value is not None else None


ADVICE: Mapping[str, tuple[Advice, ...]] = {
    "bias": (
        _less_l2,
        _less_dropout,
        as_shown("longer_training"),
        as_shown("more_parameters"),
        _non_linear,
        _other_activation,
        _leaky_activation,
        _longer_training,
        _adam,
        always("more_parameters"),
    ),
    "variance": (as_shown("more_data"), _early_stopping, _l2, _dropout, always("more_data"), _more_l2),
}
