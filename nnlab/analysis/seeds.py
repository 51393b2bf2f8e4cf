"""Seeds: which runs of a sweep are independent of each other.

Where a sweep crosses data seeds with seeds (`sweep.data_seeds`), the runs of one data seed share their
rows. What they have in common is no noise that more of them would average out, so their mean counts as
one value: intervals and tests are over data seeds.
"""

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
