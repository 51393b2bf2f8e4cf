"""Bias and variance: identities, other people's formulas, and effects that are known."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy.special import log_softmax, rel_entr, softmax

from nnlab.analysis.decomposition import (
    Parts,
    binary_cross_entropy,
    cross_entropy,
    squared_error,
    zero_one,
    zero_one_domingos,
)

Rng = np.random.Generator
CLASSES = 3
SHAPES = pytest.mark.parametrize(("networks", "rows", "outputs"), [(2, 1, 1), (5, 7, 3), (12, 40, 2)])
CLOSE = 1e-9


@pytest.fixture
def rng() -> Rng:
    return np.random.default_rng(7)


def total(parts: Parts) -> float:
    return parts.bias2 + parts.variance + (parts.noise or 0)


# --- squared error ----------------------------------------------------------------------------------


@SHAPES
def test_the_squared_error_is_split_as_products_of_two_networks_split_it(
    networks: int, rows: int, outputs: int, rng: Rng
) -> None:
    # Networks are independent: E (f_k - y)(f_l - y) is the squared bias, E (f_k - f_l)^2 / 2 the variance.
    f, y = rng.normal(size=(networks, rows, outputs)), rng.normal(size=(rows, outputs))
    pairs = list(itertools.permutations(range(networks), 2))
    bias2 = np.mean([((f[k] - y) * (f[m] - y)).sum(axis=1).mean() for k, m in pairs])
    variance = np.mean([((f[k] - f[m]) ** 2).sum(axis=1).mean() / 2 for k, m in pairs])
    error = np.mean([((one - y) ** 2).sum(axis=1).mean() for one in f])
    parts = squared_error(f, y, noise=0.25)
    assert (parts.error, parts.bias2, parts.variance) == pytest.approx(
        (error, bias2 - 0.25, variance), abs=CLOSE
    )
    assert total(parts) == pytest.approx(parts.error, abs=CLOSE)


def test_a_negative_bias_is_shown_as_it_is() -> None:
    parts = squared_error(np.array([[[1.0]], [[-1.0]]]), np.array([[0.0]]))
    assert (parts.error, parts.variance, parts.bias2) == (1, 2, -1)


def test_of_one_network_only_the_error_is_known() -> None:
    one = np.array([[[0.25]]])
    parts = [
        squared_error(one, np.array([[1.0]])),
        zero_one(np.array([[1]]), np.array([0]), 2),
        cross_entropy(np.log([[[0.5, 0.5]]]), np.array([0])),
    ]
    assert [own.error for own in parts] == pytest.approx([0.5625, 1, math.log(2)])
    assert all(math.isnan(own.bias2) and math.isnan(own.variance) for own in parts)


@pytest.mark.parametrize(("sets", "seeds"), [(2, 2), (3, 4), (5, 2)])
def test_crossed_parts_are_those_of_products_over_pairs_of_networks(sets: int, seeds: int, rng: Rng) -> None:
    f, y = rng.normal(size=(sets * seeds, 6, 2)), rng.normal(size=(6, 2))
    e = (f - y).reshape(sets, seeds, 6, 2)
    cells = list(itertools.product(range(sets), range(seeds)))

    def product(same_set: bool) -> float:
        """Mean product of the errors of two networks with different seeds."""
        pairs = [(a, b) for a in cells for b in cells if a[1] != b[1] and (a[0] == b[0]) is same_set]
        return float(np.mean([(e[a] * e[b]).sum(axis=1).mean() for a, b in pairs]))

    parts = squared_error(f, y, data_sets=sets)
    assert parts.bias2 == pytest.approx(product(same_set=False), abs=CLOSE)
    assert parts.variance_data == pytest.approx(product(True) - product(False), abs=CLOSE)
    assert parts.variance_seeds == pytest.approx(parts.error - product(True), abs=CLOSE)
    assert parts.variance == pytest.approx(parts.variance_data + parts.variance_seeds, abs=CLOSE)
    assert total(parts) == pytest.approx(parts.error, abs=CLOSE)


def test_effects_of_data_and_of_seeds_are_told_apart(rng: Rng) -> None:
    # Var_D E_seed = 1, E_D Var_seed = 4 + 0.25. The seeds are the same in every data set: taking off
    # 1/I of the whole variance of seeds, as for seeds that differ, would leave 1 - 4/2 = -1.
    rows, sets, seeds = 20_000, 3, 2
    data, seed = rng.normal(0, 1, (sets, 1, rows, 1)), rng.normal(0, 2, (1, seeds, rows, 1))
    f = 3 + data + seed + rng.normal(0, 0.5, (sets, seeds, rows, 1))
    parts = squared_error(f.reshape(-1, rows, 1), np.zeros((rows, 1)), data_sets=sets)
    assert parts.variance_data == pytest.approx(1, abs=0.05)
    assert parts.variance_seeds == pytest.approx(4.25, abs=0.15)
    assert parts.bias2 == pytest.approx(9, abs=0.3)


# --- 0-1 loss ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("networks", [2, 5, 30])
def test_zero_one_is_split_by_the_formulas_of_kohavi_and_wolpert(networks: int, rng: Rng) -> None:
    predicted, labels = rng.integers(0, CLASSES, (networks, 50)), rng.integers(0, CLASSES, 50)
    bias2 = variance = 0.0
    for n, label in enumerate(labels):
        p = np.array([(predicted[:, n] == c).mean() for c in range(CLASSES)])
        t = np.array([float(label == c) for c in range(CLASSES)])
        correction = p * (1 - p) / (networks - 1)
        bias2 += 0.5 * np.sum((t - p) ** 2 - correction) / 50
        variance += (0.5 * (1 - np.sum(p**2)) + 0.5 * np.sum(correction)) / 50
    parts = zero_one(predicted, labels, CLASSES)
    assert (parts.bias2, parts.variance) == pytest.approx((bias2, variance), abs=CLOSE)
    assert parts.error == pytest.approx((predicted != labels).mean(), abs=CLOSE)
    assert total(parts) == pytest.approx(parts.error, abs=CLOSE)


def test_domingos_by_hand() -> None:
    # Four networks, three rows of class 0: all right; one wrong; main prediction 2, one network right.
    predicted = np.array([[0, 0, 2], [0, 0, 2], [0, 1, 0], [0, 0, 1]])
    parts = zero_one_domingos(predicted, np.array([0, 0, 0]), CLASSES)
    assert parts.error == pytest.approx(4 / 12)
    assert parts.bias2 == pytest.approx(1 / 3)  # the third row
    assert parts.variance == pytest.approx((0 + 1 / 4 - 1 / 4) / 3, abs=CLOSE)


def test_domingos_takes_the_first_class_of_a_tie() -> None:
    parts = zero_one_domingos(np.array([[1], [2]]), np.array([2]), CLASSES)
    assert (parts.bias2, parts.variance, parts.error) == (1.0, -0.5, 0.5)


def test_one_network_has_neither_part_of_domingos() -> None:
    parts = zero_one_domingos(np.array([[0, 1]]), np.array([0, 0]), CLASSES)
    assert parts.error == 0.5
    assert math.isnan(parts.bias2)
    assert math.isnan(parts.variance)


@pytest.mark.parametrize("networks", [2, 9])
def test_domingos_adds_up(networks: int, rng: Rng) -> None:
    predicted, labels = rng.integers(0, CLASSES, (networks, 60)), rng.integers(0, CLASSES, 60)
    parts = zero_one_domingos(predicted, labels, CLASSES)
    assert total(parts) == pytest.approx(parts.error, abs=CLOSE)
    assert parts.error == pytest.approx((predicted != labels).mean(), abs=CLOSE)


class Told:
    """An estimator that says what it is told to: one line of a matrix after each fit."""

    def __init__(self, predictions: "np.ndarray[Any, Any]") -> None:
        self._left = iter(predictions)

    def fit(self, *_: object) -> "Told":
        return self

    def predict(self, _: object) -> "np.ndarray[Any, Any]":
        return next(self._left)  # type: ignore[no-any-return]


def theirs(
    predictions: "np.ndarray[Any, Any]", targets: "np.ndarray[Any, Any]", loss: str
) -> tuple[float, ...]:
    decomp = pytest.importorskip("mlxtend.evaluate").bias_variance_decomp
    x = np.zeros((len(targets), 1))
    found = decomp(
        Told(predictions), x, targets, x, targets, loss=loss, num_rounds=len(predictions), random_seed=0
    )
    return tuple(map(float, found))


def test_mlxtend_agrees_on_the_squared_error_but_for_its_biased_form(rng: Rng) -> None:
    f, y = rng.normal(size=(20, 30)), rng.normal(size=30)
    error, bias2, variance = theirs(f, y, "mse")
    parts = squared_error(f[:, :, np.newaxis], y[:, np.newaxis])
    assert parts.error == pytest.approx(error, abs=CLOSE)
    assert parts.variance == pytest.approx(variance * 20 / 19, abs=CLOSE)
    assert parts.bias2 == pytest.approx(bias2 - variance / 19, abs=CLOSE)


def test_mlxtend_agrees_on_the_bias_of_domingos_and_on_variance_without_its_sign(rng: Rng) -> None:
    predicted, labels = rng.integers(0, 2, (21, 80)), rng.integers(0, 2, 80)
    error, bias, variance = theirs(predicted, labels, "0-1_loss")
    parts = zero_one_domingos(predicted, labels, 2)
    assert (parts.error, parts.bias2) == pytest.approx((error, bias), abs=CLOSE)
    rows = [zero_one_domingos(predicted[:, [n]], labels[[n]], 2).variance for n in range(80)]
    assert np.mean(np.abs(rows)) == pytest.approx(variance, abs=CLOSE)
    assert np.mean(rows) == pytest.approx(parts.variance, abs=CLOSE)


# --- cross-entropy ----------------------------------------------------------------------------------


def kl(p: "np.ndarray[Any, Any]", q: "np.ndarray[Any, Any]") -> float:
    return float(rel_entr(p, q).sum(axis=-1).mean())


@SHAPES
def test_cross_entropy_is_that_of_the_geometric_mean_and_the_divergence_from_it(
    networks: int, rows: int, outputs: int, rng: Rng
) -> None:
    z, labels = rng.normal(0, 2, (networks, rows, outputs)), rng.integers(0, outputs, rows)
    p = softmax(z, axis=2)
    mean = np.exp(np.log(p).mean(axis=0))
    mean /= mean.sum(axis=1, keepdims=True)
    parts = cross_entropy(log_softmax(z, axis=2), labels)
    assert parts.variance == pytest.approx(np.mean([kl(mean, one) for one in p]), abs=CLOSE)
    assert parts.bias2 == pytest.approx(-np.log(mean[np.arange(rows), labels]).mean(), abs=CLOSE)
    assert total(parts) == pytest.approx(parts.error, abs=CLOSE)


def test_crossed_cross_entropy_is_split_by_the_mean_of_each_data_set(rng: Rng) -> None:
    z, labels = rng.normal(0, 2, (12, 9, CLASSES)), rng.integers(0, CLASSES, 9)
    log_p = log_softmax(z, axis=2)
    of_each = softmax(log_p.reshape(3, 4, 9, CLASSES).mean(axis=1), axis=2)
    mean = softmax(log_p.mean(axis=0), axis=1)
    parts = cross_entropy(log_p, labels, data_sets=3)
    between = np.mean([kl(mean, one) for one in of_each])
    within = np.mean([kl(of_each[k // 4], np.exp(one)) for k, one in enumerate(log_p)])
    assert (parts.variance_data, parts.variance_seeds) == pytest.approx((between, within), abs=CLOSE)
    assert parts.variance == pytest.approx(between + within, abs=CLOSE)


def test_sigmoid_units_are_summed_and_one_of_them_is_two_classes(rng: Rng) -> None:
    z, targets = rng.normal(0, 3, (8, 15, 2)), rng.integers(0, 2, (15, 2))
    alone = [
        cross_entropy(log_softmax(np.stack([0 * z[:, :, u], z[:, :, u]], axis=2), axis=2), targets[:, u])
        for u in range(2)
    ]
    parts = binary_cross_entropy(z, targets)
    for name in ("error", "bias2", "variance"):
        assert getattr(parts, name) == pytest.approx(sum(getattr(one, name) for one in alone), abs=CLOSE)
