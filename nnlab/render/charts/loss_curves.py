"""How training went: training and validation loss over the epochs, a panel for each strategy."""

import altair as alt
import pandas as pd
from altair.typing import ChartType

from nnlab.analysis.loss_curves import loss_curves as curves_of
from nnlab.analysis.report import Report
from nnlab.render.charts import parts
from nnlab.render.charts.figure import Figure
from nnlab.render.charts.theme import WIDTH
from nnlab.render.numbers import number

PANELS = 12
COLUMNS = 3
HEIGHT, TALL = 150, 300  # of one panel of several, and alone
WHO = ["experiment", "strategy", "setting"]


def loss_curves(report: Report) -> list[Figure]:
    """The curves of the first strategies of the table."""
    summary = report.summary.assign(name=parts.line_names(report.summary))
    there = summary[summary["seeds"] > 0]
    names = there.head(PANELS)[[*WHO, "name"]]
    curves = curves_of(report.runs.merge(names, on=WHO), report.folders)
    if curves.empty or curves["epoch"].nunique() < 2:
        return []
    curves = curves.merge(names, on=WHO)
    ruler = parts.ruler("loss", curves["loss"])
    curves = ruler.above_zero(curves, "loss", "low")
    title = "Loss over the epochs"
    note = f"{' and '.join(curves['split'].unique())}, mean over seeds with 95 % interval" + (
        ", logarithmic axis" if ruler.wide else ""
    )
    caption = parts.caption(title, note, parts.left_out(len(there), len(names)))
    order = [name for name in names["name"] if name in set(curves["name"])]
    panel = _panel(curves, ruler)
    if len(order) == 1:
        chart: ChartType = panel.properties(width=WIDTH, height=TALL, title=caption)
    else:
        columns = 2 if len(order) in (2, 4) else COLUMNS
        width = WIDTH // columns - 20
        panels = panel.properties(width=width, height=HEIGHT)
        chart = panels.facet(parts.panel_names(order, width), columns=columns).properties(title=caption)
    return [Figure("loss_curves", title, f"{title}, {note}: {_said(curves, order)}.", chart)]


def _panel(curves: pd.DataFrame, ruler: parts.Ruler) -> alt.LayerChart | alt.FacetChart:
    splits = list(curves["split"].unique())
    base = alt.Chart(parts.rows(curves[["name", "split", "epoch", "loss", "low", "high", "seeds"]])).encode(
        x=parts.Ruler("epoch", count=4, margin=0).x("epoch"), color=parts.split_colour(splits)
    )
    band = base.mark_area().encode(y=ruler.y("low"), y2="high:Q")
    line = base.mark_line().encode(
        y=ruler.y("loss"),
        strokeDash=parts.split_dash(splits),
        tooltip=parts.tooltip(("epoch", "loss", "low", "high", "seeds"), ("name", "split")),
    )
    return alt.layer(band, line)


def _said(curves: pd.DataFrame, order: list[str]) -> str:
    """Where each curve ends."""
    ends = curves.sort_values(["split", "epoch"]).groupby(["name", "split"], sort=False).tail(1)
    said = []
    for name in order:
        own = ends[ends["name"] == name]
        losses = ", ".join(
            f"{split} {number(loss, 3)}" for split, loss in zip(own["split"], own["loss"], strict=True)
        )
        said.append(f"{name} ends in epoch {int(own['epoch'].max())} with {losses}")
    return "; ".join(said)
