"""The quick search for who has more, loses no more and errs least finds what looking at everybody finds."""

import math

import numpy as np
import pytest

from nnlab.analysis.dominance import Group


@pytest.mark.parametrize("members", [2, 50, 700])
def test_the_best_is_the_one_that_a_look_at_everybody_finds(members: int) -> None:
    rng = np.random.default_rng(members)
    amounts, errors = rng.integers(0, 9, members).astype(float), rng.integers(0, 30, members) / 30
    losses = rng.integers(0, 9, (members, 2)).astype(float)
    amounts[::11], losses[::7, 0], losses[::13, 1], errors[::5] = math.nan, math.nan, math.nan, math.inf
    group = Group(np.arange(members), amounts, losses, errors)
    found = []
    for amount, own in zip(amounts, losses, strict=True):
        good = [
            (errors[i], i)
            for i in range(members)
            if amounts[i] > amount and not losses[i][0] > own[0] and not losses[i][1] > own[1]
        ]
        best = min(good)[1] if good else None
        found.append(group.best(amount, own) == (bool((amounts > amount).any()), best))
    assert all(found)
