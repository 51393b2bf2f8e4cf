"""Penalties and limits: l2, l1, max_norm and gradient clipping against their formulas."""

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, Lasso

from nnlab.train import train
from tests.conftest import PlanRuns
from tests.regularizers import config, first_step, rows_of, slope


def test_l2_shrinks_biases_too_if_asked(runs_of: PlanRuns) -> None:
    settings = {"l2": {"strength": 30.0, "biases": True}}
    model = {"hidden": [], "dtype": "float64", "initializer": {"name": "normal", "bias_std": 2.0}}
    raw = config(
        data={"source": "friedman1", "samples": 80, "standardize_target": False},
        model=model,
        regularization=settings,
    )
    raw |= {
        "training": {"batch_size": "full"},
        "sweep": {"seeds": 1, "grid": {"training.epochs": [0, 1]}},
    }
    runs = runs_of(raw)
    before, after = (train([run])[0] for run in runs)
    data, w, b = rows_of(runs[0]), before.weights["layer1.weight"], before.weights["layer1.bias"]
    _, by_data = slope(data.train_x, data.train_y, w, b)
    np.testing.assert_allclose(after.weights["layer1.bias"], b - 0.1 * (by_data + 30 / 48 * b), rtol=1e-12)
    squares = np.sum(w**2) + np.sum(b**2)
    assert before.metrics["penalty"] == pytest.approx(30 / (2 * 48) * squares, rel=1e-12)


def test_l1_is_a_step_and_then_a_soft_threshold(runs_of: PlanRuns) -> None:
    run, (w, b), after = first_step(runs_of, regularization={"l1": 100.0})
    data = rows_of(run)
    by_w, by_b = slope(data.train_x, data.train_y, w, b)
    moved, threshold = w - 0.1 * by_w, 0.1 * 100 / 48
    expected = np.where(np.abs(moved) > threshold, moved - threshold * np.sign(moved), 0)
    assert 0 < np.count_nonzero(expected) < expected.size
    np.testing.assert_allclose(after[0], expected, rtol=1e-12)
    np.testing.assert_allclose(after[1], b - 0.1 * by_b, rtol=1e-12)


@pytest.mark.parametrize("l2", [0.0, 20.0])
def test_a_linear_model_with_l1_is_the_lasso_and_with_l2_the_elastic_net(
    l2: float, runs_of: PlanRuns
) -> None:
    raw = config(
        data={"source": "friedman1", "samples": 80, "standardize_target": False},
        model={"hidden": [], "dtype": "float64"},
        regularization={"l1": 40.0, "l2": l2},
        training={"epochs": 1500, "batch_size": "full", "evaluate_every": "last"},
        sweep={"seeds": 1},
    )
    (run,) = runs_of(raw)
    (result,) = train([run])
    data, m = rows_of(run), 48
    alpha = 40 / (2 * m) + l2 / (2 * m)  # theirs is our objective divided by 2
    theirs = (
        ElasticNet(alpha, l1_ratio=40 / (40 + l2), tol=1e-10, max_iter=100_000)
        if l2
        else Lasso(alpha, tol=1e-10)
    )
    theirs.fit(data.train_x, data.train_y.ravel())
    ours = result.weights["layer1.weight"].ravel()
    np.testing.assert_allclose(ours, theirs.coef_, atol=1e-7)
    assert (ours == 0).tolist() == (theirs.coef_ == 0).tolist()
    assert 0 < np.count_nonzero(ours) < ours.size
    assert result.metrics["penalty"] == pytest.approx(
        40 / m * np.abs(ours).sum() + l2 / (2 * m) * (ours**2).sum(), rel=1e-12
    )


def test_max_norm_scales_what_enters_a_unit_and_leaves_biases(runs_of: PlanRuns) -> None:
    free, held = (
        first_step(runs_of, "blobs", regularization={"max_norm": limit})[2] for limit in (None, 0.9)
    )
    norms = np.sqrt((free[0] ** 2).sum(axis=0))
    assert norms.min() < 0.9 < norms.max()
    for unit, norm in enumerate(norms):
        expected = free[0][:, unit] * (0.9 / norm if norm > 0.9 else 1)
        np.testing.assert_allclose(held[0][:, unit], expected, rtol=1e-12)
    assert held[1].tobytes() == free[1].tobytes()


def test_max_norm_holds_in_every_layer(runs_of: PlanRuns) -> None:
    for result in train(runs_of(config(regularization={"max_norm": 0.7}))):
        for name in ("layer1.weight", "layer2.weight", "layer3.weight"):
            assert np.linalg.norm(result.weights[name], axis=0).max() <= 0.7 * (1 + 1e-6)


@pytest.mark.parametrize("limit", [0.5, 1e6])
def test_clipping_shortens_the_whole_gradient(limit: float, runs_of: PlanRuns) -> None:
    run, (w, b), after = first_step(runs_of, regularization={"gradient_clipping": limit})
    data = rows_of(run)
    by_w, by_b = slope(data.train_x, data.train_y, w, b)
    length = np.sqrt((by_w**2).sum() + (by_b**2).sum())
    factor = min(1, limit / (length + 1e-6))
    assert length > 1
    np.testing.assert_allclose(after[0], w - 0.1 * factor * by_w, rtol=1e-12)
    np.testing.assert_allclose(after[1], b - 0.1 * factor * by_b, rtol=1e-12)


def test_clipping_by_value_cuts_each_element(runs_of: PlanRuns) -> None:
    settings = {"gradient_clipping": {"norm": None, "value": 2.0}}
    run, (w, b), after = first_step(runs_of, regularization=settings)
    data = rows_of(run)
    by_w, by_b = slope(data.train_x, data.train_y, w, b)
    assert np.abs(by_w).min() < 2 < np.abs(by_w).max()
    np.testing.assert_allclose(after[0], w - 0.1 * np.clip(by_w, -2, 2), rtol=1e-12)
    np.testing.assert_allclose(after[1], b - 0.1 * np.clip(by_b, -2, 2), rtol=1e-12)


def test_clipping_sees_the_penalty_of_l2(runs_of: PlanRuns) -> None:
    settings = {"l2": 1e5, "gradient_clipping": 0.5}
    _, (w, b), after = first_step(runs_of, regularization=settings)
    moved = np.sqrt(((after[0] - w) ** 2).sum() + ((after[1] - b) ** 2).sum())
    assert moved == pytest.approx(0.1 * 0.5, rel=1e-6)
