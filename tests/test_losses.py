"""Losses and outputs: values against SciPy and scikit-learn, extremes, and slopes of every pair."""

import math

import numpy as np
import pytest
from scipy.special import expit, huber, softmax
from sklearn.metrics import log_loss, mean_absolute_error, mean_poisson_deviance, mean_squared_error
from sklearn.utils.class_weight import compute_sample_weight

from nnlab.arrays import Array
from nnlab.nn.losses import (
    LOSSES,
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    Loss,
    Poisson,
    SquaredError,
)
from nnlab.nn.outputs import (
    OUTPUTS,
    ExponentialOutput,
    IdentityOutput,
    Output,
    SigmoidOutput,
    SoftmaxOutput,
)

PAIRS = [(cls(), OUTPUTS[name]()) for cls in LOSSES.values() for name in cls.outputs]
EVERY_PAIR = pytest.mark.parametrize(
    ("loss", "output"), PAIRS, ids=[f"{loss.name}-{output.name}" for loss, output in PAIRS]
)
RUNS, UNITS, BATCH = 3, 4, 5


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def logits() -> Array:
    return rng().normal(0, 2, (RUNS, UNITS, BATCH))


def one_hot(dtype: str = "float64") -> Array:
    """A true class for every row, as the network sees it: (runs, outputs, batch)."""
    return np.eye(UNITS, dtype=dtype)[rng().integers(0, UNITS, (RUNS, BATCH))].transpose(0, 2, 1)


def predict(output: Output, z: Array) -> Array:
    y = np.empty_like(z)
    output.f(z, y, np.empty_like(z[:, :1]))
    return y


def slope(loss: Loss, output: Output, z: Array, target: Array) -> Array:
    out = np.full_like(z, 5.0)
    loss.gradient(output, z.copy(), target, out, np.empty_like(z[:, :1]))
    return out


