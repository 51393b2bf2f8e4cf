"""Student's t, against scipy and the closed forms of one and two degrees of freedom."""

import math

import numpy as np
import pytest
from scipy import stats

from nnlab.analysis.intervals import half_width, quantile
from nnlab.analysis.student import quantile as exact_quantile
from nnlab.analysis.student import tails

DEGREES = (1, 2, 3, 4, 9, 10, 29, 99, 1000)


@pytest.mark.parametrize("df", DEGREES)
def test_tails_are_those_of_scipy_far_out_too(df: int) -> None:
    for t in (0.001, 0.1, 0.5, 1.0, 1.7, 2.0, 3.0, 8.0, 40.0, 1000.0):
        expected = 2 * stats.t.sf(t, df)
        assert tails(t, df) == tails(-t, df) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("t", [1e-9, 0.3, 1.0, 7.0, 1e8])
def test_tails_have_the_closed_forms_of_one_and_two_degrees(t: float) -> None:
    assert tails(t, 1) == pytest.approx(2 / math.pi * math.atan2(1, t), rel=1e-12)
    beyond = (
        2 / (2 + t * t) / (1 + t / math.sqrt(2 + t * t))
    )  # 1 - t / sqrt(2 + t^2) without its cancellation
    assert tails(t, 2) == pytest.approx(beyond, rel=1e-12)


def test_tails_have_limits() -> None:
    assert [tails(t, 5) for t in (0.0, 2e-162, 1e200, math.inf)] == [1.0, 1.0, 0.0, 0.0]
    assert math.isnan(tails(math.nan, 5))


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("outside", [0.9, 0.5, 0.05, 0.05 / 15, 1e-6, 1e-12, 1e-20])
def test_quantiles_are_those_of_scipy(df: int, outside: float) -> None:
    assert exact_quantile(df, outside) == pytest.approx(stats.t.isf(outside / 2, df), rel=1e-9)


def test_many_numbers_of_values_at_once_are_each_by_itself() -> None:
    counts = np.array([[2, 10], [1, 2]])
    expected = stats.t.isf(0.025, [[1, 9], [1, 1]])
    assert np.allclose(quantile(counts), expected, rtol=1e-10)
    assert np.allclose(half_width(counts, 2.0), expected * 2 / np.sqrt(counts), rtol=1e-10)
