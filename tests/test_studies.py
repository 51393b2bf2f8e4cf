"""The studies: their configs plan, and what their scripts predict is right where paper can tell."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from nnlab.config.load import Override, load
from nnlab.plan import plan_sweep

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs/studies").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_study_can_be_planned_and_opens_with_what_it_shows(path: Path) -> None:
    assert path.read_text().startswith("# ")
    if "mnist1d" in path.read_text():
        pytest.importorskip("mnist1d", reason="the package that makes MNIST-1D is not installed")
    assert plan_sweep(load(str(path), [Override("sweep.seeds", "1", "")])).runs


def test_the_predicted_risk_of_ridge_is_that_of_least_squares_at_lambda_0_and_of_nothing_far_beyond() -> None:
    ridge = runpy.run_path(str(ROOT / "benchmarks/studies/ridge.py"))
    least_squares, nothing = ridge["predicted_risk"](100, np.array([0.0, 1e9]))
    # Least squares with a bias, d features and n rows: s^2 (1 + 1/n) (1 + d / (n - d - 2)).
    assert least_squares == pytest.approx(1.01 * (1 + 20 / 78), rel=0.005)
    assert nothing == pytest.approx(1.01 * (1 + 5), rel=0.005)  # noise and |b|^2
