"""What networks have learned in the plane of two features: a class for every place, and the training rows."""

import altair as alt
import numpy as np
import pandas as pd

from nnlab.analysis.regions import SIDE, Regions
from nnlab.analysis.regions import regions as regions_of
from nnlab.analysis.report import Report
from nnlab.render.charts import parts
from nnlab.render.charts.figure import Figure
from nnlab.render.charts.theme import SERIES, WIDTH
from nnlab.render.numbers import percent

PANELS = 6
COLUMNS = 3
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
STEP = 0.05  # of the certainty: finer shades are of no use, and each is a mark of its own
FAINTEST, STRONGEST = 0.03, 0.5  # opacity where all classes are as likely, and where one is certain
WHO = ["experiment", "strategy", "setting"]


def regions(report: Report) -> list[Figure]:
    """A panel for each of the first strategies, of the first seed that they share."""
    summary = report.summary.assign(name=parts.line_names(report.summary))
    names = summary[summary["seeds"] > 0].head(PANELS)[[*WHO, "name"]]
    runs = report.runs[report.runs["status"] == "completed"].merge(names, on=WHO)
    if runs.empty:
        return []
    seed = runs["seed"].mode().iloc[0]  # the first of those that most strategies have
    found = regions_of(runs[runs["seed"] == seed].drop_duplicates("name"), report.folders)
    if found is None or len(found.classes) > len(SHAPES):
        return []
    order = [name for name in names["name"] if name in set(found.places["name"])]
    title = "Decision regions"
    note = f"seed {seed}; the stronger the colour, the surer; marks are training rows"
    there = int((summary["seeds"] > 0).sum())
    chart = _chart(found, order).properties(
        title=parts.caption(title, note, parts.left_out(there, len(order)))
    )
    return [Figure("regions", title, f"{title}, {note}: {_said(found, order)}.", chart)]


def _chart(found: Regions, order: list[str]) -> alt.FacetChart | alt.LayerChart:
    columns = min(len(order), 2 if len(order) in (2, 4) else COLUMNS)
    side = (WIDTH // columns - 20 if columns > 1 else WIDTH // 2) // SIDE * SIDE  # cells of whole pixels
    classes = parts.distinct(map(parts.short, found.classes))
    colour = alt.Color(
        "class:N", scale=alt.Scale(domain=classes, range=list(SERIES[: len(classes)])), title=None
    )
    shape = alt.Shape(
        "class:N", scale=alt.Scale(domain=classes, range=list(SHAPES[: len(classes)])), title=None
    )
    axes = [alt.Axis(title=parts.short(name), grid=False, tickCount=4) for name in found.features]
    scales = [alt.Scale(domain=list(ends), nice=False) for ends in (found.x, found.y)]
    x, y = alt.X("x:Q", axis=axes[0], scale=scales[0]), alt.Y("y:Q", axis=axes[1], scale=scales[1])
    surest = alt.Scale(domain=[1 / len(classes), 1], range=[FAINTEST, STRONGEST])
    # A facet has one source for all its layers: cells of the ground have a column, training rows have not.
    cells = alt.Chart().transform_filter("isValid(datum.column)")
    ground = cells.mark_rect(strokeWidth=0, aria=False).encode(
        x=x,
        x2="x2:Q",
        y=y,
        y2="y2:Q",
        color=colour,
        opacity=alt.Opacity("certainty:Q", scale=surest, legend=None),
    )
    ground = ground.transform_calculate(
        x=_place("datum.column", found.x),
        x2=_place("datum.column + datum.cells", found.x),
        y=_place("datum.row", found.y),
        y2=_place("datum.row + 1", found.y),
    )
    rows = alt.Chart().transform_filter("!isValid(datum.column)")
    marks = rows.mark_point(size=26, opacity=0.9).encode(x=x, y=y, color=colour, shape=shape)
    panel = alt.layer(ground, marks, data=parts.rows(_data(found, classes))).properties(
        width=side, height=side
    )
    if len(order) == 1:
        return panel
    return panel.facet(parts.panel_names(order, side), columns=columns)


def _place(cell: str, ends: tuple[float, float]) -> str:
    """A Vega expression for the place where a cell begins."""
    low, high = ends
    return f"{low!r} + ({cell}) * {(high - low) / SIDE!r}"


def _data(found: Regions, classes: list[str]) -> pd.DataFrame:
    names = np.array(classes)
    certainty = (found.places["certainty"] / STEP).round() * STEP
    places = _joined(found.places.assign(certainty=certainty.round(2)))
    places = places.assign(**{"class": names[places["winner"]]}).drop(columns="winner")
    rows = found.rows.assign(**{"class": names[found.rows["label"]]}).drop(columns="label")
    return pd.concat([places, rows])


def _joined(places: pd.DataFrame) -> pd.DataFrame:
    """Neighbours in a row that look alike as one place, so many cells wide: a picture has fewer marks."""
    looks = places[["name", "row", "winner", "certainty"]]
    run = (looks != looks.shift()).any(axis=1).cumsum()
    return places.groupby(run).first().assign(cells=places.groupby(run).size())


def _said(found: Regions, order: list[str]) -> str:
    """How much of the plane each class has."""
    said = []
    for name in order:
        winners = found.places.loc[found.places["name"] == name, "winner"]
        shares = [
            f"{parts.short(label)} {percent((winners == i).mean())}" for i, label in enumerate(found.classes)
        ]
        said.append(f"{name} gives {', '.join(shares)} of the plane")
    return "; ".join(said)
