"""The report: everything that analysis has to say of some runs, ready to be rendered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from nnlab.analysis.comparison import Comparison, compared_metric, comparisons, with_comparisons
from nnlab.analysis.curves import curves, heat_maps, spaces_of
from nnlab.analysis.diagnosis import Diagnoses, with_verdicts
from nnlab.analysis.learning import LearningCurve, Worth, learning
from nnlab.analysis.summary import each_run, summarize

FIRST_LOOK = ("train_loss", "val_loss", "test_loss", "gap", "test_accuracy", "test_r2", "test_rmse")
WITHOUT_TEST_ROWS = ("train_loss", "val_loss", "gap", "val_accuracy", "val_r2", "val_rmse")


@dataclass(frozen=True)
class Report:
    """What is shown of some experiments, as numbers; `nnlab/render/` turns it into words and pictures.

    Args:
        folders: name of each experiment -> its folder, where curves and weights lie.
        runs: the runs shown, as made by `runs_frame`.
        summary: one line for each strategy or setting, best first, as made by `summarize`, with the
            columns of `with_comparisons` where there is a baseline, and that of `with_verdicts`.
        metrics: those that people compare by, in the order of the columns.
        order_by: the metric that decides which line is the best.
        compared: the metric that strategies are compared by.
        comparisons: name of each experiment that has a baseline -> what came of it.
        curves: how the metrics change with one setting, as made by `curves`.
        heat_maps: how they change with two, as made by `heat_maps`.
        learning: the power law of each learning curve that follows one.
        worths: what fixes are worth in data.
        diagnoses: (experiment, strategy, setting) of each line of the summary -> its diagnosis.
        decomposition: columns experiment, strategy, setting, loss, part (bias2, variance or variance_data and
            variance_seeds, noise), value; the parts of a loss add up to its error. None unless asked for.
        settings: those that have a column of their own.
        each_run: a line for each run, as made by `summary.each_run`, to be listed instead of the summary.
    """

    folders: Mapping[str, Path]
    runs: pd.DataFrame
    summary: pd.DataFrame
    metrics: Sequence[str]
    order_by: str
    compared: str
    comparisons: Mapping[str, Comparison]
    curves: pd.DataFrame
    heat_maps: pd.DataFrame
    learning: Sequence[LearningCurve]
    worths: Sequence[Worth]
    diagnoses: Diagnoses
    decomposition: pd.DataFrame | None = None
    settings: Sequence[str] = ()
    each_run: pd.DataFrame | None = None

    @property
    def listed(self) -> pd.DataFrame:
        """The lines of the table; sentences and pictures are always of the summary."""
        return self.summary if self.each_run is None else self.each_run


def make_report(
    runs: pd.DataFrame,
    folders: Mapping[str, Path],
    order_by: str = "val_loss",
    per_seed: bool = False,
    everything: pd.DataFrame | None = None,
) -> Report:
    """The report of these runs.

    Args:
        runs: the runs to show, as made by `runs_frame`.
        folders: name of each experiment -> its folder.
        order_by: the metric that decides which line is the best; its test rows' version is what
            strategies are compared by.
        per_seed: list every run instead of means.
        everything: all runs that `runs` were chosen from, if there are more: what a diagnosis looks at, too.
    """
    compared = compared_metric(order_by)
    if compared not in runs or runs[compared].isna().all():
        compared = order_by  # there are no test rows
    found = comparisons(runs, compared)
    diagnosed = Diagnoses(runs, everything)
    summary = with_verdicts(with_comparisons(summarize(runs, order_by), found), diagnosed)
    spaces = spaces_of(runs)
    over_settings = curves(runs, spaces)
    laws, worths = learning(over_settings, runs, compared)
    return Report(
        folders=folders,
        runs=runs,
        summary=summary,
        metrics=first_look(runs),
        order_by=order_by,
        compared=compared,
        comparisons=found,
        curves=over_settings,
        heat_maps=heat_maps(runs, spaces),
        learning=laws,
        worths=worths,
        diagnoses=diagnosed,
        each_run=each_run(runs, order_by) if per_seed else None,
    )


def first_look(runs: pd.DataFrame) -> list[str]:
    """The metrics that people look at first, as far as these runs have them."""
    wanted = FIRST_LOOK if runs["test_loss"].notna().any() else WITHOUT_TEST_ROWS
    return [name for name in wanted if runs[name].notna().any()]
