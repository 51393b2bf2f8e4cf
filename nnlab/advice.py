"""Advice: settings that are allowed, but make no sense together."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np

from nnlab.config.schema import Config
from nnlab.data.prepare import count
from nnlab.data.tables import Csv
from nnlab.nn.averaging import Swa
from nnlab.nn.batch_norm import BatchNorm
from nnlab.nn.noise import AlphaDropout, UnitNoise
from nnlab.nn.optimizers import Adamw, Sgd, Sgdw
from nnlab.nn.penalties import L2
from nnlab.nn.rectifiers import Selu
from nnlab.nn.schedules import Cosine, ReduceOnPlateau, Step
from nnlab.nn.stopping import EarlyStopping
from nnlab.plan import Run

T = TypeVar("T")


def early_stopping_that_never_stops(run: Run) -> str | None:
    """Patience of as many epochs as there are."""
    stopping = _find(run.config, EarlyStopping)
    epochs = run.config.training.epochs
    if stopping is None or stopping.rule != "patience" or stopping.patience < epochs:
        return None
    return f"early stopping waits {stopping.patience} epochs and there are {epochs}: it will never stop a run"


def dropout_of_nothing(run: Run) -> str | None:
    """Dropout without a hidden layer."""
    dropout = next((entry for entry in run.config.active if isinstance(entry, UnitNoise)), None)
    if dropout is None or run.config.model.hidden:
        return None
    return f"{dropout.name} drops hidden units and there is no hidden layer: it does nothing"


def batch_norm_of_nothing(run: Run) -> str | None:
    """Batch normalization without a hidden layer."""
    if run.config.model.hidden or _find(run.config, BatchNorm) is None:
        return None
    return "batch_norm normalizes hidden layers and there is none: it does nothing"


def average_without_memory(run: Run) -> str | None:
    """An average of one epoch is that epoch."""
    swa = _find(run.config, Swa)
    if swa is None or swa.start < run.config.training.epochs:
        return None
    return f"swa starts at the last epoch, {swa.start}: there is nothing to average"


def alpha_dropout_without_selu(run: Run) -> str | None:
    """Alpha dropout keeps mean 0 and variance 1, which only selu has."""
    others = {entry.name for entry in run.config.model.activations} - {Selu.name}
    if not others or not any(isinstance(entry, AlphaDropout) for entry in run.config.active):
        return None
    return f"alpha_dropout is made for selu and the activation is {', '.join(sorted(others))}"


def several_dropouts(run: Run) -> str | None:
    """Two kinds of noise on the same units."""
    kinds = [entry.name for entry in run.config.active if isinstance(entry, UnitNoise)]
    if len(kinds) < 2 or not run.config.model.hidden:
        return None
    return f"{' and '.join(kinds)} act on the same units, one after the other: one of them is usual"


def decay_that_overshoots(run: Run) -> str | None:
    """A weight is multiplied by 1 - learning_rate * decay in every step, which may be below -1.

    In plain gradient descent the decay is lambda/m; sgdw and adamw have their own.
    """
    optimizer = run.config.optimizer
    if isinstance(optimizer, Sgdw | Adamw):
        return _overshoots(optimizer.learning_rate, "weight_decay", optimizer.weight_decay, optimizer.name)
    l2 = _find(run.config, L2)
    if l2 is None or not isinstance(optimizer, Sgd):
        return None
    rows = count(run.setting.material, run.config.data.preparation).train
    return _overshoots(optimizer.learning_rate, "lambda/m", l2.strength / rows, optimizer.name)


def _overshoots(learning_rate: float, what: str, decay: float, optimizer: str) -> str | None:
    shrink = learning_rate * decay
    if shrink <= 2:
        return None
    return (
        f"learning_rate {learning_rate:g} times {what} {decay:g} is {shrink:.3g}: "
        f"above 2, every step of {optimizer} makes the weights larger, and they diverge"
    )


def schedule_that_outlasts_training(run: Run) -> str | None:
    """A learning rate that falls after the last epoch only."""
    schedule, epochs = run.config.schedule, run.config.training.epochs
    if isinstance(schedule, Step) and schedule.every >= epochs:
        return f"schedule step falls every {schedule.every} epochs and there are {epochs}: it changes nothing"
    if isinstance(schedule, Cosine) and schedule.period is not None and schedule.period > epochs:
        return f"the period of the cosine is {schedule.period} epochs and there are {epochs}: it never ends"
    if isinstance(schedule, ReduceOnPlateau) and schedule.patience >= epochs:
        return (
            f"reduce_on_plateau waits {schedule.patience} epochs and there are {epochs}: it changes nothing"
        )
    return None


def target_far_from_1(run: Run) -> str | None:
    """A regression target whose size the first weights cannot reach in any reasonable time."""
    main = run.setting.material.main
    if main is None or main.task != "regression" or run.config.data.preparation.standardize_target:
        return None
    size = float(np.abs(main.target).max())
    if 0.01 <= size <= 100:
        return None
    scale = "divide" if size > 100 else "multiply"
    return (
        f"the target reaches {size:.3g}: with usual learning rates training is slow there, or diverges; "
        f"leave data.standardize_target at auto, or {scale} the column"
    )


def numbers_taken_as_classes(run: Run) -> str | None:
    """A column of whole numbers that the table's rule took as classes."""
    source, names = run.config.data.source, run.setting.material.class_names
    numeric = len(names) > 2 and all(name.lstrip("-").isdigit() for name in names)
    if not isinstance(source, Csv) or source.task != "auto" or not numeric:
        return None
    return (
        f"the whole numbers of {source.target} are taken as {len(names)} classes; "
        "data.task: regression if it is a quantity"
    )


def no_training(run: Run) -> str | None:
    """No epoch at all."""
    return None if run.config.training.epochs else "0 epochs: the networks keep their first weights"


CHECKS: tuple[Callable[[Run], str | None], ...] = (
    early_stopping_that_never_stops,
    dropout_of_nothing,
    batch_norm_of_nothing,
    average_without_memory,
    alpha_dropout_without_selu,
    several_dropouts,
    decay_that_overshoots,
    schedule_that_outlasts_training,
    no_training,
    target_far_from_1,
    numbers_taken_as_classes,
)


def advice(runs: tuple[Run, ...]) -> Iterator[str]:
    """What is odd about the settings of a plan, one sentence for each kind of oddity and strategy.

    What is true of every strategy, of the data say, is said once.
    """
    settings = {id(run.setting): run for run in runs}
    strategies = {run.setting.strategy for run in settings.values()}
    for check in CHECKS:
        found = {
            run.setting.strategy: words for run in settings.values() if (words := check(run)) is not None
        }
        if len(found) == len(strategies) > 1 and len(set(found.values())) == 1:
            found = {"every strategy": next(iter(found.values()))}
        for strategy, words in found.items():
            yield f"{strategy}: {words}"


def _find(config: Config, kind: type[T]) -> T | None:
    return next((entry for entry in config.regularization if isinstance(entry, kind)), None)
