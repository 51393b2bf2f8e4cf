"""Bias and variance in words and numbers, below the table of a report."""

import json
import textwrap
from collections.abc import Iterator
from math import floor, isfinite, log10

import pandas as pd

from nnlab.analysis.parts import COLUMNS, UNBIASED
from nnlab.analysis.report import Report
from nnlab.data.synthetic import GENERATORS
from nnlab.render.plain import table
from nnlab.render.verdict import WIDTH
from nnlab.text import one_line

HEADINGS = {
    "bias2": "bias^2",
    "variance_data": "variance of data",
    "variance_seeds": "variance of seeds",
}
DIGITS = 4  # of the largest number: parts with the same places can be added by eye


def decompositions(report: Report) -> str:
    """A table for each loss, and how to read them."""
    parts = report.decomposition
    if parts is None:
        return ""
    split = report.summary.dropna(subset="networks")
    losses = [loss for loss in parts["loss"].unique() if split[f"{loss}_error"].notna().any()]
    tables = [f"{_table(split, loss)}\n" for loss in losses]
    words = textwrap.fill(
        " ".join([*_of_the_numbers(report.summary, parts), *_of_the_data(report.runs)]), WIDTH
    )
    return f"Bias and variance, on test rows that all seeds share:\n\n{''.join(tables)}{words}\n"


def _table(summary: pd.DataFrame, loss: str) -> str:
    shown = [column for column in COLUMNS if f"{loss}_{column}" in summary]
    lines = summary.dropna(subset=[f"{loss}_error"])
    numbers = lines[[f"{loss}_{column}" for column in shown]].astype(float).to_numpy().tolist()
    headings = [HEADINGS.get(column, column) for column in shown]
    if loss == "zero_one_domingos":
        headings[shown.index("bias2")] = "bias"  # which is no square
    largest = max((abs(value) for values in numbers for value in values if isfinite(value)), default=1.0)
    places = max(0, DIGITS - 1 - floor(log10(largest))) if largest > 0 else DIGITS
    cells = [[f"{value:.{places}f}" if isfinite(value) else "-" for value in values] for values in numbers]
    for i, column in enumerate(shown):
        for own, ends in zip(cells, _ends(lines, f"{loss}_{column}", places), strict=True):
            own[i] += ends
    return table([loss, *headings], [[name, *own] for name, own in zip(_names(lines), cells, strict=True)])


def _ends(lines: pd.DataFrame, column: str, places: int) -> list[str]:
    """The interval of each line in brackets; nothing where there is none."""
    if f"{column}_low" not in lines:
        return [""] * len(lines)
    pairs = zip(lines[f"{column}_low"], lines[f"{column}_high"], strict=True)
    return [f" [{low:.{places}f}, {high:.{places}f}]" if isfinite(low) else "" for low, high in pairs]


def _names(lines: pd.DataFrame) -> list[str]:
    columns = ["experiment"] * (lines["experiment"].nunique() > 1) + ["strategy", "setting"]
    return [one_line(" ".join(filter(None, words))) for words in lines[columns].to_numpy().tolist()]


def _of_the_numbers(summary: pd.DataFrame, parts: pd.DataFrame) -> Iterator[str]:
    names = zip(_names(summary), summary["networks"].isna(), strict=True)
    if left_out := [name for name, is_out in names if is_out]:
        yield f"Not split, since no predictions on such rows are stored: {', '.join(left_out)}."
    networks = summary["networks"].dropna().astype(int)
    if networks.empty:
        return
    fewest, most = networks.min(), networks.max()
    count = str(most) if fewest == most else f"{fewest} to {most}"
    if most < 2:
        yield "One network has no variance that could be told: at least two seeds are needed."
        return
    yield f"Each line is over {count} networks, and its parts add up to the error."
    losses = list(parts["loss"].unique())
    over = "data sets" if "variance_data" in set(parts["part"]) else "networks"
    if unbiased := [loss for loss in losses if loss in UNBIASED]:
        yield f"Those of {' and '.join(unbiased)} are unbiased: a bias^2 below 0 cannot be told from 0."
        if any(f"{loss}_bias2_low" in summary for loss in unbiased):
            yield f"In brackets stand their 95 % intervals over {over}."
    if others := [loss for loss in losses if loss not in UNBIASED]:
        yield f"Those of {' and '.join(others)} are plug-in: with few networks the variance is too low."
    if "noise" not in set(parts["part"]):
        yield "bias^2 holds the noise of the targets, which is not known apart."


def _of_the_data(runs: pd.DataFrame) -> Iterator[str]:
    """What the networks have in common, which their variance leaves out."""
    settings = [json.loads(text) for text in runs["settings"].unique()]
    if any(one["data.resample"] == "bootstrap" for one in settings):
        yield (
            "A bootstrap sample holds about 63 % of the rows, some of them several times: its variance "
            "stands in for that of new rows, and differs from it."
        )
    if any(one["data.resample"] == "none" and one["data.source"] not in GENERATORS for one in settings):
        yield (
            "Seeds that split one table share most of its rows, so the variance is smaller than that of new "
            "rows; data.resample: bootstrap draws them again."
        )
    if runs["data_seed"].nunique() == 1 and runs["seed"].nunique() > 1:
        yield "All networks had the rows of one data seed: the variance is of first weights and batches."
