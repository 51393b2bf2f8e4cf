"""Every `auto` of a config made definite, once its data is known."""

from dataclasses import replace
from typing import Literal

from nnlab.config.schema import Config, watchers
from nnlab.data.material import Material
from nnlab.data.prepare import Preparation, count
from nnlab.errors import SettingError, dotted
from nnlab.metrics import measures
from nnlab.nn.losses import LOSSES, Loss, Poisson
from nnlab.nn.outputs import OUTPUTS, Output
from nnlab.nn.regularizer import Facts
from nnlab.nn.stopping import EarlyStopping

USUAL_BATCH = 32  # what `batch_size: auto` takes where there are so many rows
LOOKS_A_PATIENCE = 5  # how often early stopping looks, at least, before it stops
CURVE_ROWS = 100  # what `evaluate_every: auto` aims for


def resolve(config: Config, material: Material) -> Config:
    """The config with every `auto` that depends on the data made definite.

    Raises:
        SettingError: settings that do not go with the data.
    """
    loss, output = _loss_and_output(config, material)
    data = replace(config.data, preparation=_target_standardized(config, material, loss))
    _check_watched_metric(config, material)
    _check_target(config, material)
    training = replace(config.training, batch_size=_batch_size(config, material))
    if training.evaluate_every == "auto":
        training = replace(training, evaluate_every=_usual_evaluation(config))
    _refuse_regularizers(config, material, training.batch_size)
    model = replace(config.model, output=output)
    return replace(config, data=data, loss=loss, model=model, training=training)


def _refuse_regularizers(
    config: Config, material: Material, batch_size: int | Literal["full", "auto"]
) -> None:
    rows = count(material, config.data.preparation).train
    facts = Facts(
        task=material.task,
        hidden=config.model.hidden,
        rows=rows,
        batch=batch_size if isinstance(batch_size, int) else rows,
        epochs=config.training.epochs,
        company=tuple(entry.name for entry in config.active),
    )
    for entry in config.active:
        if (reason := entry.refusal(facts)) is not None:
            path = ("regularization", entry.name)
            raise SettingError(path, f"{dotted(path)}: {reason}")


def _loss_and_output(config: Config, material: Material) -> tuple[Loss, Output]:
    """What was asked for, or what is usual for the task: the first in its table that fits."""
    loss, output, task = config.loss, config.model.output, material.task
    if output is not None and task not in output.tasks:
        fits = " or ".join(name for name, cls in OUTPUTS.items() if task in cls.tasks)
        raise SettingError(
            ("model", "output"), f"model.output: {output.name} is not for {task}, expected {fits}"
        )
    if loss is None:
        loss = next(
            cls()
            for cls in LOSSES.values()
            if task in cls.tasks and (not output or output.name in cls.outputs)
        )
    if task not in loss.tasks:
        fits = " or ".join(name for name, cls in LOSSES.items() if task in cls.tasks)
        raise SettingError(("loss",), f"loss: {loss.name} is not for {task}, expected {fits}")
    if output is None:
        output = next(OUTPUTS[name]() for name in loss.outputs if task in OUTPUTS[name].tasks)
    if isinstance(loss, Poisson):
        _check_counts(material)
    return loss, output


def _target_standardized(config: Config, material: Material, loss: Loss) -> Preparation:
    """Whether the target of a regression is standardized, made definite."""
    preparation, counts = config.data.preparation, isinstance(loss, Poisson)
    if counts and preparation.standardize_target is True:
        raise SettingError(
            ("data", "standardize_target"),
            "data.standardize_target: true came with loss poisson, whose counts stay as they are; "
            "expected auto",
        )
    wanted = preparation.standardize_target is not False
    return replace(preparation, standardize_target=wanted and material.task == "regression" and not counts)


def _check_counts(material: Material) -> None:
    tables = [table for table in (material.main, material.validation, material.test) if table is not None]
    least = min((float(table.target.min()) for table in tables), default=None)
    if least is None:
        came = f"poisson came with data.source {material.source.name}, whose targets may be below 0"
    elif least < 0:
        came = f"poisson came with a target of {least:g}"
    else:
        return
    raise SettingError(("loss",), f"loss: {came}, expected counts of 0 or more")


def _usual_evaluation(config: Config) -> int:
    """About 100 rows of curves; where a metric is watched, often enough for patience to mean something."""
    every = max(1, round(config.training.epochs / CURVE_ROWS))
    patience = [
        watcher.patience // LOOKS_A_PATIENCE
        for _, watcher in watchers(config)
        if not isinstance(watcher, EarlyStopping) or watcher.rule == "patience"
    ]
    return max(1, min([every, *patience]))


def _check_watched_metric(config: Config, material: Material) -> None:
    names = [measure.name for measure in measures(material.task)]
    for path, watcher in watchers(config):
        if watcher.metric.partition("_")[2] not in names:
            raise SettingError(
                (*path, "metric"),
                f"{dotted((*path, 'metric'))}: {watcher.metric} came for {material.task}, "
                f"expected val_{' or val_'.join(names)}",
            )


def _check_target(config: Config, material: Material) -> None:
    target = config.report.target
    if target is not None and target > 1 and material.task == "classification":
        raise SettingError(
            ("report", "target"),
            f"report.target: {target:g} came for classification, expected a share of wrong answers, 0 to 1",
        )


def _batch_size(config: Config, material: Material) -> int | Literal["full"]:
    size = config.training.batch_size
    rows = count(material, config.data.preparation).train
    if size == "full":
        return size
    if size == "auto":
        return min(USUAL_BATCH, rows)
    if size <= rows:
        return size
    raise SettingError(
        ("training", "batch_size"),
        f"training.batch_size: {size} came for {rows} training rows, expected at most {rows}, or full",
    )
