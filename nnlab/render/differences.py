"""What differs between two runs or experiments, as a table or as JSON."""

import json
import math
import textwrap
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from nnlab.analysis.differences import Differences
from nnlab.render.numbers import number
from nnlab.render.plain import table
from nnlab.text import count_of, one_line, value_in_words

WIDEST = 60  # characters of a cell
MOST_LINES = 8  # of a setting with many values


def describe_differences(found: Differences) -> str:
    """Settings that differ side by side, then metrics with the second minus the first."""
    names = list(map(one_line, found.names))
    settings = [line for key, sides in found.settings.items() for line in _lines(key, sides)]
    text = table(["", *names], settings) if settings else "no setting differs\n"
    text += f"\n{count_of(found.alike, 'setting')} alike\n\n"
    if not found.metrics:
        return text + "no strategy is in both\n"
    depth = len(next(iter(found.metrics)))
    lines = [[*map(one_line, key), *map(number, values)] for key, values in found.metrics.items()]
    return text + table([""] * depth + [*names, "difference"], lines, words=depth)


def write_differences(found: Differences) -> str:
    """The same for programs: {"version": 1, "names", "settings", "metrics"}, null for no number."""
    metrics = [
        {
            **dict(zip(("metric", "strategy"), reversed(key), strict=False)),
            **{
                name: value if math.isfinite(value) else None
                for name, value in zip(("a", "b", "difference"), values, strict=True)
            },
        }
        for key, values in found.metrics.items()
    ]
    settings = [{"name": key, "a": a, "b": b} for key, (a, b) in found.settings.items()]
    everything = {"version": 1, "names": found.names, "settings": settings, "metrics": metrics}
    return json.dumps(everything, indent=2, allow_nan=False) + "\n"


def _lines(key: str, sides: tuple[Any, Any]) -> Iterator[list[str]]:
    """A setting and its value on both sides, on as many lines as they need."""
    for line in zip_longest([key], *map(_words, sides), fillvalue=""):
        yield list(line)


def _words(value: Any) -> list[str]:
    """A value, or all values of an experiment, line by line."""
    values = value if isinstance(value, tuple) else (value,)
    text = one_line(", ".join(map(value_in_words, values)))
    return textwrap.wrap(text, WIDEST, max_lines=MOST_LINES, placeholder=" ...") or [""]
