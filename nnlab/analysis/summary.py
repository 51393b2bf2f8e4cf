"""The summary of a sweep: one line for each setting, means over seeds with 95 % intervals."""

import pandas as pd
from scipy.special import stdtrit

from nnlab.analysis.frames import FACTS, setting_columns
from nnlab.analysis.seeds import independent
from nnlab.metrics import RUN_METRICS, higher_is_better

CONFIDENCE = 0.95


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
    settings = setting_columns(runs)
    lines = []
    for (experiment, strategy, _), group in runs.groupby(["experiment", "strategy", "settings"], sort=False):
        completed = group[group["status"] == "completed"]
        line: dict[str, object] = {
            "experiment": experiment,
            "strategy": strategy,
            "setting": group["setting"].iloc[0],
            **{key: group[key].iloc[0] for key in settings},
            "chosen": bool(group["chosen"].iloc[0]),
            "tried": int(group["tried"].iloc[0]),
            "seeds": len(completed),
            "data_seeds": completed["data_seed"].nunique(),
            "diverged": int((group["status"] == "diverged").sum()),
            "failed": int((group["status"] == "failed").sum()),
        }
        values = independent(completed, metrics)
        for name in metrics:
            mean, low, high = interval(values[name].dropna())
            line |= {name: mean, f"{name}_low": low, f"{name}_high": high}
        lines.append(line)
    return order(pd.DataFrame(lines), order_by)


def order(summary: pd.DataFrame, column: str) -> pd.DataFrame:
    """The lines of a summary by one column: metrics best first, settings and counts from small to large.

    Without that column (no validation rows) the order of the config stays: training loss ranks the
    most over-fitted first.
    """
    if column not in summary:
        return summary
    return summary.sort_values(
        column, ascending=not higher_is_better(column), na_position="last", kind="stable"
    ).reset_index(drop=True)


def interval(values: "pd.Series[float]") -> tuple[float, float, float]:
    """Mean, and the ends of its 95 % t-interval; NaN where they are not defined.

    >>> [round(x, 4) for x in interval(pd.Series([1.0, 2.0, 3.0]))]
    [2.0, -0.4841, 4.4841]
    """
    n = len(values)
    if n == 0:
        return float("nan"), float("nan"), float("nan")
    mean = float(values.mean())
    if n == 1:
        return mean, float("nan"), float("nan")
    quantile = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2))  # Student's t; scipy.stats loads slowly
    half = quantile * float(values.std(ddof=1)) / n**0.5
    return mean, mean - half, mean + half
