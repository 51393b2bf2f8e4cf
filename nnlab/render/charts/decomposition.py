"""Where errors come from: bias, variance and noise of each strategy, stacked."""

import altair as alt
import pandas as pd

from nnlab.analysis.report import Report
from nnlab.render.charts import parts
from nnlab.render.charts.figure import Figure
from nnlab.render.charts.theme import BLUE, GREY, LIGHT_BLUE, VERMILLION, WIDTH
from nnlab.render.numbers import number

ROW = 38  # pixels for a strategy
ROOM = 0.017  # of the longest bar: what a letter of a name needs
WHO = ["experiment", "strategy", "setting"]
WORDS = {
    "zero_one": "0-1 loss",
    "zero_one_domingos": "0-1 loss, after Domingos",
    "cross_entropy": "cross-entropy",
}
LOOKS = {  # part -> its words, its colour
    "bias2": ("bias²", VERMILLION),
    "variance": ("variance", BLUE),
    "variance_data": ("variance of data", BLUE),
    "variance_seeds": ("variance of seeds", LIGHT_BLUE),
    "noise": ("noise", GREY),
}


def decomposition(report: Report) -> list[Figure]:
    """A figure for each loss, where errors were decomposed."""
    if report.decomposition is None or report.decomposition.empty:
        return []
    names = report.summary.assign(name=parts.line_names(report.summary))[[*WHO, "name"]]
    found = names.merge(report.decomposition, on=WHO)  # in the order of the table
    return [_figure(str(loss), own) for loss, own in found.groupby("loss", sort=False)]


def _figure(loss: str, found: pd.DataFrame) -> Figure:
    there = found["name"].nunique()
    shown = found[found["name"].isin(found["name"].unique()[: parts.LINES_SHOWN])]
    present = [part for part in LOOKS if part in set(shown["part"])]
    bars = pd.concat([_stacked(own, present) for _, own in shown.groupby("name", sort=False)])
    longest = (bars["end"].max() - bars["start"].min()) or 1.0
    bars["label"] = bars["words"].where(bars["value"].abs() > ROOM * longest * bars["words"].str.len(), "")
    what = WORDS.get(loss, parts.words(loss))
    title = f"Bias and variance: {what}"
    note = "parts add up to the error on the test rows" + (
        "" if "noise" in present else "; bias² holds the noise"
    )
    chart = _chart(bars, present, parts.Ruler(what, zero=True, margin=0))
    chart = chart.properties(
        width=WIDTH,
        height=alt.Step(ROW),
        title=parts.caption(title, note, parts.left_out(there, shown["name"].nunique())),
    )
    return Figure("decomposition", title, f"{title}, {note}: {_said(bars)}.", chart)


def _stacked(own: pd.DataFrame, present: list[str]) -> pd.DataFrame:
    """The parts of one strategy one after the other, those below zero to its left."""
    order = sorted(own.to_dict("records"), key=lambda line: present.index(line["part"]))
    right = left = 0.0
    lines = []
    for line in order:
        value = float(line["value"])
        start = right if value >= 0 else left
        right, left = right + max(value, 0.0), left + min(value, 0.0)
        words, _ = LOOKS[line["part"]]
        middle = start + value / 2
        lines.append(
            {
                "name": line["name"],
                "words": words,
                "value": value,
                "start": start,
                "end": start + value,
                "middle": middle,
            }
        )
    return pd.DataFrame(lines)


def _chart(bars: pd.DataFrame, present: list[str], ruler: parts.Ruler) -> alt.LayerChart | alt.FacetChart:
    words, colours = zip(*(LOOKS[part] for part in present), strict=True)
    colour = alt.Color("words:N", scale=alt.Scale(domain=list(words), range=list(colours)), title=None)
    base = parts.by_name(bars)
    places = base.mark_bar(height=24).encode(
        x=ruler.x("start"), x2="end:Q", color=colour, tooltip=parts.tooltip(("value",), ("name", "words"))
    )
    labels = base.mark_text(color="#ffffff", fontWeight=600).encode(x=ruler.x("middle"), text="label:N")
    return alt.layer(places, labels)


def _said(bars: pd.DataFrame) -> str:
    said = []
    for name, own in bars.groupby("name", sort=False):
        each = ", ".join(
            f"{words} {number(value, 3)}" for words, value in zip(own["words"], own["value"], strict=True)
        )
        said.append(f"{name} {each}")
    return "; ".join(said)
