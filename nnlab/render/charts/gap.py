"""Over-fitting at a glance: training and test loss of each strategy, joined by the gap between them."""

import altair as alt
import pandas as pd

from nnlab.analysis.report import Report
from nnlab.render.charts import parts
from nnlab.render.charts.figure import Figure
from nnlab.render.charts.theme import SPLIT_COLOURS, WIDTH
from nnlab.render.numbers import number

ROW = 34  # pixels for a strategy
SHAPES = {"train": "circle", "val": "diamond", "test": "diamond"}


def gap(report: Report) -> list[Figure]:
    """Training and test loss (without test rows: validation loss), each with its interval."""
    summary = report.summary
    other = next((split for split in ("test", "val") if f"{split}_loss" in summary), None)
    if other is None or "gap" not in summary:
        return []
    summary = summary.assign(name=parts.line_names(summary))
    there = summary.dropna(subset="gap")
    shown = there.head(parts.LINES_SHOWN)
    if shown.empty:
        return []
    splits = ("train", other)
    points = pd.concat([_of(shown, split) for split in splits])
    # A gap is a difference, which a logarithm hides: only test losses that differ much are worth one.
    wide = parts.ruler("", shown[f"{other}_loss"]).wide
    ruler = parts.ruler("loss", points["loss"]) if wide else parts.Ruler("loss", zero=True)
    points = ruler.above_zero(points, "loss", "low")
    title = f"The gap between train and {other} loss"
    note = f"{parts.means_note(points['low'])}; " + (
        "logarithmic axis" if ruler.wide else "the longer the grey line, the more over-fitting"
    )
    colour = alt.Scale(domain=list(splits), range=[SPLIT_COLOURS[split] for split in splits])
    shape = alt.Scale(domain=list(splits), range=[SHAPES[split] for split in splits])
    joined = parts.by_name(shown[["name", "train_loss", f"{other}_loss", "gap"]])
    line = joined.mark_rule(strokeWidth=7, opacity=0.3).encode(x=ruler.x("train_loss"), x2=f"{other}_loss:Q")
    base = parts.by_name(points).encode(color=alt.Color("split:N", scale=colour, title=None))
    ends = base.mark_rule(strokeWidth=2.5).encode(x=ruler.x("low"), x2="high:Q")
    marks = base.mark_point(size=150).encode(
        x=ruler.x("loss"),
        shape=alt.Shape("split:N", scale=shape, title=None),
        tooltip=parts.tooltip(("loss", "low", "high"), ("name", "split")),
    )
    chart = alt.layer(line, ends, marks).properties(
        width=WIDTH,
        height=alt.Step(ROW),
        title=parts.caption(title, note, parts.left_out(len(there), len(shown), len(summary) - len(there))),
    )
    said = "; ".join(
        f"{name} train {number(train, 3)}, {other} {number(tested, 3)}"
        for name, train, tested in shown[["name", "train_loss", f"{other}_loss"]].itertuples(index=False)
    )
    return [Figure("gap", title, f"{title}, {note}: {said}.", chart)]


def _of(shown: pd.DataFrame, split: str) -> pd.DataFrame:
    columns = {
        "name": "name",
        f"{split}_loss": "loss",
        f"{split}_loss_low": "low",
        f"{split}_loss_high": "high",
    }
    return shown[list(columns)].rename(columns=columns).assign(split=split)
