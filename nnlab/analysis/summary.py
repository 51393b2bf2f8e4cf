"""The summary of a sweep: one line for each setting, means over seeds with 95 % intervals."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnlab.analysis.frames import FACTS, WORDS, setting_columns
from nnlab.analysis.intervals import half_width
from nnlab.metrics import RUN_METRICS, higher_is_better

Lines = NDArray[np.integer]  # the line of the summary that each run belongs to


def summarize(runs: pd.DataFrame, order_by: str = "val_loss") -> pd.DataFrame:
    """One line for each experiment, strategy and setting; best first.

    The interval of a mean over n seeds is mean +- t(n - 1) * s / sqrt(n), s with n - 1 degrees of
    freedom; one seed has no interval. Where data seeds are crossed with seeds, n counts the data seeds.

    Args:
        runs: as made by `runs_frame`.
        order_by: the metric that decides what is best.

    Returns:
        Columns experiment, strategy, setting, each setting that varies, chosen (whether it stands for its
        strategy), tried (settings of the strategy), seeds (runs completed), data_seeds (of these), diverged,
        failed, and for each metric that any run has `<metric>`,
        `<metric>_low` and `<metric>_high`.
    """
    metrics = [name for name in (*RUN_METRICS, *FACTS) if name in runs and runs[name].notna().any()]
    groups = runs.groupby(["experiment", "strategy", "settings"], sort=False)
    line = groups.ngroup().to_numpy()  # the line that each run belongs to, in the order of the runs
    of_all = ["experiment", "strategy", "setting", *setting_columns(runs), "chosen", "tried"]
    summary = runs.loc[~pd.Series(line, runs.index).duplicated(), of_all].reset_index(drop=True)
    done = (runs["status"] == "completed").to_numpy()
    completed = runs[done]
    summary["seeds"] = np.bincount(line[done], minlength=len(summary))
    data_seeds = completed.groupby(line[done])["data_seed"].nunique()
    summary["data_seeds"] = data_seeds.reindex(summary.index, fill_value=0)
    for status in ("diverged", "failed"):
        summary[status] = np.bincount(line[runs["status"] == status], minlength=len(summary))
    means = intervals(*_independent(completed, metrics, line[done]))
    return best_first(summary.join(means), order_by)


def _independent(runs: pd.DataFrame, metrics: list[str], line: Lines) -> tuple[pd.DataFrame, Lines]:
    """What the mean of each line is made of: every run, or where they are crossed every data seed."""
    values = runs[metrics].astype(float)
    differs = (runs["data_seed"] != runs["seed"]).groupby(line).transform("any")
    crossed = differs & (runs.groupby(line)["data_seed"].transform("nunique") > 1)
    if not crossed.any():
        return values, line
    alone = -1 - np.arange(len(runs))  # no data seed
    means = values.groupby([line, np.where(crossed, runs["data_seed"], alone)]).mean()
    return means.reset_index(drop=True), means.index.get_level_values(0).to_numpy()


def each_run(runs: pd.DataFrame, order_by: str = "val_loss") -> pd.DataFrame:
    """One line for each run instead of means; best first.

    Args:
        runs: as made by `runs_frame`.
        order_by: the metric that decides what is best.

    Returns:
        Columns experiment, strategy, setting, run, seed, data_seed, status, each setting that varies, tried,
        and each metric that any run has.
    """
    metrics = [name for name in (*RUN_METRICS, *FACTS) if name in runs and runs[name].notna().any()]
    columns = [*WORDS, "run", "seed", "data_seed", "status", *setting_columns(runs), "tried", *metrics]
    return best_first(runs[columns].reset_index(drop=True), order_by)


def best_first(summary: pd.DataFrame, column: str) -> pd.DataFrame:
    """The lines of each experiment together, best first: losses of different data do not compare."""
    place = {name: i for i, name in enumerate(summary["experiment"].unique())}
    best = order(summary, column)
    return best.sort_values("experiment", key=lambda names: names.map(place), kind="stable").reset_index(
        drop=True
    )


def intervals(values: pd.DataFrame, line: Lines) -> pd.DataFrame:
    """Means over the rows of each line, and the ends of their 95 % t-intervals; NaN where not defined.

    Args:
        values: one row for each run.
        line: which line a row belongs to.

    Returns:
        For each column `<name>`, `<name>_low` and `<name>_high`, indexed by line.

    >>> intervals(pd.DataFrame({"loss": [1.0, 2.0, 3.0]}), np.array([0, 0, 0])).round(4).to_dict("records")
    [{'loss': 2.0, 'loss_low': -0.4841, 'loss_high': 4.4841}]
    """
    groups = values.astype(float).groupby(line)
    mean, n = groups.mean(), groups.count()
    half = half_width(n, groups.std(ddof=1))
    ends = {"": mean, "_low": mean - half, "_high": mean + half}
    return pd.DataFrame({f"{name}{end}": found[name] for name in values for end, found in ends.items()})


def order(summary: pd.DataFrame, column: str, compared: str = "") -> pd.DataFrame:
    """The lines of a summary by one column: what is better first, settings and counts from small to large.

    Without that column (no validation rows) the order of the config stays: training loss ranks the
    most over-fitted first.

    Args:
        summary: as made by `summarize`.
        column: its name.
        compared: the metric that differences are of.
    """
    if column not in summary:
        return summary
    is_best = column == "wins" or higher_is_better(compared if column == "difference" else column)
    numbers = pd.to_numeric(summary[column], errors="coerce")
    words = summary[column].where(numbers.isna() & summary[column].notna(), "").astype(str)
    by = pd.DataFrame({"number": numbers.astype(float), "words": words})  # batch sizes: 16, 32, full
    by = by.sort_values(["number", "words"], ascending=[not is_best, True], na_position="last")
    return summary.loc[by.index].reset_index(drop=True)
