"""How losses change with one setting: a validation curve, or a learning curve with its power law."""

import altair as alt
import numpy as np
import pandas as pd

from nnlab.analysis.curves import DATA_SIZE
from nnlab.analysis.learning import LearningCurve
from nnlab.analysis.report import Report
from nnlab.metrics import SPLITS, higher_is_better
from nnlab.render.charts import parts
from nnlab.render.charts.figure import Figure
from nnlab.render.charts.theme import SERIES, SPLIT_COLOURS, WIDTH
from nnlab.render.numbers import number

HEIGHT = 320
VALUES_NAMED = 9  # ticks, each a value that was tried
SPREAD = 8  # ratio of the largest value to the smallest, from which on the axis is logarithmic
LAW_POINTS = 50  # of a drawn law
LAW = "the fitted power law"


def curve(report: Report) -> list[Figure]:
    """A figure for each setting of each experiment that has a curve."""
    if report.curves.empty:
        return []
    groups = report.curves.groupby(["experiment", "key"], sort=False)
    return [figure for (_, key), own in groups if (figure := _figure(report, str(key), own)) is not None]


def _figure(report: Report, key: str, points: pd.DataFrame) -> Figure | None:
    """A line for each split; where lines differ in other settings, the compared metric of each."""
    metric, several = report.compared, points["line"].nunique() > 1
    series = _of_lines(points, metric) if several else _of_splits(points, metric)
    if series.empty:
        return None
    is_learning = key in DATA_SIZE
    setting = "training rows" if is_learning else parts.words(key.rpartition(".")[2])
    what = parts.words(metric if several else metric.rpartition("_")[2])
    experiment = str(points["experiment"].iloc[0])
    laws = [law for law in report.learning if is_learning and law.experiment == experiment]
    drawn = pd.concat([_drawn(law, several) for law in laws]) if laws else pd.DataFrame()
    ruler = parts.ruler(what, series["mean"])
    title = f"{'Learning' if is_learning else 'Validation'} curve: {what} over {setting}"
    note = "mean over seeds with 95 % interval" + (f"; dotted: {LAW}" if laws else "")
    chart = _chart(
        ruler.above_zero(series, "mean", "low"), drawn, ruler, _x(points["value"], setting), several
    )
    chart = chart.properties(
        width=WIDTH, height=HEIGHT, title=parts.caption(title, note, parts.of_experiment(report, experiment))
    )
    return Figure("curve", title, f"{title}, {note}: {_said(series, setting)}.", chart)


def _of_splits(points: pd.DataFrame, metric: str) -> pd.DataFrame:
    measure = metric.partition("_")[2] or "loss"
    found = [
        _series(points, f"{split}_{measure}").assign(series=split)
        for split in SPLITS
        if f"{split}_{measure}" in points
    ]
    return pd.concat(found) if found else pd.DataFrame()


def _of_lines(points: pd.DataFrame, metric: str) -> pd.DataFrame:
    if metric not in points:
        return pd.DataFrame()
    lines = list(points["line"].unique())
    names = dict(zip(lines, parts.distinct(map(parts.short, lines)), strict=True))
    return _series(points, metric).assign(series=[names[line] for line in points["line"]])


def _series(points: pd.DataFrame, metric: str) -> pd.DataFrame:
    columns = {
        "value": "value",
        "seeds": "seeds",
        metric: "mean",
        f"{metric}_low": "low",
        f"{metric}_high": "high",
    }
    return points[list(columns)].rename(columns=columns)


def _drawn(law: LearningCurve, several: bool) -> pd.DataFrame:
    """A law as many points, named like the series it belongs to."""
    rows = np.geomspace(law.rows.min(), law.rows.max(), LAW_POINTS)
    errors = law.law.error(rows)
    series = parts.short(law.line) if several else law.metric.partition("_")[0]
    means = 1 - errors if higher_is_better(law.metric) else errors
    return pd.DataFrame({"value": rows, "mean": means, "series": series})


def _x(values: "pd.Series[float]", setting: str) -> alt.X:
    """The values as they were tried: spread evenly, by their logarithm, or one by one."""
    tried = sorted(set(values))
    positive = [value for value in tried if value > 0]
    wide = bool(positive) and max(positive) / min(positive) >= SPREAD
    ticks = {"values": tried} if len(tried) <= VALUES_NAMED else {}
    axis = alt.Axis(title=setting, labelExpr=parts.LABEL, labelOverlap="greedy", grid=False, **ticks)  # type: ignore[arg-type]
    if wide and len(positive) < len(tried):  # a logarithm has no place for 0
        return alt.X("value:O", axis=alt.Axis(title=setting, labelExpr=parts.LABEL, labelAngle=0))
    scale = (
        alt.Scale(type="log", nice=False, padding=14)
        if wide
        else alt.Scale(zero=False, nice=False, padding=14)
    )
    return alt.X("value:Q", axis=axis, scale=scale)


def _chart(
    series: pd.DataFrame, drawn: pd.DataFrame, ruler: parts.Ruler, x: alt.X, several: bool
) -> alt.LayerChart | alt.FacetChart:
    names = list(dict.fromkeys(series["series"]))
    colours = SERIES[: len(names)] if several else [SPLIT_COLOURS[name] for name in names]
    colour = alt.Color("series:N", scale=alt.Scale(domain=names, range=list(colours)), title=None)
    shape = alt.Shape("series:N", scale=alt.Scale(domain=names), title=None)
    base = alt.Chart(parts.rows(series)).encode(x=x, color=colour)
    layers = [
        base.mark_area().encode(y=ruler.y("low"), y2="high:Q"),
        base.mark_line().encode(y=ruler.y("mean")),
        base.mark_point().encode(
            y=ruler.y("mean"),
            shape=shape,
            tooltip=parts.tooltip(("value", "mean", "low", "high", "seeds"), ("series",)),
        ),
    ]
    if len(drawn):
        straight = series[~series["series"].isin(drawn["series"])]
        law = alt.Chart(parts.rows(drawn)).mark_line(strokeDash=[2, 4]).encode(x=x, color=colour)
        layers[1] = law.encode(y=ruler.y("mean"))
        if len(straight):
            line = alt.Chart(parts.rows(straight)).mark_line().encode(x=x, color=colour)
            layers.insert(1, line.encode(y=ruler.y("mean")))
    return alt.layer(*layers)


def _said(series: pd.DataFrame, setting: str) -> str:
    """The lowest and the highest mean of each series."""
    said = []
    for name, own in series.dropna(subset="mean").groupby("series", sort=False):
        by_mean = own.sort_values("mean")
        low, high = by_mean.iloc[0], by_mean.iloc[-1]
        said.append(
            f"{name} lowest {number(low['mean'], 3)} at {setting} {low['value']:g}, "
            f"highest {number(high['mean'], 3)} at {high['value']:g}"
        )
    return "; ".join(said)