@EVERY_PAIR
def test_delta_is_the_slope_of_the_loss(loss: Loss, output: Output) -> None:
    z, target, h = logits(), one_hot(), 1e-6
    numeric = np.empty_like(z)
    for unit in range(UNITS):
        step = h * (np.arange(UNITS) == unit)[:, np.newaxis]
        up, down = loss.of_rows(output, z + step, target), loss.of_rows(output, z - step, target)
        numeric[:, unit] = (up - down) / (2 * h)
    np.testing.assert_allclose(slope(loss, output, z, target), numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("loss", "output"), [pair for pair in PAIRS if not isinstance(pair[1], ExponentialOutput)], ids=str
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("z", [-1e3, -100.0, 0.0, 100.0, 1e3])
def test_extreme_logits_are_finite(loss: Loss, output: Output, dtype: str, z: float) -> None:
    for background in (0.0, -z):
        extreme = np.full((RUNS, UNITS, BATCH), background, dtype)
        extreme[:, 1] = z
        rows = loss.of_rows(output, extreme, one_hot(dtype))
        delta = slope(loss, output, extreme, one_hot(dtype))
        assert rows.dtype == delta.dtype == dtype
        assert rows.shape == (RUNS, BATCH)
        assert np.isfinite(rows).all()
        assert np.isfinite(delta).all()


@EVERY_PAIR
def test_a_perfect_prediction_costs_nothing(loss: Loss, output: Output) -> None:
    target = one_hot()
    z = 2000 * target - 1000
    if output.name == "identity":
        z = target
    elif output.name == "exponential":
        z = 1000 * target - 1000  # exp(0) = 1
    assert np.abs(loss.of_rows(output, z, target)).max() < 1e-12
    assert np.abs(slope(loss, output, z, target)).max() < 1e-12


@pytest.mark.parametrize("output", [cls() for cls in OUTPUTS.values()], ids=list(OUTPUTS))
def test_an_output_may_write_over_z(output: Output) -> None:
    z = logits()
    apart = predict(output, z)
    output.f(z, z, np.empty_like(z[:, :1]))
    assert np.array_equal(z, apart)


def test_outputs_are_the_functions_of_scipy() -> None:
    z = logits()
    np.testing.assert_allclose(predict(SigmoidOutput(), z), expit(z), rtol=1e-13)
    np.testing.assert_allclose(predict(SoftmaxOutput(), z), softmax(z, axis=1), rtol=1e-13)
    assert np.array_equal(predict(IdentityOutput(), z), z)


def test_only_a_sigmoid_tells_two_classes_apart_with_one_unit() -> None:
    classifiers = {name: cls() for name, cls in OUTPUTS.items() if "classification" in cls.tasks}
    assert {name: (output.units(2), output.units(3)) for name, output in classifiers.items()} == {
        "identity": (2, 3),
        "sigmoid": (1, 3),
        "softmax": (2, 3),
    }


def test_cross_entropy_is_the_log_loss_of_scikit_learn() -> None:
    z, target = logits(), one_hot()
    ours = CrossEntropy().of_rows(SoftmaxOutput(), z, target)
    for run in range(RUNS):
        labels, chances = target[run].argmax(axis=0), softmax(z[run].T, axis=1)
        assert ours[run].mean() == pytest.approx(log_loss(labels, chances, labels=range(UNITS)), rel=1e-12)


def test_binary_cross_entropy_is_the_log_loss_of_scikit_learn_summed_over_units() -> None:
    z, target = logits(), one_hot()
    ours = BinaryCrossEntropy().of_rows(SigmoidOutput(), z, target)
    for run in range(RUNS):
        units = [log_loss(target[run, k], expit(z[run, k]), labels=[0, 1]) for k in range(UNITS)]
        assert ours[run].mean() == pytest.approx(sum(units), rel=1e-12)


def test_squared_error_is_summed_over_outputs_without_a_half() -> None:
    z, target = logits(), logits() + 1
    ours = SquaredError().of_rows(IdentityOutput(), z, target)
    assert ours == pytest.approx(UNITS)  # each output is off by 1
    y = predict(SoftmaxOutput(), z)
    brier = SquaredError().of_rows(SoftmaxOutput(), z, one_hot())
    for run in range(RUNS):
        expected = UNITS * mean_squared_error(one_hot()[run].T, y[run].T)
        assert brier[run].mean() == pytest.approx(expected, rel=1e-12)


def test_poisson_is_half_the_deviance_of_scikit_learn() -> None:
    z, target = logits(), rng().poisson(2.0, (RUNS, UNITS, BATCH)).astype(float)
    assert (target == 0).any()
    ours = Poisson().of_rows(ExponentialOutput(), z, target)
    for run in range(RUNS):
        units = [mean_poisson_deviance(target[run, k], np.exp(z[run, k])) / 2 for k in range(UNITS)]
        assert ours[run].mean() == pytest.approx(sum(units), rel=1e-12)


def test_a_count_of_0_and_a_mean_close_to_it_are_finite() -> None:
    z, target = np.full((1, 1, 2), -1e3), np.array([[[0.0, 3.0]]])
    np.testing.assert_allclose(
        Poisson().of_rows(ExponentialOutput(), z, target), [[0, 3e3 - 3 + 3 * math.log(3)]]
    )


def test_huber_is_squared_near_and_straight_far_away() -> None:
    z = np.array([[[0.5, -2.0, 2.0, 5.0]]])
    loss, zero = Huber(delta=2.0), np.zeros((1, 1, 4))
    np.testing.assert_allclose(loss.of_rows(IdentityOutput(), z, zero), [[0.125, 2, 2, 8]])
    np.testing.assert_allclose(slope(loss, IdentityOutput(), z, zero), [[[0.5, -2, 2, 2]]])
    assert Huber(1e9).of_rows(IdentityOutput(), z, zero)[0, 3] == pytest.approx(
        12.5
    )  # half the squared error


def test_huber_is_the_huber_of_scipy_and_absolute_error_the_mean_of_scikit_learn() -> None:
    z, target = logits(), logits()[::-1]
    ours = Huber(0.7).of_rows(IdentityOutput(), z, target)
    np.testing.assert_allclose(ours, huber(0.7, z - target).sum(axis=1), rtol=1e-12)
    ours = AbsoluteError().of_rows(IdentityOutput(), z, target)
    for run in range(RUNS):
        assert ours[run].mean() == pytest.approx(UNITS * mean_absolute_error(target[run], z[run]), rel=1e-12)


TORCH = {
    "huber": (Huber(0.7), IdentityOutput(), "HuberLoss", {"delta": 0.7}),
    "absolute_error": (AbsoluteError(), IdentityOutput(), "L1Loss", {}),
    "squared_error": (SquaredError(), IdentityOutput(), "MSELoss", {}),
    "poisson": (Poisson(), ExponentialOutput(), "PoissonNLLLoss", {}),
}


@pytest.mark.parametrize("name", TORCH)
def test_slopes_are_those_of_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    loss, output, theirs, options = TORCH[name]
    z, target = logits(), rng().poisson(2.0, (RUNS, UNITS, BATCH)).astype(float)
    leaf = torch.from_numpy(z.copy()).requires_grad_()
    getattr(torch.nn, theirs)(reduction="sum", **options)(leaf, torch.from_numpy(target)).backward()
    np.testing.assert_allclose(slope(loss, output, z, target), leaf.grad.numpy(), rtol=1e-12, atol=1e-12)


def test_the_usual_loss_comes_first_in_its_table() -> None:
    """What nobody named is the first that fits."""
    fitting = {
        (task, output): next(
            (name for name, cls in LOSSES.items() if task in cls.tasks and output in cls.outputs), None
        )
        for output, cls in OUTPUTS.items()
        for task in cls.tasks
    }
    assert fitting == {
        ("classification", "softmax"): "cross_entropy",
        ("classification", "sigmoid"): "binary_cross_entropy",
        ("classification", "identity"): "squared_error",
        ("regression", "identity"): "squared_error",
        ("regression", "exponential"): "poisson",
    }


# --- class weights --------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [CrossEntropy, BinaryCrossEntropy])
def test_balanced_weights_are_those_of_scikit_learn(cls: type[CrossEntropy]) -> None:
    labels = np.array([0, 0, 0, 0, 0, 1, 2, 2])
    expected = compute_sample_weight("balanced", labels)
    np.testing.assert_allclose(cls(class_weight="balanced").row_weights(np.eye(3)[labels]), expected)
    assert cls().row_weights(np.eye(3)[labels]) is None


def test_one_unit_for_two_classes_is_balanced_too() -> None:
    labels = np.array([0, 0, 0, 1])
    weights = BinaryCrossEntropy("balanced").row_weights(labels[:, np.newaxis].astype(float))
    np.testing.assert_allclose(weights, [2 / 3, 2 / 3, 2 / 3, 2])


def test_values_worked_out_by_hand() -> None:
    zeros, right = np.zeros((1, 2, 1)), np.array([[[1.0], [0.0]]])
    assert CrossEntropy().of_rows(SoftmaxOutput(), zeros, right)[0, 0] == pytest.approx(math.log(2))
    assert BinaryCrossEntropy().of_rows(SigmoidOutput(), zeros, right)[0, 0] == pytest.approx(2 * math.log(2))
    assert SquaredError().of_rows(SigmoidOutput(), zeros, right)[0, 0] == pytest.approx(0.25 + 0.25)
    wrong = np.array([[[-1000.0], [0.0]]])  # an almost impossible class came true: the loss is the distance
    assert CrossEntropy().of_rows(SoftmaxOutput(), wrong, right)[0, 0] == pytest.approx(1000)
