"""A report for other programs: CSV and JSON, all digits."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

import nnlab
from nnlab.analysis.report import Report
from nnlab.render.verdict import sentences
from nnlab.text import csv_text

VERSION = 1  # of the JSON: raised when a key goes away or changes its meaning, not when one is added


def write_csv(report: Report) -> str:
    """Every metric with the ends of its interval; text that a spreadsheet would run gets a quote."""
    safe = report.summary.rename(columns=csv_text)
    for name in safe.columns:
        safe[name] = [csv_text(value) if isinstance(value, str) else value for value in safe[name]]
    return safe.to_csv(index=False, lineterminator="\n")


def write_json(report: Report) -> str:
    """All that the report says, as docs/report.md describes it; null where there is no number."""
    words = sentences(report)
    document = {
        "version": VERSION,
        "nnlab": nnlab.__version__,
        "metrics": report.metrics,
        "order_by": report.order_by,
        "compared": report.compared,
        "comparisons": {
            experiment: {"verdict": words[experiment], **asdict(comparison)}
            for experiment, comparison in report.comparisons.items()
        },
        "rows": report.summary.to_dict("records"),
    }
    return json.dumps(_plain(document), indent=2, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """The same of what JSON knows: no NaN, no infinity, no types of NumPy.

    >>> _plain({"loss": np.float64("nan"), "seeds": np.int64(3)})
    {'loss': None, 'seeds': 3}
    """
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value
