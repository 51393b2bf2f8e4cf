"""How the compared metric changes with two settings: a cell for each pair of values."""

from typing import Final

import altair as alt
import numpy as np
import pandas as pd

from nnlab.analysis.curves import DATA_SIZE
from nnlab.analysis.report import Report
from nnlab.metrics import higher_is_better
from nnlab.render.charts import parts
from nnlab.render.charts.figure import Figure
from nnlab.render.charts.theme import VERMILLION, WIDTH
from nnlab.render.numbers import number

CELL = 46  # pixels of height
COLOURS: Final = "viridis"  # grows evenly lighter, for all colour vision
DARK_INK_FROM = 0.6  # of the colours, from dark to light
NUMBERS_SHOWN = 80  # cells that have room for their number


def heat_map(report: Report) -> list[Figure]:
    """A figure for each experiment whose runs fill a grid."""
    if report.heat_maps.empty or report.compared not in report.heat_maps:
        return []
    groups = report.heat_maps.groupby("experiment", sort=False)
    return [_figure(report, own) for _, own in groups if own[report.compared].notna().any()]


def _figure(report: Report, cells: pd.DataFrame) -> Figure:
    metric, where = report.compared, parts.of_experiment(report, str(cells["experiment"].iloc[0]))
    x, y = (_in_words(str(cells[key].iloc[0])) for key in ("x_key", "y_key"))
    better = "high" if higher_is_better(metric) else "low"
    cells = cells.dropna(subset=metric).rename(
        columns={metric: "mean", f"{metric}_low": "low", f"{metric}_high": "high"}
    )
    wide = parts.ruler("", cells["mean"]).wide
    cells = _with_looks(cells, better, wide)
    what = parts.words(metric)
    best = cells[cells["best"]].iloc[0]
    title = f"{what.capitalize()} over {x} and {y}"
    note = "mean over seeds; the lighter, the better; the best is framed" + ("; logarithmic" if wide else "")
    ends = parts.with_ends(best["mean"], best["low"], best["high"])
    said = f"best {ends} at {x} {best['x']:g} and {y} {best['y']:g}"
    worst = cells["mean"].max() if better == "low" else cells["mean"].min()
    chart = _chart(
        cells,
        x,
        y,
        alt.Scale(
            type="log" if wide else "linear", scheme=COLOURS, reverse=better == "low", nice=False, zero=False
        ),
    )
    chart = chart.properties(width=WIDTH, height=alt.Step(CELL), title=parts.caption(title, note, where))
    return Figure("heat_map", title, f"{title}, {note}: {said}, worst {number(worst, 3)}.", chart)


def _in_words(key: str) -> str:
    return "training rows" if key in DATA_SIZE else parts.words(key.rpartition(".")[2])


def _with_looks(cells: pd.DataFrame, better: str, wide: bool) -> pd.DataFrame:
    """The cells with their number, its colour, and which is the best."""
    means = np.log(cells["mean"]) if wide else cells["mean"]
    spread = means.max() - means.min()
    share = (means - means.min()) / (spread or 1)
    share = 1 - share if better == "low" else share
    best = means.idxmax() if better == "high" else means.idxmin()
    return cells.assign(
        label=[number(mean, 3) for mean in cells["mean"]],
        light=share > DARK_INK_FROM,
        best=cells.index == best,
    )


def _chart(cells: pd.DataFrame, x: str, y: str, scale: alt.Scale) -> alt.LayerChart | alt.FacetChart:
    columns = ["x", "y", "mean", "low", "high", "seeds", "label", "light", "best"]
    base = alt.Chart(parts.rows(cells[columns])).encode(
        x=alt.X("x:O", axis=_axis(x)), y=alt.Y("y:O", axis=_axis(y), sort="descending")
    )
    places = base.mark_rect().encode(
        color=alt.Color("mean:Q", scale=scale, legend=None),
        tooltip=parts.tooltip(("x", "y", "mean", "low", "high", "seeds"), names=()),
    )
    frame = base.transform_filter("datum.best").mark_rect(filled=False, strokeWidth=4, stroke=VERMILLION)
    if len(cells) > NUMBERS_SHOWN:
        return alt.layer(places, frame)
    numbers = [
        base.transform_filter(f"datum.light == {light}").mark_text(color=ink).encode(text="label:N")
        for light, ink in (("true", "#000000"), ("false", "#ffffff"))
    ]
    return alt.layer(places, frame, *numbers)


def _axis(title: str) -> alt.Axis:
    return alt.Axis(title=title, labelExpr=parts.LABEL, labelAngle=0, labelOverlap="greedy", ticks=False)
