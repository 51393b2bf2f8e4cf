"""A report for other programs: CSV and JSON, all digits."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd

import nnlab
from nnlab.analysis.report import Report
from nnlab.render.verdict import sentences
from nnlab.text import csv_text

VERSION = 1  # of the JSON: raised when a key goes away or changes its meaning, not when one is added
NOT_WRITTEN = ("folders", "runs", "summary", "each_run")  # the table is `rows`
LINE = ("experiment", "strategy", "setting")


def write_csv(report: Report) -> str:
    """Every metric with the ends of its interval; text that a spreadsheet would run gets a quote."""
    safe = report.listed.rename(columns=csv_text)
    for name in safe.columns:
        safe[name] = [csv_text(value) if isinstance(value, str) else value for value in safe[name]]
    return safe.to_csv(index=False, lineterminator="\n")


def write_json(report: Report) -> str:
    """All that the report says, as docs/report.md describes it; null where there is no number."""
    words = sentences(report)
    found = {field.name: getattr(report, field.name) for field in fields(report)}
    document = {
        "version": VERSION,
        "nnlab": nnlab.__version__,
        **{name: value for name, value in found.items() if name not in NOT_WRITTEN},
        "comparisons": {
            experiment: {"verdict": words[experiment], **asdict(comparison)}
            for experiment, comparison in report.comparisons.items()
        },
        "rows": report.listed,
    }
    return json.dumps(_plain(document), indent=2, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """The same of what JSON knows: no NaN, no infinity, no types of NumPy.

    >>> _plain({"loss": np.float64("nan"), "seeds": np.int64(3)})
    {'loss': None, 'seeds': 3}
    """
    if isinstance(value, pd.DataFrame):
        return _plain(value.to_dict("records"))
    if is_dataclass(value) and not isinstance(value, type):
        return _plain({field.name: getattr(value, field.name) for field in fields(value)})
    if isinstance(value, Mapping):
        if any(isinstance(key, tuple) for key in value):  # of a line of the table
            return [dict(zip(LINE, key, strict=True)) | _plain(item) for key, item in value.items()]
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value
