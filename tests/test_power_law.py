"""The power law of learning curves: found again where it is known, and as scipy finds it elsewhere."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from nnlab.analysis.power_law import PowerLaw, fit

ROWS = np.array([20.0, 50.0, 100.0, 200.0, 500.0, 1000.0])


def law(a: float, b: float, c: float) -> PowerLaw:
    return PowerLaw(np.float64(a), np.float64(b), np.float64(c))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("a", "b", "c"), [(0.2, 3.0, 0.7), (0.0, 1.0, 0.3), (5.0, 400.0, 1.5), (0.01, 0.5, 0.1)]
)
def test_a_law_is_found_again_from_its_own_numbers(a: float, b: float, c: float) -> None:
    found = fit(ROWS, (a + b * ROWS**-c)[np.newaxis], np.ones(len(ROWS)))
    assert float(found.c[0]) == pytest.approx(c, rel=1e-3)
    assert found.take(0).error(ROWS) == pytest.approx(a + b * ROWS**-c, rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_noisy_errors_are_fitted_as_scipy_fits_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sigma = 0.02 * rng.uniform(0.5, 2, len(ROWS))
    errors = 0.3 + 2 * ROWS**-0.5 + rng.normal(0, sigma)
    theirs, _ = curve_fit(
        lambda n, a, b, c: a + b * n**-c,
        ROWS,
        errors,
        (0.2, 1, 0.6),
        sigma=sigma,
        bounds=([0, 0, 0.02], [9, 99, 5]),
    )
    ours = fit(ROWS, errors[np.newaxis], 1 / sigma**2).take(0)
    assert ours.error(ROWS) == pytest.approx(theirs[0] + theirs[1] * ROWS ** -theirs[2], rel=2e-3)


def test_a_curve_that_would_end_below_zero_ends_at_zero() -> None:
    falling = 1 - 0.12 * np.log(ROWS)  # steeper at its end than any law with a >= 0
    found = fit(ROWS, falling[np.newaxis], np.ones(len(ROWS)))
    assert found.a[0] == 0
    assert found.b[0] > 0


def test_a_curve_that_rises_is_flat() -> None:
    found = fit(ROWS, np.log(ROWS)[np.newaxis], np.ones(len(ROWS)))
    assert found.b[0] == 0
    assert found.a[0] == pytest.approx(np.log(ROWS).mean())


def test_many_samples_are_fitted_as_each_alone() -> None:
    errors = 0.1 + np.random.default_rng(0).uniform(1, 2, (4, 1)) * ROWS**-0.4
    together = fit(ROWS, errors, np.ones(len(ROWS)))
    for i, own in enumerate(errors):
        assert fit(ROWS, own[np.newaxis], np.ones(len(ROWS))).c[0] == together.c[i]


def test_rows_undo_the_error_and_are_infinite_below_what_remains() -> None:
    # 0.1 + 2 / sqrt(100) = 0.3
    assert law(0.1, 2, 0.5).error(np.array([100.0])) == pytest.approx([0.3])
    assert law(0.1, 2, 0.5).rows(np.array([0.3, 0.1, 0.05])).tolist() == pytest.approx([100, np.inf, np.inf])
