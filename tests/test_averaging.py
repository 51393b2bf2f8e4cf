"""Averages of weights: swa and ema against the weights of each epoch and step."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlab.arrays import Array
from nnlab.train import train
from tests.conftest import PlanRuns
from tests.regularizers import config


def after_each_epoch(epochs: Sequence[int], runs_of: PlanRuns, batch_size: int | str) -> list[Array]:
    """The first-layer weights of a plain run that ends after so many epochs."""
    found = []
    for count in epochs:
        training = {"epochs": count, "batch_size": batch_size}
        raw = config(model={"hidden": [4], "dtype": "float64"}, training=training, sweep={"seeds": 1})
        found.append(train(runs_of(raw))[0].weights["layer1.weight"])
    return found


def averaged(settings: dict[str, Any], runs_of: PlanRuns, batch_size: int | str) -> Array:
    training = {"epochs": 5, "batch_size": batch_size}
    raw = config(model={"hidden": [4], "dtype": "float64"}, training=training, sweep={"seeds": 1})
    return train(runs_of({**raw, "regularization": settings}))[0].weights["layer1.weight"]


def test_swa_is_the_mean_over_the_ends_of_epochs(runs_of: PlanRuns) -> None:
    expected = np.mean(after_each_epoch([3, 4, 5], runs_of, 7), axis=0)
    np.testing.assert_allclose(averaged({"swa": 3}, runs_of, 7), expected, rtol=1e-12)


def test_ema_forgets_step_by_step_from_the_first_step_on(runs_of: PlanRuns) -> None:
    first, *others = after_each_epoch([1, 2, 3, 4, 5], runs_of, "full")  # an epoch is a step
    expected = first
    for weights in others:
        expected = 0.8 * expected + 0.2 * weights
    np.testing.assert_allclose(averaged({"ema": 0.8}, runs_of, "full"), expected, rtol=1e-12)
