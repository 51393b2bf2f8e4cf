"""The settings behind each line of a report, as YAML: what tells it from the others comes first."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from nnlab.analysis.frames import setting_columns
from nnlab.analysis.report import Report
from nnlab.text import one_line

WHOLE = 100  # lines of a report whose configs are written in full


class ConfigText(NamedTuple):
    """The config of one line: its name, and YAML."""

    name: str
    text: str


def config_texts(report: Report, most: int) -> list[ConfigText]:
    """One for each line of the report; beyond the first hundred only with what differs between lines.

    Args:
        report: as made by `make_report`.
        most: lines that are wanted.
    """
    keys = ["experiment", "strategy", "setting"]
    settings = report.runs.groupby(keys, sort=False)["settings"].first()
    varying = set(setting_columns(report.runs))
    many = report.summary["experiment"].nunique() > 1
    found = []
    lines = report.summary.head(most)
    for number, key in enumerate(zip(*(lines[name] for name in keys), strict=True)):
        experiment, strategy, setting = key
        words = [*([experiment] if many else []), strategy, *([setting] if setting else [])]
        text = _yaml(json.loads(settings[key]), varying, whole=number < WHOLE)
        found.append(ConfigText(one_line(": ".join(words)), text))
    return found


def _yaml(settings: dict[str, Any], varying: set[str], whole: bool) -> str:
    """Dotted keys, as a strategy in a config has them; JSON values are YAML values."""
    own = {key: value for key, value in settings.items() if key in varying}
    same = {key: value for key, value in settings.items() if key not in varying}
    parts = [("differs from other lines", own), *([("the same in all lines", same)] if whole else [])]
    return "\n".join("\n".join(_lines(words, part)) + "\n" for words, part in parts if part)


def _lines(words: str, settings: dict[str, Any]) -> Iterator[str]:
    yield f"# {words}"
    for key, value in settings.items():
        yield one_line(f"{key}: {json.dumps(value, ensure_ascii=False)}")
