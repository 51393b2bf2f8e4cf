"""Parts: the errors of a report's settings as bias, variance and noise, from the stored predictions."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnlab.analysis.decomposition import (
    Parts,
    binary_cross_entropy,
    cross_entropy,
    squared_error,
    zero_one,
    zero_one_domingos,
)
from nnlab.analysis.jackknife import FEWEST, interval, left_in
from nnlab.analysis.report import Report
from nnlab.errors import InputError
from nnlab.nn.outputs import OUTPUTS
from nnlab.predictions import Predictions
from nnlab.store.reading import read_predictions

LINE = ["experiment", "strategy", "setting"]
CROSSED = ("variance_data", "variance_seeds")
UNBIASED = ("squared_error", "zero_one")
COLUMNS = ("error", "bias2", "variance", *CROSSED, "noise")

Values = NDArray[np.float64]


def with_parts(report: Report, domingos: bool = False) -> Report:
    """The report with its errors decomposed.

    Its summary gets columns `<loss>_error`, `_bias2`, `_variance`, where they are known `_noise`, where
    data seeds and seeds are crossed `_variance_data` and `_variance_seeds`, for parts that are unbiased
    the ends of their 95 % intervals (`_bias2_low`, ...), and `networks`, how many were averaged. The losses
    are squared_error for numbers; for classes the one that was trained on, if it can be split, and zero_one.

    Args:
        report: as made by `make_report`.
        domingos: split the 0-1 loss as Domingos does (zero_one_domingos), not as Kohavi and Wolpert do.

    Raises:
        InputError: no predictions on test rows that all seeds share are stored.
    """
    lines, parts = [], []
    for key, runs in report.runs.groupby(["experiment", "strategy", "settings"], sort=False):
        models = _models(report, str(key[0]), runs)
        if models is None:
            continue
        name = dict(zip(LINE, (*key[:2], runs["setting"].iloc[0]), strict=True))
        found = dict(_decompose(models, json.loads(str(key[2])), domingos))
        numbers = {
            f"{loss}_{column}": getattr(own, column) for loss, own in found.items() for column in COLUMNS
        }
        ends = _ends(models, json.loads(str(key[2])), domingos, found)
        lines.append({**name, "networks": len(models.z), **numbers, **ends})
        parts += [
            {**name, "loss": loss, "part": part, "value": value}
            for loss, own in found.items()
            for part, value in _stacked(own)
        ]
    if not lines:
        option = "--domingos" if domingos else "--decompose"
        raise InputError(f"{option}: {_why_not(report.runs)}")
    columns = pd.DataFrame(lines).dropna(axis="columns", how="all")
    summary = report.summary.merge(columns, on=LINE, how="left")
    return replace(report, summary=summary, decomposition=pd.DataFrame(parts))


@dataclass(frozen=True)
class _Models:
    """The networks of a setting, (K, rows, outputs), those of one data set after the other if crossed."""

    z: Values
    predictions: Predictions
    data_sets: int

    def take(self, kept: NDArray[np.intp]) -> "_Models":
        """Some of them: whole data sets if crossed."""
        sets = self.data_sets * len(kept) // len(self.z) if self.data_sets > 1 else 1
        return _Models(self.z[kept], self.predictions, sets)


def _ends(
    models: _Models, settings: Mapping[str, Any], domingos: bool, found: Mapping[str, Parts]
) -> dict[str, float]:
    """The ends of the intervals of what is unbiased: what comes out without one network after the other.

    Where data seeds and seeds are crossed, it is one data set after the other.
    """
    blocks = models.data_sets if models.data_sets > 1 else len(models.z)
    unbiased = [loss for loss in found if loss in UNBIASED]
    if blocks < FEWEST or not unbiased:
        return {}
    without = [
        dict(_decompose(models.take(kept), settings, domingos)) for kept in left_in(len(models.z), blocks)
    ]
    ends: dict[str, float] = {}
    for loss in unbiased:
        for part, positive in (("bias2", False), ("variance", True)):
            others = np.array([getattr(one[loss], part) for one in without])
            low, high = interval(getattr(found[loss], part), others, positive)
            ends |= {f"{loss}_{part}_low": low, f"{loss}_{part}_high": high}
    return ends


def _models(report: Report, experiment: str, runs: pd.DataFrame) -> _Models | None:
    completed = runs[runs["status"] == "completed"]
    predictions = read_predictions(report.folders[experiment], list(completed["run"]))
    if predictions is None:
        return None
    place = {run: i for i, run in enumerate(predictions.runs)}
    there = completed[completed["run"].isin(list(place))]
    block = _block(there)
    order = there["run"] if block is None else [run for of_one in block for run in of_one]
    z = predictions.z[[place[run] for run in order]].astype(np.float64)
    return _Models(z, predictions, 1 if block is None else len(block))


def _block(runs: pd.DataFrame) -> list[list[str]] | None:
    """The runs of each data seed, with the same seeds in each; None where the two are not crossed.

    Seeds that one of the data seeds lacks, since a run diverged, stand aside.
    """
    by_data: dict[int, dict[int, str]] = {}
    for run, data_seed, seed in runs[["run", "data_seed", "seed"]].itertuples(index=False):
        by_data.setdefault(data_seed, {})[seed] = run
    seeds = sorted(set.intersection(*map(set, by_data.values())))
    if len(by_data) < 2 or len(seeds) < 2:
        return None
    return [[own[seed] for seed in seeds] for own in by_data.values()]


def _decompose(models: _Models, settings: Mapping[str, Any], domingos: bool) -> Iterator[tuple[str, Parts]]:
    """The parts by loss: the squared error of numbers; of classes the loss of training, and the 0-1 loss."""
    targets, z, sets = models.predictions.targets, models.z, models.data_sets
    if targets.ndim == 2:  # numbers
        yield "squared_error", squared_error(z, targets, models.predictions.known_error, sets)
        return
    units = z.shape[2]
    one_hot = targets[:, np.newaxis] if units == 1 else np.eye(units, dtype=np.int64)[targets]
    loss = _name(settings, "loss")
    if loss == "cross_entropy":
        yield loss, cross_entropy(_log_softmax(z), targets, sets)
    elif loss == "binary_cross_entropy":
        yield loss, binary_cross_entropy(z, one_hot, sets)
    elif loss == "squared_error":
        predicted_numbers = _outputs(z, _name(settings, "model.output"))
        yield loss, squared_error(predicted_numbers, one_hot.astype(np.float64), data_sets=sets)
    predicted = (z[:, :, 0] > 0).astype(np.int64) if units == 1 else z.argmax(axis=2)
    if domingos:
        yield "zero_one_domingos", zero_one_domingos(predicted, targets, max(2, units))
    else:
        yield "zero_one", zero_one(predicted, targets, max(2, units), sets)


def _name(settings: Mapping[str, Any], key: str) -> str:
    """The name of an entry, which stands alone or above its options."""
    return str(settings[key] if key in settings else settings[f"{key}.name"])


def _outputs(z: Values, output: str) -> Values:
    """What the output layer makes of pre-activations, (K, rows, outputs)."""
    y = z.transpose(0, 2, 1).copy()
    OUTPUTS[output]().f(y, y, np.empty_like(y[:, :1]))
    return y.transpose(0, 2, 1)


def _log_softmax(z: Values) -> Values:
    away = z - z.max(axis=2, keepdims=True)
    return np.asarray(away - np.log(np.exp(away).sum(axis=2, keepdims=True)))


def _stacked(parts: Parts) -> Iterator[tuple[str, float]]:
    """Parts that add up to the error: the variance whole, or its two parts where they are known."""
    variance = ("variance",) if math.isnan(parts.variance_data) else CROSSED
    for name in ("bias2", *variance, "noise"):
        value = getattr(parts, name)
        if value is not None:
            yield name, value


def _why_not(runs: pd.DataFrame) -> str:
    settings: Sequence[Mapping[str, Any]] = [json.loads(text) for text in runs["settings"].unique()]
    if runs["test_loss"].isna().all():
        return "these runs met no test rows, expected data.test above 0, and data.split_seed"
    if all(one["data.split_seed"] is None and one.get("data.test_path") is None for one in settings):
        return "every seed has test rows of its own, expected data.split_seed, so that all share them"
    return "no predictions are stored, expected runs of this nnlab (sweep --overwrite trains them again)"
