"""A report for other programs: CSV and JSON, all digits."""

import json
import math

from nnlab.analysis.report import Report
from nnlab.text import csv_text


def write_csv(report: Report) -> str:
    """Every metric with the ends of its interval; text that a spreadsheet would run gets a quote."""
    safe = report.summary.copy()
    for name in safe.columns:
        safe[name] = [csv_text(value) if isinstance(value, str) else value for value in safe[name]]
    return safe.to_csv(index=False, lineterminator="\n")


def write_json(report: Report) -> str:
    """{"version": 1, "rows": [{column: value}]}, null where there is no number."""
    rows = [
        {
            str(key): None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in row.items()
        }
        for row in report.summary.to_dict("records")
    ]
    return json.dumps({"version": 1, "rows": rows}, indent=2, allow_nan=False) + "\n"
