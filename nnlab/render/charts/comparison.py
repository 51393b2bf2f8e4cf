"""Which strategy is better: the difference to the baseline, or the metric itself, each with its interval."""

import altair as alt
import pandas as pd

from nnlab.analysis.comparison import BETTER, SAME, UNKNOWN, WORSE
from nnlab.analysis.report import Report
from nnlab.metrics import higher_is_better
from nnlab.render.charts import parts
from nnlab.render.charts.figure import Figure
from nnlab.render.charts.theme import BLUE, GREY, VERMILLION, WIDTH

MARKS = {  # mark -> its words, its colour, its shape
    BETTER: ("better", BLUE, "triangle-up"),
    WORSE: ("worse", VERMILLION, "triangle-down"),
    SAME: ("no difference beyond noise", GREY, "circle"),
    UNKNOWN: ("too few seeds to tell", GREY, "cross"),
}
DIFFERENCE = ("difference", "difference_low", "difference_high")
ROW = 34  # pixels for a strategy


def comparison(report: Report) -> list[Figure]:
    """The difference to the baseline where there is one, else the metric."""
    if "mark" in report.summary and report.summary["mark"].any():
        return _differences(report)
    return _values(report)


def _differences(report: Report) -> list[Figure]:
    summary = report.summary.assign(name=parts.line_names(report.summary))
    compared = summary[summary["mark"] != ""].dropna(subset="difference")
    shown = compared.head(parts.LINES_SHOWN).assign(
        verdict=[MARKS[mark][0] for mark in compared["mark"].head(parts.LINES_SHOWN)]
    )
    if shown.empty:
        return []
    metric = parts.words(report.compared)
    baselines = sorted({comparison.baseline for comparison in report.comparisons.values()})
    against = parts.short(baselines[0]) if len(baselines) == 1 else "its baseline"
    present = [MARKS[mark] for mark in MARKS if mark in set(shown["mark"])]
    better = "right" if higher_is_better(report.compared) else "left"
    meaning = alt.Scale(domain=[words for words, _, _ in present], range=[c for _, c, _ in present])
    shape = alt.Scale(domain=[words for words, _, _ in present], range=[s for _, _, s in present])
    ruler = parts.Ruler(f"{metric} minus that of {against}")
    base = parts.by_name(shown).encode(color=alt.Color("verdict:N", scale=meaning, title=None))
    ends = base.mark_rule(strokeWidth=3).encode(x=ruler.x("difference_low"), x2="difference_high:Q")
    points = base.mark_point(size=170).encode(
        x=ruler.x("difference"),
        shape=alt.Shape("verdict:N", scale=shape, title=None),
        tooltip=parts.tooltip((*DIFFERENCE, "p")),
    )
    zero = alt.Chart(alt.InlineData(values=[{"zero": 0}])).mark_rule(strokeDash=[5, 4], strokeWidth=1.5)
    title = f"Difference in {metric} to {against}"
    note = (
        f"{parts.means_note(shown['difference_low'], 'paired seeds')}; {better} of the dashed line is better"
    )
    chart = alt.layer(zero.encode(x="zero:Q"), ends, points).properties(
        width=WIDTH,
        height=alt.Step(ROW),
        title=parts.caption(title, note, _several(shown), parts.left_out(len(compared), len(shown))),
    )
    said = "; ".join(
        f"{name} {parts.with_ends(*ends)}, {verdict}"
        for name, verdict, *ends in shown[["name", "verdict", *DIFFERENCE]].itertuples(index=False)
    )
    return [Figure("comparison", title, f"{title}, {note}: {said}.", chart)]


def _several(shown: pd.DataFrame) -> str:
    """Why a difference may be called noise although its interval leaves 0 out, where that is so."""
    excludes_zero = (shown["difference_low"] > 0) | (shown["difference_high"] < 0)
    called_noise = (shown["mark"] == SAME) & excludes_zero
    return (
        "marks take into account how many strategies were tried; intervals do not"
        if called_noise.any()
        else ""
    )


def _values(report: Report) -> list[Figure]:
    metric = report.compared if report.compared in report.summary else report.order_by
    if metric not in report.summary:
        return []
    summary = report.summary.assign(name=parts.line_names(report.summary))
    there = summary.dropna(subset=metric)
    shown = there.head(parts.LINES_SHOWN)
    if shown.empty:
        return []
    low, high = f"{metric}_low", f"{metric}_high"
    ruler = parts.ruler(parts.words(metric), shown[metric])
    shown = ruler.above_zero(shown, metric, low)
    base = parts.by_name(shown)
    ends = base.mark_rule(strokeWidth=3, color=BLUE).encode(x=ruler.x(low), x2=f"{high}:Q")
    points = base.mark_point(size=150, color=BLUE).encode(
        x=ruler.x(metric),
        tooltip=parts.tooltip((metric, low, high, "seeds")),
    )
    title = f"{parts.words(metric).capitalize()} of each strategy"
    note = parts.means_note(shown[low])
    chart = alt.layer(ends, points).properties(
        width=WIDTH,
        height=alt.Step(ROW),
        title=parts.caption(title, note, parts.left_out(len(there), len(shown), len(summary) - len(there))),
    )
    said = "; ".join(
        f"{name} {parts.with_ends(*ends)}"
        for name, *ends in zip(shown["name"], shown[metric], shown[low], shown[high], strict=True)
    )
    return [Figure("comparison", title, f"{title}, {note}: {said}.", chart)]
