"""From stored rows to a frame: one line for each run, one column for each fact."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from nnlab.analysis.selection import choose
from nnlab.data.synthetic import GENERATORS
from nnlab.metrics import RUN_METRICS
from nnlab.store import BASIC, Experiment, Row, varying
from nnlab.text import settings_in_words

WORDS = ("experiment", "strategy", "setting")
FACTS = ("epochs", "best_epoch", "seconds", "parameters")  # numbers of a run that are no metrics
_KNOWN = {*WORDS, *BASIC, *RUN_METRICS, "settings", "chosen", "tried", "current", "resampled", "baseline"}
_KNOWN |= {"target", "features", "top_feature"}  # what a diagnosis needs


def runs_frame(experiments: Sequence[Experiment]) -> pd.DataFrame:
    """All runs of some experiments.

    Returns:
        Columns experiment, strategy, setting (what varies inside the strategy, `l2=1`), run, seed,
        status, the metrics, settings (everything that was set, as JSON), chosen (whether the setting
        stands for its strategy), tried (of how many), current (whether the latest sweep asked for it),
        resampled (whether seeds split one table again and again), baseline (the strategy to compare with),
        target (`report.target`), features (how many), top_feature (the one with the largest weights), and
        each setting that varies.
    """
    keys = varying([row for experiment in experiments for row in experiment.rows])
    lines: list[dict[str, Any]] = []
    for experiment in experiments:
        inside = _varying_inside(experiment.rows)
        words: dict[str, dict[str, str]] = {strategy: {} for strategy in inside}
        choices = choose(experiment.rows, experiment.select)
        chosen = {(choice.strategy, choice.settings) for choice in choices}
        tried = {choice.strategy: choice.tried for choice in choices}
        for row in experiment.rows:
            strategy = row.values["strategy"]
            if row.key not in words[strategy]:
                words[strategy][row.key] = settings_in_words(
                    {key: row.settings.get(key) for key in inside[strategy]}
                )
            lines.append(
                {
                    "experiment": experiment.name,
                    "setting": words[strategy][row.key],
                    "settings": row.key,
                    "chosen": (strategy, row.key) in chosen,
                    "tried": tried.get(strategy, 1),
                    "current": row.current,
                    "resampled": _is_resampled(row),
                    "baseline": experiment.baseline,
                    "target": experiment.target,
                    "features": len(row.feature_weights),
                    "top_feature": row.top_feature,
                    **row.values,
                    **{key: _cell(row.settings.get(key)) for key in keys},
                }
            )
    return pd.DataFrame(lines)


def _is_resampled(row: Row) -> bool:
    """A generator draws new rows for every seed, and given test rows are no part of a split."""
    given = row.settings.get("data.test_path") is not None
    return row.settings["data.source"] not in GENERATORS and not given


def setting_columns(runs: pd.DataFrame) -> list[str]:
    """The columns of a runs frame that are settings."""
    return [name for name in runs.columns if name not in _KNOWN]


def _cell(value: object) -> object:
    return json.dumps(value) if isinstance(value, list | dict) else value


def _varying_inside(rows: Sequence[Row]) -> dict[str, list[str]]:
    """For each strategy the settings that its runs do not agree in."""
    members: dict[str, list[Row]] = {}
    for row in rows:
        members.setdefault(row.values["strategy"], []).append(row)
    return {strategy: varying(own) for strategy, own in members.items()}
