"""The view: which lines and columns of a report people see, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from nnlab.analysis.diagnosis import with_next_steps
from nnlab.analysis.filters import matching
from nnlab.analysis.frames import FACTS, setting_columns
from nnlab.analysis.names import meant_by, names_of, resolve, with_settings
from nnlab.analysis.report import Report
from nnlab.analysis.summary import order
from nnlab.errors import InputError
from nnlab.metrics import RUN_METRICS
from nnlab.text import count_of


@dataclass(frozen=True)
class View:
    """What is asked for; names may be the last parts of dotted ones.

    Args:
        cols: the metrics and settings to show, with commas between; None leaves the choice to the report.
        sort_by: a column that orders all lines; None orders those of each experiment by the report's metric.
        top: lines to show, of each experiment or, with sort_by, of all; None is every line.
    """

    cols: str | None = None
    sort_by: str | None = None
    top: int | None = None

    @property
    def names(self) -> Sequence[str]:
        """Those to show, as they were typed."""
        return [name.strip() for name in self.cols.split(",")] if self.cols is not None else []


def with_columns(runs: pd.DataFrame, view: View) -> pd.DataFrame:
    """The runs with a column for each setting that the view may ask for, though it does not vary."""
    every = names_of(runs)
    asked = [*view.names, *([view.sort_by] if view.sort_by else [])]
    return with_settings(runs, [name for one in asked for name in meant_by(one, every)])


def arranged(report: Report, view: View) -> Report:
    """The report with the lines and columns of the view.

    Raises:
        InputError: there is no such column.
    """
    lines = report.listed
    columns = [str(name) for name in lines if not str(name).endswith(("_low", "_high"))]
    if view.sort_by is not None:
        if report.each_run is None:
            columns.append("next_step")
        name = resolve(view.sort_by, columns, "--sort-by")
        lines = with_next_steps(lines, report.diagnoses) if name == "next_step" else lines
        lines = order(lines, name, report.compared)
    if view.top is not None:
        best = lines if view.sort_by else lines.groupby("experiment", sort=False)
        lines = best.head(view.top).reset_index(drop=True)
    if view.cols is not None:
        numbers = [name for name in columns if f"{name}_low" in lines or name in (*RUN_METRICS, *FACTS)]
        known = [*numbers, *setting_columns(report.runs)]
        names = dict.fromkeys(resolve(name, known, "--cols") for name in view.names)
        settings = [name for name in names if name not in numbers]
        report = replace(report, metrics=[name for name in names if name in numbers], settings=settings)
    return replace(report, summary=lines) if report.each_run is None else replace(report, each_run=lines)


def filtered(runs: pd.DataFrame, condition: str, stored: int = 0) -> tuple[pd.DataFrame, list[str]]:
    """The runs that meet a condition, and what should be known about them.

    Args:
        runs: those to choose from.
        condition: what they must meet.
        stored: how many runs there are in all.

    Raises:
        InputError: it is no condition, or no run meets it.
    """
    kept = runs[matching(runs, condition)]
    if kept.empty:
        runs_here = count_of(len(runs), "run")
        none = f"none of {runs_here} meets it"
        if stored > len(runs):
            none = f"none of {runs_here} of chosen settings meets it; --all looks at all {stored:,}"
        raise InputError(f"--filter {condition}: {none}")
    notes = []
    if _have_different_seeds(kept) and not _have_different_seeds(runs):
        notes.append(
            f"--filter keeps {len(kept):,} of {count_of(len(runs), 'run')}, and not the same seeds of every "
            "line: means are over different seeds, differences over those that both have"
        )
    without = {str(name) for name in _baselines(runs) - _baselines(kept)}
    if without:
        notes.append(
            f"--filter leaves out the baseline {', '.join(sorted(without))}: nothing is compared with it"
        )
    return kept, notes


def _baselines(runs: pd.DataFrame) -> set[object]:
    """The baselines that have runs here."""
    return set(runs.loc[runs["strategy"] == runs["baseline"], "baseline"])


def _have_different_seeds(runs: pd.DataFrame) -> bool:
    of_line = runs.groupby(["experiment", "strategy", "settings"], sort=False)["seed"].nunique()
    of_experiment = runs.groupby("experiment", sort=False)["seed"].nunique()
    return bool((of_line != of_experiment.reindex(of_line.index.get_level_values(0)).to_numpy()).any())
