"""What differs between two runs, or between two experiments: settings side by side, metrics with B - A."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnlab.metrics import RUN_METRICS
from nnlab.store.experiment import Experiment, Row
from nnlab.store.settings import varying

if TYPE_CHECKING:
    import pandas as pd

NOT_THERE = "not there"
FACTS = ("experiment", "strategy", "seed", "status", "epochs", "best_epoch", "parameters")


@dataclass(frozen=True)
class Differences:
    """Two things side by side.

    Args:
        names: what they are called.
        settings: name -> its value in each, where they differ; of experiments all its values, as a tuple.
        alike: how many settings they agree in.
        metrics: what is measured -> its value in each, and the second minus the first; NaN where there
            is none. For experiments the key begins with the strategy.
    """

    names: tuple[str, str]
    settings: Mapping[str, tuple[Any, Any]]
    alike: int
    metrics: Mapping[tuple[str, ...], tuple[float, float, float]]


def between_runs(names: tuple[str, str], a: Row, b: Row, experiments: tuple[str, str]) -> Differences:
    """Two runs: facts and settings that differ, and all metrics that either has.

    Args:
        names: their ids.
        a, b: the runs.
        experiments: what they belong to.
    """
    facts = [{**row.values, "experiment": name} for row, name in zip((a, b), experiments, strict=True)]
    found = {key: (facts[0][key], facts[1][key]) for key in FACTS if facts[0][key] != facts[1][key]}
    own_a, own_b = _under_one_name([a.settings, b.settings])
    keys = varying([own_a, own_b])
    found |= {key: (own_a.get(key, NOT_THERE), own_b.get(key, NOT_THERE)) for key in keys}
    metrics: dict[tuple[str, ...], tuple[float, float, float]] = {
        (name,): _with_difference(a.values[name], b.values[name])
        for name in RUN_METRICS
        if a.values[name] is not None or b.values[name] is not None
    }
    return Differences(names, found, len({*own_a, *own_b}) - len(keys), metrics)


def between_experiments(a: Experiment, b: Experiment, summaries: "Sequence[pd.DataFrame]") -> Differences:
    """Two experiments: settings whose values differ, and the means of the strategies that both have.

    Args:
        a, b: the experiments.
        summaries: of each, one line for each strategy, as made by `summarize`.
    """
    settings = _under_one_name([*a.settings.values(), *b.settings.values()])
    sides = settings[: len(a.settings)], settings[len(a.settings) :]
    keys = dict.fromkeys(key for own in settings for key in own)
    values = {key: (_values(sides[0], key), _values(sides[1], key)) for key in keys}
    facts = {name: (_column(a, name), _column(b, name)) for name in ("strategy", "seed")}
    found = {key: both for key, both in {**facts, **values}.items() if both[0] != both[1]}
    alike = sum(first == second for first, second in values.values())
    return Differences((a.name, b.name), found, alike, _means(*summaries))


def _means(a: "pd.DataFrame", b: "pd.DataFrame") -> dict[tuple[str, ...], tuple[float, float, float]]:
    first, second = (one.drop_duplicates("strategy").set_index("strategy") for one in (a, b))
    return {
        (strategy, name): _with_difference(first.loc[strategy, name], second.loc[strategy, name])
        for strategy in first.index
        if strategy in second.index
        for name in RUN_METRICS
        if name in first and name in second
    }


def _with_difference(a: float | None, b: float | None) -> tuple[float, float, float]:
    first, second = (math.nan if value is None else float(value) for value in (a, b))
    return first, second, second - first


def _under_one_name(settings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Settings in which an entry has one name, be it alone or above options of its own.

    >>> _under_one_name([{"loss": "huber"}, {"loss.name": "cross_entropy", "loss.class_weight": "none"}])[1]
    {'loss': 'cross_entropy', 'loss.class_weight': 'none'}
    """
    keys = {key for own in settings for key in own}
    names = {f"{key}.name": key for key in keys if f"{key}.name" in keys}
    return [{names.get(key, key): value for key, value in own.items()} for own in settings]


def _values(settings: Sequence[Mapping[str, Any]], key: str) -> tuple[Any, ...]:
    """All values of a setting, each once, numbers from small to large."""
    texts = dict.fromkeys(json.dumps(one.get(key, NOT_THERE)) for one in settings)
    return tuple(sorted(map(json.loads, texts), key=_place))


def _place(value: Any) -> tuple[bool, float, str]:
    is_number = isinstance(value, int | float)
    return not is_number, value if is_number else 0, str(value)


def _column(experiment: Experiment, name: str) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(experiment.columns[name]))
