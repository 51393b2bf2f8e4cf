"""From stored rows to a frame: one line for each run, one column for each fact."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nnlab.metrics import RUN_METRICS
from nnlab.store import BASIC, Row, varying

WORDS = ("experiment", "strategy", "setting")
FACTS = ("epochs", "best_epoch", "seconds", "parameters")  # numbers of a run that are no metrics
_KNOWN = {*WORDS, *BASIC, *RUN_METRICS, "settings"}


def runs_frame(experiments: Sequence[tuple[Path, Sequence[Row]]]) -> pd.DataFrame:
    """All runs of some experiments.

    Returns:
        Columns experiment, strategy, setting (what varies inside the strategy, `key=value`), run, seed,
        status, the metrics, settings (everything that was set, as JSON), and each setting that varies.
    """
    keys = varying([row for _, rows in experiments for row in rows])
    lines: list[dict[str, Any]] = []
    for folder, rows in experiments:
        inside = _varying_inside(rows)
        for row in rows:
            keys = inside[row.values["strategy"]]
            setting = ", ".join(f"{key}={_plain(row.settings.get(key))}" for key in keys)
            lines.append(
                {
                    "experiment": folder.name,
                    "setting": setting,
                    "settings": json.dumps(row.settings, sort_keys=True),
                    **row.values,
                    **{key: _cell(row.settings.get(key)) for key in keys},
                }
            )
    return pd.DataFrame(lines)


def setting_columns(runs: pd.DataFrame) -> list[str]:
    """The columns of a runs frame that are settings."""
    return [name for name in runs.columns if name not in _KNOWN]


def _cell(value: object) -> object:
    return json.dumps(value) if isinstance(value, list | dict) else value


def _varying_inside(rows: Sequence[Row]) -> dict[str, list[str]]:
    """For each strategy the settings that its runs do not agree in."""
    seen: dict[str, dict[str, set[str]]] = {}
    for row in rows:
        values = seen.setdefault(row.values["strategy"], {})
        for key in row.settings:
            values.setdefault(key, set())
    for row in rows:
        for key, found in seen[row.values["strategy"]].items():
            found.add(json.dumps(row.settings.get(key)))
    return {
        strategy: [key for key, found in values.items() if len(found) > 1]
        for strategy, values in seen.items()
    }


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)
