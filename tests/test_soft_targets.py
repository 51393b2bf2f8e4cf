"""Soft targets: label smoothing and mixup against their formulas."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from nnlab.streams import stream
from nnlab.train import train
from tests.conftest import PlanRuns, Refused
from tests.regularizers import Case, config, first_step, rows_of, slope


@pytest.mark.parametrize(
    ("source", "output", "classes"),
    [("blobs", "softmax", 3), ("moons", "softmax", 2), ("moons", "sigmoid", 2)],
)
def test_label_smoothing_mixes_labels_with_all_classes(
    source: str, output: str, classes: int, runs_of: PlanRuns
) -> None:
    settings = {"label_smoothing": 0.3}
    raw = config(
        data={"source": source, "samples": 80, "standardize_target": False},
        model={"hidden": [], "dtype": "float64", "output": output},
        training={"batch_size": "full"},
        regularization=settings,
        sweep={"seeds": 1, "grid": {"training.epochs": [0, 1]}},
    )
    runs = runs_of(raw)
    before, after = (train([run])[0].weights for run in runs)
    data = rows_of(runs[0])
    z = data.train_x @ before["layer1.weight"] + before["layer1.bias"]
    smooth = 0.7 * np.eye(classes)[data.train_y] + 0.3 / classes
    if output == "sigmoid":
        z = np.hstack([np.zeros_like(z), z])
    wrong_by = (softmax(z, axis=1) - smooth)[:, -before["layer1.bias"].size :]
    expected = before["layer1.weight"] - 0.1 * data.train_x.T @ wrong_by / len(z)
    np.testing.assert_allclose(after["layer1.weight"], expected, rtol=1e-10)
    # The features have mean 0: only the bias sees how much goes to each class.
    expected = before["layer1.bias"] - 0.1 * wrong_by.mean(axis=0)
    np.testing.assert_allclose(after["layer1.bias"], expected, rtol=1e-10, atol=1e-12)


def test_mixup_takes_its_share_of_the_row_itself(tmp_path: Path) -> None:
    """The gradient of a linear model would be the same with the shares of row and partner exchanged."""
    case = Case({"mixup": 0.4}, tmp_path)
    x, targets = case.space.x.copy(), case.space.targets.copy()
    case.learner.step(case.space, left=1)
    for run, seed in enumerate((1, 2, 3)):
        rng = stream(seed, "mixup")
        share, partners = rng.beta(0.4, 0.4), rng.permutation(Case.batch)
        for before, mixed in ((x[run], case.space.x[run]), (targets[run], case.space.targets[run])):
            np.testing.assert_allclose(mixed, share * before + (1 - share) * before[partners], atol=1e-12)


@pytest.mark.parametrize("source", ["friedman1", "robot_arm"])
def test_mixup_trains_on_mixtures_of_two_rows(source: str, runs_of: PlanRuns) -> None:
    run, (w, b), after = first_step(runs_of, source, regularization={"mixup": 0.4})
    data, rng = rows_of(run), stream(run.seed, "mixup")
    share, partners = rng.beta(0.4, 0.4), rng.permutation(48)
    x, y = (
        share * rows + (1 - share) * rows[partners] for rows in (data.train_x, data.train_y.reshape(48, -1))
    )
    by_w, by_b = slope(x, y, w, b)
    np.testing.assert_allclose(after[0], w - 0.1 * by_w, rtol=1e-10)
    np.testing.assert_allclose(after[1], b - 0.1 * by_b, rtol=1e-10)


def test_label_smoothing_of_a_number_is_refused(refused: Refused) -> None:
    raw = config(
        data={"source": "friedman1", "samples": 80, "standardize_target": False},
        regularization={"label_smoothing": 0.1},
    )
    assert "regularization.label_smoothing: it came for regression, expected classes" in refused(raw)


def test_mixup_of_single_rows_is_refused(refused: Refused) -> None:
    raw = config(regularization={"mixup": 0.2}, training={"batch_size": 1})
    assert "regularization.mixup: it came with one row in a batch, expected at least 2" in refused(raw)
