"""From stored rows to a frame: one line for each run, one column for each fact."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from nnlab.analysis.selection import choose, chooser, chosen_settings
from nnlab.data.sources import has_own_test_rows
from nnlab.data.synthetic import GENERATORS
from nnlab.metrics import RUN_METRICS
from nnlab.store.database import BASIC
from nnlab.store.experiment import Experiment
from nnlab.store.settings import varying
from nnlab.text import distinct_words

WORDS = ("experiment", "strategy", "setting")
FACTS = ("epochs", "best_epoch", "seconds", "parameters")  # numbers of a run that are no metrics
_KNOWN = {*WORDS, *BASIC, *RUN_METRICS, "settings", "chosen", "tried", "current", "resampled", "baseline"}
_KNOWN |= {"chosen_by", "target", "features", "top_feature"}  # what a diagnosis needs


def runs_frame(experiments: Sequence[Experiment]) -> pd.DataFrame:
    """All runs of some experiments.

    Returns:
        Columns experiment, strategy, setting (what varies inside the strategy, `l2=1`; no two of a strategy
        have the same words), run, seed, status, the metrics, settings (everything that was set, as JSON),
        chosen (whether the setting stands for its strategy), tried (of how many), chosen_by (the
        metric), current (whether the latest sweep asked for it),
        resampled (whether seeds split one table again and again), baseline (the strategy to compare with),
        target (`report.target`), features (how many), top_feature (the one with the largest weights), and
        each setting that varies.
    """
    keys = varying(chain.from_iterable(experiment.settings.values() for experiment in experiments))
    parts = [_columns(experiment, keys) for experiment in experiments]
    columns = {name: list(chain.from_iterable(part[name] for part in parts)) for name in parts[0]}
    for name in RUN_METRICS:
        columns[name] = np.array(columns[name], float)  # type: ignore[assignment]  # None is NaN
    return pd.DataFrame(columns)


def _columns(experiment: Experiment, keys: Sequence[str]) -> dict[str, Sequence[Any]]:
    """The columns of one experiment's runs; what depends on the settings alone is found once for each."""
    columns, settings, length = experiment.columns, experiment.settings, len(experiment)
    members = list(zip(columns["strategy"], columns["settings"], strict=True))
    words = _words(members, settings)
    choices = choose(experiment)
    chosen = chosen_settings(choices)
    tried = {choice.strategy: choice.tried for choice in choices}
    resampled = {text: _is_resampled(one) for text, one in settings.items()}
    return {
        "experiment": [experiment.name] * length,
        "setting": [words[member] for member in members],
        "settings": columns["settings"],
        "chosen": [member in chosen for member in members],
        "tried": [tried.get(strategy, 1) for strategy in columns["strategy"]],
        "chosen_by": [chooser(experiment)] * length,
        "current": [bool(value) for value in columns["current"]],
        "resampled": [resampled[text] for text in columns["settings"]],
        "baseline": [experiment.baseline] * length,
        "target": [experiment.target] * length,
        "features": columns["features"],
        "top_feature": columns["top_feature"],
        **{name: columns[name] for name in (*BASIC, *RUN_METRICS)},
        **{key: _setting(experiment, key) for key in keys},
    }


def _words(
    members: Iterable[tuple[str, str]], settings: Mapping[str, Mapping[str, Any]]
) -> dict[tuple[str, str], str]:
    """For each strategy and setting, what the runs of the strategy do not agree in."""
    texts: dict[str, dict[str, None]] = {}
    for strategy, text in members:
        texts.setdefault(strategy, {})[text] = None
    words: dict[tuple[str, str], str] = {}
    for strategy, own in texts.items():
        inside = varying(settings[text] for text in own)
        of_text = distinct_words({text: {key: settings[text].get(key) for key in inside} for text in own})
        words |= {(strategy, text): found for text, found in of_text.items()}
    return words


def _setting(experiment: Experiment, key: str) -> list[Any]:
    cells = {text: cell(one.get(key)) for text, one in experiment.settings.items()}
    return [cells[text] for text in experiment.columns["settings"]]


def _is_resampled(settings: Mapping[str, Any]) -> bool:
    """A generator draws new rows for every seed, and given test rows are no part of a split."""
    given = settings.get("data.test_path") is not None or has_own_test_rows(settings["data.source"])
    return settings["data.source"] not in GENERATORS and not given


def setting_columns(runs: pd.DataFrame) -> list[str]:
    """The columns of a runs frame that are settings."""
    return [name for name in runs.columns if name not in _KNOWN]


def cell(value: object) -> object:
    """A setting as one value of a column; lists are written as JSON."""
    return json.dumps(value) if isinstance(value, list | dict) else value
