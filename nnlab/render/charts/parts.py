"""What several pictures need: rows as Vega-Lite data, names that fit beside an axis, scales, captions."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from nnlab.analysis.report import Report
from nnlab.render.charts.theme import SPLIT_COLOURS, SPLIT_DASHES
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
            {str(name): _cell(value) for name, value in line.items() if value is not None}
            for line in frame.to_dict("records")
        ]
    )


def _cell(value: Any) -> Any:
    if isinstance(value, str | bool) or value is None:
        return value
    value = float(value)
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 1e6 else float(f"{value:.{DIGITS}g}")


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


def panel_names(order: Sequence[str], width: int) -> alt.Facet:
    """The names above panels so many pixels wide: a longer one ends in dots, before it meets the next."""
    return alt.Facet("name:N", sort=list(order), header=alt.Header(labelAnchor="start", labelLimit=width))


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


@dataclass(frozen=True)
class Ruler:
    """An axis for numbers, shared by all layers of a picture.

    Args:
        title: what is measured.
        wide: whether it is logarithmic.
        zero: whether a linear one begins at zero.
        ticks: of a logarithmic one, where they are.
        count: about how many a linear one has.
        margin: pixels between the first value and the left end, so that no mark touches a name.
    """

    title: str
    wide: bool = False
    zero: bool = False
    ticks: tuple[float, ...] = ()
    count: int = 6
    margin: int = 12

    def x(self, column: str) -> alt.X:
        """A column from left to right."""
        return alt.X(f"{column}:Q", axis=self._axis(), scale=self._scale(self.margin))

    def y(self, column: str) -> alt.Y:
        """A column from bottom to top."""
        return alt.Y(f"{column}:Q", axis=self._axis(), scale=self._scale(0))

    def above_zero(self, frame: pd.DataFrame, mean: str, low: str) -> pd.DataFrame:
        """The frame for this axis: an interval may reach below zero, where a logarithm ends."""
        return frame.assign(**{low: frame[low].clip(lower=frame[mean].min() / 2)}) if self.wide else frame

    def _axis(self) -> alt.Axis:
        ticks = {"values": list(self.ticks)} if self.ticks else {"tickCount": self.count}
        return alt.Axis(title=self.title, labelExpr=LABEL, labelOverlap="greedy", **ticks)

    def _scale(self, margin: int) -> alt.Scale:
        if self.wide:
            return alt.Scale(type="log", nice=False, padding=margin)
        return alt.Scale(zero=self.zero, padding=margin, nice=margin == 0)


def ruler(title: str, values: Iterable[float], zero: bool = False) -> Ruler:
    """A logarithmic axis where positive values spread over more than a linear one shows.

    >>> ruler("loss", [0.001, 1.0]).ticks
    (0.001, 0.01, 0.1, 1.0)
    >>> ruler("loss", [0.0, 1.0]).wide, ruler("loss", [0.5, 1.0]).wide
    (False, False)
    """
    there = [value for value in values if math.isfinite(value)]
    if there and min(there) > 0 and max(there) / min(there) > WIDE_RANGE:
        return Ruler(title, wide=True, ticks=powers_of_ten(min(there), max(there)))
    return Ruler(title, zero=zero)


def powers_of_ten(low: float, high: float) -> tuple[float, ...]:
    """At most eight powers of ten from about the lowest to about the highest of some values.

    >>> powers_of_ten(3e-4, 2.0)
    (0.0001, 0.001, 0.01, 0.1, 1.0)
    """
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high))
    return tuple(float(f"1e{power}") for power in range(first, last + 1, max(1, (last - first) // 7)))


def split_colour(splits: Sequence[str]) -> alt.Color:
    """Colours of train, val and test, the same in all pictures."""
    there = [split for split in SPLIT_COLOURS if split in splits]
    scale = alt.Scale(domain=there, range=[SPLIT_COLOURS[split] for split in there])
    return alt.Color("split:N", scale=scale, title=None, legend=alt.Legend(symbolType="stroke"))


def split_dash(splits: Sequence[str]) -> alt.StrokeDash:
    """Dashes of train, val and test, for who does not see colours."""
    there = [split for split in SPLIT_DASHES if split in splits]
    scale = alt.Scale(domain=there, range=[SPLIT_DASHES[split] for split in there])
    return alt.StrokeDash("split:N", scale=scale, title=None)


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


def tooltip(columns: Iterable[str], names: Sequence[str] = ("name",)) -> list[alt.Tooltip]:
    """What is shown where the mouse points: names, and numbers by their columns."""
    found = [alt.Tooltip(f"{name}:N", title=words(name)) for name in names]
    return found + [alt.Tooltip(f"{column}:Q", title=words(column), format=".4g") for column in columns]


def means_note(low: "pd.Series[float]", seeds: str = "seeds") -> str:
    """What points and bars are."""
    return f"mean over {seeds}, 95 % interval" if low.notna().any() else "one seed, so no interval"


def of_experiment(report: Report, experiment: str) -> str:
    """Which experiment a picture is of, where there are several."""
    return f"of {short(experiment)}" if report.runs["experiment"].nunique() > 1 else ""


def left_out(there: int, shown: int, without: int = 0) -> str:
    """What a picture does not show, in words.

    >>> left_out(30, 20, 1)
    '20 of 30 shown; left out: 1 without completed runs'
    >>> left_out(3, 3)
    ''
    """
    notes = [f"{shown} of {there} shown"] if shown < there else []
    notes += [f"left out: {without} without completed runs"] if without else []
    return "; ".join(notes)
