"""Generators: the promises of the family over every member, and each rule against its formula."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from nnlab.data.generator import ClassGenerator, Generator, ValueGenerator
from nnlab.data.synthetic import (
    GENERATORS,
    Blobs,
    Circles,
    Friedman1,
    Linear,
    Moons,
    RobotArm,
    Sine,
    Spirals,
    Tones,
    TwoNorm,
    Xor,
)
from nnlab.data.table import Table
from nnlab.registry import build, write

EVERY = pytest.mark.parametrize("generator", [cls() for cls in GENERATORS.values()], ids=list(GENERATORS))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@EVERY
def test_a_draw_is_a_function_of_options_rows_and_random_numbers(generator: Generator) -> None:
    once, again, other = generator.draw(30, rng(1)), generator.draw(30, rng(1)), generator.draw(30, rng(2))
    assert np.array_equal(once.features, again.features)
    assert np.array_equal(once.target, again.target)
    assert not np.array_equal(once.features, other.features)


@EVERY
@pytest.mark.parametrize("rows", [0, 1, 7, 50])
def test_shapes_types_and_names_fit(generator: Generator, rows: int) -> None:
    drawn = generator.draw(rows, rng())
    assert drawn.features.shape == (rows, len(drawn.feature_names))
    assert drawn.features.dtype == np.float64
    assert len(set(drawn.feature_names)) == len(drawn.feature_names)
    assert np.isfinite(drawn.features).all()
    assert np.isfinite(drawn.target).all()
    if drawn.task == "classification":
        assert drawn.target.shape == (rows,)
        assert drawn.target.dtype == np.int64
    else:
        assert drawn.target.shape[0] == rows
        assert drawn.target.ndim == 2
        assert drawn.class_names == ()


@EVERY
def test_classes_are_as_equal_as_the_rows_allow_and_shuffled(generator: Generator) -> None:
    drawn = generator.draw(301, rng())
    if drawn.task == "classification":
        sizes = np.bincount(drawn.target, minlength=len(drawn.class_names))
        assert sizes.max() - sizes.min() <= 1
        assert len(sizes) == len(drawn.class_names) >= 2
        assert not np.array_equal(drawn.target, np.sort(drawn.target))


@EVERY
def test_options_survive_yaml_and_every_generator_has_samples_and_noise(generator: Generator) -> None:
    problems = []
    assert build(type(generator), write(generator), ("data",), problems) == generator
    assert problems == []
    assert {"samples", "noise"} <= {field.name for field in dataclasses.fields(generator)}


@EVERY
def test_noise_spreads_the_rows(generator: Generator) -> None:
    calm = dataclasses.replace(generator, noise=0.0).draw(50, rng())
    wild = dataclasses.replace(generator, noise=1.0).draw(50, rng())
    assert not (np.allclose(calm.features, wild.features) and np.allclose(calm.target, wild.target))
    assert calm.known_error in (None, 0.0)


@EVERY
def test_the_known_error_of_regression_is_what_is_left_without_the_signal(generator: Generator) -> None:
    noisy, calm = generator.draw(40_000, rng()), dataclasses.replace(generator, noise=0.0).draw(40_000, rng())
    if noisy.task == "regression":
        residual = ((noisy.target - calm.target) ** 2).sum(axis=1).mean()
        assert residual == pytest.approx(noisy.known_error, rel=0.05)


def nearest_centre_error(drawn: Table, centres: Any) -> float:
    distance = ((drawn.features[:, None, :] - centres) ** 2).sum(axis=2)
    return float(np.mean(distance.argmin(axis=1) != drawn.target))


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_bayes_error_of_blobs_is_that_of_the_nearest_centre(classes: int) -> None:
    drawn = Blobs(classes=classes, features=4).draw(100_000, rng())
    angles = 2 * np.pi * np.arange(classes) / classes
    centres = np.zeros((classes, 4))
    centres[:, 0], centres[:, 1] = np.cos(angles), np.sin(angles)
    assert nearest_centre_error(drawn, centres) == pytest.approx(drawn.known_error, abs=0.004)


def test_bayes_error_of_four_blobs_has_a_closed_form() -> None:
    reach = norm.cdf(math.sqrt(0.5) / 0.4)  # the classes are separated by two lines at right angles
    assert Blobs(classes=4, noise=0.4).draw(4, rng()).known_error == pytest.approx(1 - reach**2, abs=1e-6)


@pytest.mark.parametrize("features", [1, 20])
def test_bayes_error_of_twonorm_is_phi_of_minus_two(features: int) -> None:
    drawn = TwoNorm(features=features).draw(100_000, rng())
    assert drawn.known_error == pytest.approx(norm.cdf(-2), abs=1e-12)
    assert np.mean((drawn.features.sum(axis=1) > 0) != drawn.target) == pytest.approx(norm.cdf(-2), abs=0.003)


def test_bayes_error_of_xor_is_that_of_the_signs() -> None:
    drawn = Xor(noise=0.7).draw(100_000, rng())
    guess = drawn.features.prod(axis=1) < 0
    assert np.mean(guess != drawn.target) == pytest.approx(drawn.known_error, abs=0.005)


def test_moons_without_noise_lie_on_two_half_circles() -> None:
    drawn = Moons(noise=0).draw(100, rng())
    (x, y), lower = drawn.features.T, drawn.target == 1
    radius = np.hypot(np.where(lower, x - 1, x), np.where(lower, y - 0.5, y))
    assert np.allclose(radius, 1)
    assert (y[~lower] >= 0).all()
    assert (y[lower] <= 0.5).all()


def test_circles_without_noise_have_radius_one_and_factor() -> None:
    drawn = Circles(noise=0, factor=0.3).draw(100, rng())
    assert np.allclose(np.hypot(*drawn.features.T), np.where(drawn.target == 0, 1, 0.3))


def test_spirals_turn_as_often_as_asked() -> None:
    drawn = Spirals(noise=0, turns=2, classes=3).draw(300, rng())
    x, y = drawn.features.T
    turn = 2 * np.hypot(x, y) + drawn.target / 3 - np.arctan2(y, x) / (2 * np.pi)
    assert np.allclose(turn, np.round(turn))


def test_sine_and_linear_and_friedman_follow_their_formulas() -> None:
    sine = Sine(noise=0).draw(20, rng())
    assert np.allclose(sine.target, np.sin(2 * np.pi * sine.features))
    linear = Linear(noise=0, informative=3, irrelevant=2).draw(50, rng())
    weights = np.linalg.lstsq(linear.features, linear.target, rcond=None)[0]
    assert np.allclose(weights.ravel(), [1, 1, 1, 0, 0])


def test_friedman1_is_that_of_scikit_learn() -> None:
    from sklearn.datasets import make_friedman1

    x, y = make_friedman1(50, random_state=0)

    class Same:
        def uniform(self, low: float, high: float, size: tuple[int, ...]) -> Any:
            return x

        def normal(self, size: tuple[int, ...]) -> Any:
            return np.zeros(size)

    assert np.allclose(Friedman1().draw(50, Same()).target[:, 0], y)


def test_robot_arm_with_two_joints_is_textbook_kinematics() -> None:
    drawn = RobotArm(noise=0).draw(50, rng())
    a, b = drawn.features.T
    assert np.allclose(drawn.target[:, 0], (np.cos(a) + np.cos(a + b)) / 2)
    assert np.allclose(drawn.target[:, 1], (np.sin(a) + np.sin(a + b)) / 2)


def test_tones_have_the_frequency_of_their_pitch_class() -> None:
    drawn = Tones(noise=0, length=4000).draw(24, rng())  # one second, so bin k is k hertz
    peak = np.abs(np.fft.rfft(drawn.features)).argmax(axis=1)
    concert = {"C": 261.63, "E": 329.63, "A": 440.0, "B": 493.88}
    for label, hertz in zip(drawn.target, peak, strict=True):
        name = drawn.class_names[label]
        if name in concert:
            assert hertz == pytest.approx(concert[name], abs=1)


def test_tones_in_octaves_double_the_frequency() -> None:
    drawn = Tones(noise=0, length=4000, octaves=3).draw(240, rng())
    peak = np.abs(np.fft.rfft(drawn.features)).argmax(axis=1)[drawn.class_names.index("A") == drawn.target]
    assert set(peak) == {440, 880, 1760}


# --- imbalance and outliers -----------------------------------------------------------------------

OF_CLASSES = [cls for cls in GENERATORS.values() if issubclass(cls, ClassGenerator)]
OF_VALUES = [cls for cls in GENERATORS.values() if issubclass(cls, ValueGenerator)]


def test_every_generator_has_one_of_the_two() -> None:
    assert {*OF_CLASSES, *OF_VALUES} == set(GENERATORS.values())
    for cls in GENERATORS.values():
        task = cls().draw(4, rng()).task
        assert (cls in OF_CLASSES) is (task == "classification")


@pytest.mark.parametrize("cls", OF_CLASSES)
@pytest.mark.parametrize("rows", [1000, 997, 11, 0])
def test_each_class_is_rarer_than_the_one_before_by_the_share_asked_for(
    cls: type[ClassGenerator], rows: int
) -> None:
    drawn = cls(imbalance=0.5).draw(rows, rng())
    k = len(drawn.class_names)
    sizes = np.bincount(drawn.target, minlength=k)
    expected = rows * 0.5 ** np.arange(k) / sum(0.5**i for i in range(k))
    assert sizes.sum() == rows
    assert np.abs(sizes - expected).max() <= 1
    assert rows < 100 or not np.array_equal(drawn.target, np.sort(drawn.target))


def test_nine_tenths_are_ten_rows_to_one() -> None:
    assert np.bincount(Moons(imbalance=0.9).draw(110, rng()).target).tolist() == [100, 10]


@pytest.mark.parametrize("imbalance", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("noise", [0.5, 1.0, 2.0])
def test_bayes_error_of_unbalanced_twonorm_is_that_of_the_best_border(imbalance: float, noise: float) -> None:
    generator = TwoNorm(imbalance=imbalance, noise=noise)
    common, rare = generator.priors(2)
    borders = np.linspace(-20, 20, 400_001)
    errors = common * norm.sf(borders, -2, noise) + rare * norm.cdf(borders, 2, noise)
    assert generator.draw(2, rng()).known_error == pytest.approx(errors.min(), rel=1e-6)


@pytest.mark.parametrize("cls", [Xor, Blobs])
def test_other_errors_are_known_for_equal_classes_only(cls: type[ClassGenerator]) -> None:
    assert cls().draw(4, rng()).known_error is not None
    assert cls(imbalance=0.2).draw(4, rng()).known_error is None


@pytest.mark.parametrize("cls", OF_VALUES)
def test_outliers_are_the_rows_asked_for_with_ten_times_the_noise(cls: type[ValueGenerator]) -> None:
    calm, wild = cls().draw(20_000, rng()), cls(outliers=0.1).draw(20_000, rng())
    assert np.array_equal(calm.features, wild.features)
    clean = dataclasses.replace(cls(), noise=0.0).draw(20_000, rng()).target
    ratio = ((wild.target - clean) / (calm.target - clean))[:, 0]
    assert set(np.round(ratio, 6)) == {1, 10}
    assert np.mean(ratio > 5) == pytest.approx(0.1, abs=5 * math.sqrt(0.09 / 20_000))
    squares = np.square(wild.target - clean).sum(axis=1).mean()
    assert wild.known_error == pytest.approx(squares, rel=0.15)
    assert wild.known_error == pytest.approx(calm.known_error * (0.9 + 0.1 * 100))
