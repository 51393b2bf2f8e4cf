"""Batch normalization: by the batch while training, by running statistics when predicting."""

from pathlib import Path

import numpy as np
import pytest

from nnlab.nn.optimizers import Sgd
from nnlab.nn.stacking import stack
from tests.conftest import Refused
from tests.regularizers import Case, config


def test_batch_norm_normalizes_by_the_batch_and_predicts_by_running_statistics(tmp_path: Path) -> None:
    case = Case({"batch_norm": {"momentum": 0.3, "epsilon": 0.01}}, tmp_path)
    network, learner, space = case.space.network, case.learner, case.space
    rng = np.random.default_rng(5)
    learner.params[:, 39:46] = rng.uniform(0.5, 2, (3, 7))  # scales; before them 16 + 15 + 8 parameters
    params = learner.params.copy()
    learner.optimizer = stack([Sgd(1e-300)] * 3)  # a step that moves nothing but running statistics
    learner.begin(epoch=1)
    learner.step(space, left=1)
    running, predicting = network.normalization(learner.params), learner.predicting().layers
    for run in range(3):
        h, scale, start = space.x[run, :, :-1], params[run, 39:46], 0
        for i, layer in enumerate(network.layers(params)[:-1]):
            z, units = h @ layer[run, :-1], layer.shape[2]
            own, shift = scale[start : start + units], layer[run, -1]
            mean, variance = 0.3 * z.mean(axis=0), 0.7 + 0.3 * z.var(axis=0, ddof=1)
            np.testing.assert_allclose(running.mean[i][run, :, 0], mean, rtol=1e-10)
            np.testing.assert_allclose(running.variance[i][run, :, 0], variance, rtol=1e-10)
            predicted = own * (z - mean) / np.sqrt(variance + 0.01) + shift
            plain = h @ predicting[i][run, :-1] + predicting[i][run, -1]
            np.testing.assert_allclose(plain, predicted, rtol=1e-10)
            h = np.tanh(own * (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 0.01) + shift)
            np.testing.assert_allclose(space.h[i][run].T, h, rtol=1e-10)
            start += units


@pytest.mark.parametrize(("size", "reason"), [(1, "came with batch_size 1"), (47, "leave one row over")])
def test_batch_norm_of_a_single_row_is_refused(size: int, reason: str, refused: Refused) -> None:
    raw = config(regularization={"batch_norm": True}, training={"batch_size": size})
    assert reason in refused(raw)
