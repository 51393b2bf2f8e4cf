"""Evaluation: where several classes are equally likely, the first of them is the prediction."""

from typing import Any

import numpy as np
import pytest

from nnlab.data.prepare import prepare
from nnlab.train import train
from tests.conftest import PlanRuns


@pytest.mark.parametrize(
    ("data", "model"),
    [
        ({"source": "moons", "samples": 45}, {}),
        ({"source": "moons", "samples": 45}, {"output": "sigmoid"}),
        ({"source": "blobs", "samples": 45, "classes": 5}, {}),
    ],
    ids=["two units", "one unit", "five units"],
)
def test_a_network_of_zeros_takes_every_row_for_the_first_class(
    data: dict[str, Any], model: dict[str, Any], runs_of: PlanRuns
) -> None:
    raw = {"data": data, "model": {"hidden": [4], "initializer": "zeros"} | model, "training": {"epochs": 1}}
    (run,) = runs_of(raw | {"sweep": {"seeds": 1}})
    classes = prepare(run.setting.material, run.config.data.preparation, run.seed).train_y
    assert train([run])[0].curves["train_accuracy"][0] == np.mean(classes == 0)
