"""Loss curves: training and validation loss over the epochs, as means over seeds with intervals.

Runs that stop early leave; an epoch counts as long as half of the runs are there.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from nnlab.analysis.intervals import half_width
from nnlab.analysis.seeds import is_crossed
from nnlab.store.reading import read_curves

EPOCHS_SHOWN = 100
COLUMNS = ("train_loss", "val_loss")


def loss_curves(runs: pd.DataFrame, folders: Mapping[str, Path]) -> pd.DataFrame:
    """The curves of each setting.

    Args:
        runs: as made by `runs_frame`; the fewer, the faster.
        folders: name of each experiment -> its folder.

    Returns:
        Columns experiment, strategy, setting, split, epoch, seeds, loss, low, high.
    """
    found = []
    completed = runs[runs["status"] == "completed"]
    for experiment, group in completed.groupby("experiment", sort=False):
        stored = read_curves(folders[str(experiment)], set(group["run"]), COLUMNS)
        curves = pd.DataFrame(stored, columns=["run", "epoch", *COLUMNS])
        members = group[["run", "seed", "data_seed", "strategy", "setting"]].merge(curves, on="run")
        for (strategy, setting), own in members.groupby(["strategy", "setting"], sort=False):
            who = {"experiment": str(experiment), "strategy": str(strategy), "setting": str(setting)}
            found.append(_means(own).assign(**who))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _means(curves: pd.DataFrame) -> pd.DataFrame:
    """One line for each split and epoch."""
    curves = curves[curves["epoch"].isin(_thinned(curves))]
    long = curves.melt(["data_seed", "epoch"], list(COLUMNS), "split", "loss").dropna()
    if is_crossed(curves):
        long = long.groupby(["split", "epoch", "data_seed"])["loss"].mean().reset_index()
    long["split"] = long["split"].str.removesuffix("_loss")
    means = long.groupby(["split", "epoch"], sort=False)["loss"].agg(["mean", "std", "count"]).reset_index()
    half = half_width(means["count"], means["std"])
    return pd.DataFrame(
        {
            "split": means["split"],
            "epoch": means["epoch"],
            "seeds": means["count"],
            "loss": means["mean"],
            "low": means["mean"] - half,
            "high": means["mean"] + half,
        }
    )


def _thinned(curves: pd.DataFrame) -> "list[int]":
    """The epochs that half of the runs have; of many, some that are evenly spread, with both ends."""
    runs = curves["run"].nunique()
    counts = curves["epoch"].value_counts().sort_index()
    epochs = counts.index[counts * 2 >= runs].tolist()
    step = max(1, -(-len(epochs) // EPOCHS_SHOWN))
    return sorted({*epochs[::step], *epochs[-1:]})
