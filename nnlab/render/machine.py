"""A report for other programs: CSV and JSON, all digits."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd

import nnlab
from nnlab.analysis.diagnosis import Diagnosis, Line, with_next_steps
from nnlab.analysis.report import Report
from nnlab.render.verdict import sentences
from nnlab.text import csv_text

VERSION = 1  # of the JSON: raised when a key goes away or changes its meaning, not when one is added
NOT_WRITTEN = ("folders", "runs", "summary", "each_run")  # the table is `rows`
BLOCK = 1000  # lines of a table that are turned at a time
LINE = ("experiment", "strategy", "setting")


def rows(report: Report, diagnoses: Mapping[Line, Diagnosis]) -> pd.DataFrame:
    """The lines of the table, with the next step of each where they are no single runs."""
    return with_next_steps(report.summary, diagnoses) if report.each_run is None else report.each_run


def write_csv(report: Report) -> str:
    """Every metric with the ends of its interval; text that a spreadsheet would run gets a quote."""
    safe = rows(report, report.diagnoses).rename(columns=csv_text)
    for name in safe.columns:
        safe[name] = [csv_text(value) if isinstance(value, str) else value for value in safe[name]]
    return safe.to_csv(index=False, lineterminator="\n")


def write_json(report: Report) -> str:
    """All that the report says, as docs/report.md describes it; null where there is no number."""
    words, diagnoses = sentences(report), dict(report.diagnoses)
    found = {field.name: getattr(report, field.name) for field in fields(report)}
    document = {
        "version": VERSION,
        "nnlab": nnlab.__version__,
        **{name: value for name, value in found.items() if name not in NOT_WRITTEN},
        "comparisons": {
            experiment: {"verdict": words[experiment], **asdict(comparison)}
            for experiment, comparison in report.comparisons.items()
        },
        "diagnoses": diagnoses,
        "rows": rows(report, diagnoses),
    }
    parts = (f"  {json.dumps(name)}: {_text(value)}" for name, value in document.items())
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _text(value: Any) -> str:
    """A value of the document, as JSON that is indented by one level; long lists are written one by one."""
    if isinstance(value, pd.DataFrame):
        blocks = (value.iloc[i : i + BLOCK].to_dict("records") for i in range(0, len(value), BLOCK))
        return _list(_record(line) for block in blocks for line in block)
    if isinstance(value, Mapping) and any(isinstance(key, tuple) for key in value):  # of a line of the table
        named = (dict(zip(LINE, key, strict=True)) | _plain(item) for key, item in value.items())
        return _list(_nested(line, 2) for line in named)
    return _nested(_plain(value), 1)


def _list(items: Iterable[str]) -> str:
    text = ",\n".join(f"    {item}" for item in items)
    return f"[\n{text}\n  ]" if text else "[]"


def _record(line: Mapping[Any, Any]) -> str:
    """A line of a table. Without an indentation json is in C, and separators can hold line breaks."""
    plain = {str(key): _plain(value) for key, value in line.items()}
    text = json.dumps(plain, separators=(",\n      ", ": "), allow_nan=False)
    return f"{{\n      {text[1:-1]}\n    }}"


def _nested(value: Any, depth: int) -> str:
    return json.dumps(value, indent=2, allow_nan=False).replace("\n", "\n" + "  " * depth)


def _plain(value: Any) -> Any:
    """The same of what JSON knows: no NaN, no infinity, no types of NumPy.

    >>> _plain({"loss": np.float64("nan"), "seeds": np.int64(3)})
    {'loss': None, 'seeds': 3}
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if is_dataclass(value) and not isinstance(value, type):
        return _plain({field.name: getattr(value, field.name) for field in fields(value)})
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return None if value is pd.NA else value
