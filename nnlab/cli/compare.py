"""What sweep and report print alike: the summary of some runs, and what the comparison says in words."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def comparison_of(runs: "pd.DataFrame", metric: str) -> "tuple[pd.DataFrame, str]":
    """The summary, best first, and one sentence for each experiment with a baseline.

    Args:
        runs: the runs to show.
        metric: what they are ordered by; its test rows' version is what they are compared by.
    """
    from nnlab.analysis.comparison import compared_metric, differences, with_differences
    from nnlab.analysis.summary import summarize
    from nnlab.render.verdict import verdict

    compared = compared_metric(metric)
    found = differences(runs, compared)
    baselines = runs.groupby("experiment")["baseline"].first().to_dict()
    sentences = [verdict(own, baselines[experiment], compared) for experiment, own in found.items()]
    summary = with_differences(summarize(runs, metric), found, compared)
    return summary, "".join(f"\n{sentence}\n" for sentence in sentences if sentence)


def shown_metrics(runs: "pd.DataFrame") -> list[str]:
    """The metrics that people look at first, as far as these runs have them."""
    wanted = ["train_loss", "val_loss", "test_loss", "gap", "test_accuracy", "test_r2", "test_rmse"]
    if not runs["test_loss"].notna().any():
        wanted = ["train_loss", "val_loss", "gap", "val_accuracy", "val_r2", "val_rmse"]
    return [name for name in wanted if runs[name].notna().any()]
