"""Pairing strategies by seed gives what a join of pandas gives, whichever seeds each of them has."""

import numpy as np
import pandas as pd
import pytest

from nnlab.analysis.pairing import Pairing


@pytest.mark.parametrize("crossed", [False, True])
def test_differences_are_those_of_a_join(crossed: bool) -> None:
    rng = np.random.default_rng(7)
    lines = [
        {"strategy": name, "data_seed": seed // 3 if crossed else seed, "seed": seed, "loss": rng.normal()}
        for name in ("none", "l2", "dropout", "mixup")
        for seed in rng.permutation(12)
        if rng.random() < 0.8
    ]
    runs = pd.DataFrame(lines)
    runs.loc[::9, "loss"] = np.nan
    found = Pairing(runs, "loss")
    keys = ["data_seed", "seed"]
    base = runs[runs["strategy"] == "none"].set_index(keys)["loss"].dropna()
    assert found.counts["none"] == len(base)
    for name, d in found.against("none").items():
        own = runs[runs["strategy"] == name].set_index(keys)["loss"].dropna()
        joined = own.to_frame("own").join(base.rename("base"), how="inner")
        expected = joined["own"] - joined["base"]
        if crossed:
            expected = expected.groupby("data_seed").mean()
        np.testing.assert_allclose(d, expected.sort_index())


def test_a_strategy_without_a_number_has_no_pairs() -> None:
    runs = pd.DataFrame({"strategy": list("aab"), "data_seed": [0, 1, 0], "seed": [0, 1, 0]})
    found = Pairing(runs.assign(loss=[1.0, 2.0, np.nan]), "loss")
    assert found.counts == {"a": 2, "b": 0}
    assert found.against("a")["b"].tolist() == []
