"""The jackknife: Student's interval of a mean, and how often the parts of an error lie in theirs."""

import numpy as np
import pytest
from scipy import stats

from nnlab.analysis.decomposition import squared_error
from nnlab.analysis.jackknife import interval, left_in


def test_of_a_mean_it_is_students_interval() -> None:
    x = np.array([0.3, 1.2, -0.7, 2.5, 0.9])
    without = np.array([np.delete(x, i).mean() for i in range(5)])
    expected = stats.t.interval(0.95, 4, x.mean(), stats.sem(x))
    assert interval(x.mean(), without) == pytest.approx(expected)


def test_of_a_variance_it_covers_the_logarithm() -> None:
    x = np.array([0.3, 1.2, -0.7, 2.5, 0.9])
    without = np.array([np.delete(x, i).var(ddof=1) for i in range(5)])
    logs = interval(float(np.log(x.var(ddof=1))), np.log(without))
    assert interval(x.var(ddof=1), without, positive=True) == pytest.approx(np.exp(logs))


def test_two_networks_and_what_is_no_number_have_none() -> None:
    assert np.isnan(interval(1.0, np.array([1.0, 2.0]))).all()
    assert np.isnan(interval(1.0, np.array([1.0, 2.0, np.nan]))).all()
    assert np.isnan(interval(0.0, np.array([0.0, 1.0, 2.0]), positive=True)).all()


def test_each_network_is_left_out_once_by_itself_or_with_its_block() -> None:
    for networks, blocks in ((7, 7), (12, 4), (200, 200)):
        out = [np.setdiff1d(np.arange(networks), kept) for kept in left_in(networks, blocks)]
        assert np.array_equal(np.concatenate(out), np.arange(networks))
        assert len(out) == min(blocks, 50)


@pytest.mark.parametrize("networks", [5, 20])
def test_nearly_all_intervals_hold_the_true_parts(networks: int) -> None:
    # f = bias + what all rows of a network share + what each row has by itself: bias2 0.25, variance 1.09.
    rng, rows, samples = np.random.default_rng(networks), 60, 400
    inside = np.zeros(2)
    for _ in range(samples):
        shared = 0.3 * rng.normal(size=(networks, 1, 1))
        f = 0.5 + shared + rng.normal(size=(networks, rows, 1))
        whole = squared_error(f, np.zeros((rows, 1)))
        without = [squared_error(f[kept], np.zeros((rows, 1))) for kept in left_in(networks, networks)]
        for i, (name, truth) in enumerate((("bias2", 0.25), ("variance", 1.09))):
            others = np.array([getattr(one, name) for one in without])
            low, high = interval(getattr(whole, name), others, positive=name == "variance")
            inside[i] += low <= truth <= high
    assert (inside / samples >= 0.91).all()
    assert (inside / samples <= 0.995).all()
