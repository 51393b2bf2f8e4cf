"""What several pictures need: rows as Vega-Lite data, names that fit beside an axis, scales, captions."""

import math
from collections.abc import Iterable
from typing import Any

import altair as alt
import pandas as pd

from nnlab.render.numbers import number
from nnlab.text import one_line

NAME_LENGTH = 36  # characters
LINES_SHOWN = 20  # strategies in one picture
DIGITS = 6  # significant, of numbers in a picture: more than a screen shows
WIDE_RANGE = 100  # from this ratio on, an axis is logarithmic

_IS_PLAIN = "datum.value == 0 || (abs(datum.value) >= 1e-3 && abs(datum.value) < 1e5)"
LABEL = f"{_IS_PLAIN} ? format(datum.value, '~g') : format(datum.value, '~e')"


def rows(frame: pd.DataFrame) -> alt.InlineData:
    """A frame as data of a chart; numbers with as many digits as can be seen, null where there is none."""
    return alt.InlineData(
        values=[
            {str(name): _cell(value) for name, value in line.items()} for line in frame.to_dict("records")
        ]
    )


def _cell(value: Any) -> Any:
    if isinstance(value, str | bool) or value is None:
        return value
    value = float(value)
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def short(name: str) -> str:
    """A name on one line that leaves room for the picture.

    >>> short("x" * 100)
    'xxxxxxxxxxxxxxxxxxxxxxxx…xxxxxxxxxxx'
    """
    name = one_line(name)
    if len(name) <= NAME_LENGTH:
        return name
    tail = NAME_LENGTH // 3
    return f"{name[: NAME_LENGTH - tail]}…{name[1 - tail :]}"[:NAME_LENGTH]


def line_names(summary: pd.DataFrame) -> list[str]:
    """What each line of a summary is called in a picture; no two alike.

    >>> line_names(pd.DataFrame({"experiment": "e", "strategy": ["l2", "none"], "setting": ["l2=1", ""]}))
    ['l2=1', 'none']
    """
    several = summary["experiment"].nunique() > 1
    names = []
    for experiment, strategy, setting in zip(
        summary["experiment"], summary["strategy"], summary["setting"], strict=True
    ):
        name = str(strategy)
        if setting:
            name = str(setting) if str(setting).startswith(f"{name}=") else f"{name} ({setting})"
        names.append(short(f"{experiment}: {name}" if several else name))
    return distinct(names)


def distinct(names: Iterable[str]) -> list[str]:
    """Names with a number behind those that came before.

    >>> distinct(["a", "b", "a"])
    ['a', 'b', 'a (2)']
    """
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


def is_wide(values: Iterable[float]) -> bool:
    """Whether positive values spread over more than a linear axis shows.

    >>> is_wide([0.001, 1.0]), is_wide([0.0, 1.0]), is_wide([0.5, 1.0])
    (True, False, False)
    """
    there = [value for value in values if math.isfinite(value)]
    return bool(there) and min(there) > 0 and max(there) / min(there) > WIDE_RANGE


def scale(wide: bool, zero: bool = False) -> alt.Scale:
    """A logarithmic scale where values spread widely, else a linear one, which may begin at zero."""
    return alt.Scale(type="log", nice=False) if wide else alt.Scale(zero=zero)


def above_zero(frame: pd.DataFrame, mean: str, low: str) -> pd.DataFrame:
    """The frame for a logarithmic axis: an interval may reach below zero, where a logarithm ends."""
    return frame.assign(**{low: frame[low].clip(lower=frame[mean].min() / 2)})


def x(column: str, title: str, wide: bool = False, zero: bool = False) -> alt.X:
    """Numbers from left to right."""
    return alt.X(f"{column}:Q", axis=axis(title), scale=scale(wide, zero))


def y(column: str, title: str, wide: bool = False, zero: bool = False) -> alt.Y:
    """Numbers from bottom to top."""
    return alt.Y(f"{column}:Q", axis=axis(title), scale=scale(wide, zero))


def axis(title: str) -> alt.Axis:
    """An axis for numbers, with labels like 0.25, 1500 and 1e-6."""
    return alt.Axis(title=title, labelExpr=LABEL, tickCount=6, labelOverlap="greedy")


def words(metric: str) -> str:
    """A metric as people say it.

    >>> words("test_loss"), words("val_r2")
    ('test loss', 'val R²')
    """
    return metric.replace("_r2", "_R²").replace("_rmse", "_RMSE").replace("_", " ")


def with_ends(mean: float, low: float, high: float) -> str:
    """A number with its interval, if it has one.

    >>> with_ends(0.5, 0.25, 0.75)
    '0.500 [0.250, 0.750]'
    """
    if math.isnan(low):
        return number(mean, 3)
    return f"{number(mean, 3)} [{number(low, 3)}, {number(high, 3)}]"


def caption(text: str, *more: str) -> alt.TitleParams:
    """A title, and lines below it."""
    return alt.TitleParams(text=text, subtitle=[line for line in more if line])


def by_name(frame: pd.DataFrame) -> alt.Chart:
    """A chart with one row for each name, in the order of the frame."""
    order = list(dict.fromkeys(frame["name"]))
    return alt.Chart(rows(frame)).encode(
        y=alt.Y("name:N", sort=order, axis=alt.Axis(title=None, ticks=False))
    )


def tooltip(columns: Iterable[str], *names: str) -> list[alt.Tooltip]:
    """What is shown where the mouse points: names, and numbers by their columns."""
    found = [alt.Tooltip(f"{name}:N", title=words(name)) for name in names or ("name",)]
    return found + [alt.Tooltip(f"{column}:Q", title=words(column), format=".4g") for column in columns]


def left_out(there: int, shown: int, without: int = 0) -> str:
    """What a picture does not show, in words.

    >>> left_out(30, 20, 1)
    '20 of 30 shown; 1 without a number left out'
    >>> left_out(3, 3)
    ''
    """
    notes = [f"{shown} of {there} shown"] if shown < there else []
    notes += [f"{without} without a number left out"] if without else []
    return "; ".join(notes)
