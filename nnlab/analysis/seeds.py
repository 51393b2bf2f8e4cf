"""Seeds: which runs of a sweep are independent of each other.

Where a sweep crosses data seeds with seeds (`sweep.data_seeds`), the runs of one data seed share their
rows. What they have in common is no noise that more of them would average out, so their mean counts as
one value: intervals and tests are over data seeds.
"""

from collections.abc import Sequence

import pandas as pd


def is_crossed(runs: pd.DataFrame) -> bool:
    """Whether several data seeds are crossed with seeds.

    >>> is_crossed(pd.DataFrame({"data_seed": [0, 1], "seed": [0, 1]}))
    False
    >>> is_crossed(pd.DataFrame({"data_seed": [0, 0, 1, 1], "seed": [0, 1, 0, 1]}))
    True
    """
    data_seeds = runs["data_seed"]
    return bool(data_seeds.nunique() > 1 and (data_seeds != runs["seed"]).any())


def independent(runs: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Lines that are independent of each other: where data seeds are crossed, the means of each.

    Args:
        runs: of one or of several settings, as made by `runs_frame`.
        metrics: the columns that are wanted, beside experiment, settings and data_seed.

    >>> runs = pd.DataFrame({"experiment": "e", "settings": "{}", "data_seed": [7, 7, 8], "seed": [0, 1, 0]})
    >>> independent(runs.assign(gap=[1.0, 2.0, 5.0]), ["gap"])["gap"].tolist()
    [1.5, 5.0]
    """
    if not is_crossed(runs):
        return runs
    keys = ["experiment", "settings", "data_seed"]
    return runs.groupby(keys, sort=False)[list(metrics)].mean().reset_index()
