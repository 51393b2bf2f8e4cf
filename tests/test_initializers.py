"""Initializers: moments of what they draw, bounds, and what `auto` decides."""

import math

import numpy as np
import pytest

from nnlab.arrays import Array
from nnlab.nn.activation import Activation, Identity
from nnlab.nn.activations import ACTIVATIONS
from nnlab.nn.initializers import (
    INITIALIZERS,
    Auto,
    FanInUniform,
    Glorot,
    He,
    Initializer,
    Lecun,
    Normal,
    Orthogonal,
    Zeros,
)
from nnlab.nn.losses import CrossEntropy
from nnlab.nn.mlp import Network
from nnlab.nn.outputs import SoftmaxOutput
from nnlab.nn.rectifiers import LeakyRelu, Relu
from nnlab.nn.squashing import Tanh

FAN_IN, FAN_OUT = 300, 200
RULES = {  # standard deviations as the papers give them
    He: math.sqrt(2 / FAN_IN),
    Glorot: math.sqrt(2 / (FAN_IN + FAN_OUT)),
    Lecun: math.sqrt(1 / FAN_IN),
}
EVERY = pytest.mark.parametrize("initializer", [cls() for cls in INITIALIZERS.values()], ids=str)


def weights(initializer: Initializer, activation: Activation | None = None, seed: int = 0) -> Array:
    return initializer.weights(np.random.default_rng(seed), FAN_IN, FAN_OUT, activation or Relu())


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
@pytest.mark.parametrize(("rule", "std"), RULES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_mean_and_deviation_are_those_of_the_paper(rule: type[He], std: float, distribution: str) -> None:
    drawn = weights(rule(distribution=distribution))  # type: ignore[arg-type]
    assert abs(drawn.mean()) < 5 * std / math.sqrt(drawn.size)
    assert drawn.std() == pytest.approx(std, rel=5 / math.sqrt(2 * drawn.size))


@pytest.mark.parametrize(("rule", "std"), RULES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_uniform_weights_fill_their_bounds(rule: type[He], std: float) -> None:
    bound = std * math.sqrt(3)  # sqrt(6 / fan_in) for he, sqrt(6 / (fan_in + fan_out)) for glorot
    largest = np.abs(weights(rule(distribution="uniform"))).max()
    assert 0.999 * bound < largest <= bound


@pytest.mark.parametrize("rule", RULES)
def test_normal_weights_have_normal_tails(rule: type[He]) -> None:
    drawn = weights(rule())
    beyond = np.mean(np.abs(drawn) > 2 * drawn.std())
    assert beyond == pytest.approx(0.0455, abs=5 * math.sqrt(0.0455 / drawn.size))


@EVERY
def test_every_entry_fills_the_layer_and_repeats(initializer: Initializer) -> None:
    once, again = weights(initializer), weights(initializer)
    assert once.shape == (FAN_IN, FAN_OUT)
    assert once.dtype == np.float64
    assert np.array_equal(once, again)
    assert initializer.biases(np.random.default_rng(0), 5, 7).shape == (7,)


@EVERY
def test_biases_start_at_0_but_for_the_rule_of_torch(initializer: Initializer) -> None:
    drawn = initializer.biases(np.random.default_rng(0), 5, 50)
    assert drawn.any() == isinstance(initializer, FanInUniform)


def test_zeros_are_zeros() -> None:
    assert not weights(Zeros()).any()


def test_normal_takes_any_deviation_whatever_the_width() -> None:
    rule = Normal(std=3.0, bias_std=0.5)
    assert weights(rule).std() == pytest.approx(3, rel=0.02)
    assert rule.biases(np.random.default_rng(0), 1, 60_000).std() == pytest.approx(0.5, rel=0.02)


def test_fan_in_uniform_fills_the_bounds_that_torch_has_for_weights_and_biases() -> None:
    rule, bound = FanInUniform(), 1 / math.sqrt(FAN_IN)
    for drawn in (weights(rule), rule.biases(np.random.default_rng(0), FAN_IN, 60_000)):
        assert 0.999 * bound < np.abs(drawn).max() <= bound
        assert drawn.std() == pytest.approx(bound / math.sqrt(3), rel=0.02)
        assert abs(drawn.mean()) < 5 * bound / math.sqrt(3 * drawn.size)


def test_fan_in_uniform_has_the_bounds_of_a_linear_layer_of_torch() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layer = torch.nn.Linear(FAN_IN, FAN_OUT).state_dict()
    ours = weights(FanInUniform()), FanInUniform().biases(np.random.default_rng(0), FAN_IN, FAN_OUT)
    for mine, theirs in zip(ours, (layer["weight"], layer["bias"]), strict=True):
        assert np.abs(mine).max() == pytest.approx(float(theirs.abs().max()), rel=0.05)
        assert mine.std() == pytest.approx(float(theirs.std()), rel=0.1)


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (5, 5), (1, 3)])
def test_the_shorter_side_of_an_orthogonal_matrix_is_orthonormal(shape: tuple[int, int]) -> None:
    w = Orthogonal().weights(np.random.default_rng(0), *shape, Tanh()) / Tanh().gain
    w = w if shape[0] >= shape[1] else w.T
    np.testing.assert_allclose(w.T @ w, np.eye(min(shape)), atol=1e-14)


def test_orthogonal_matrices_have_the_gain_of_the_activation_or_the_one_given() -> None:
    given, relu = weights(Orthogonal(gain=3.0)), weights(Orthogonal(), Relu())
    np.testing.assert_allclose(given / 3, relu / math.sqrt(2), rtol=1e-12)


def test_all_rotations_are_equally_likely() -> None:
    # Without the signs of R the first entry of Q would always be negative.
    drawn = [weights_of_2(seed)[0, 0] for seed in range(400)]
    assert np.mean(np.array(drawn) > 0) == pytest.approx(0.5, abs=5 * 0.5 / 20)
    assert np.mean(np.square(drawn)) == pytest.approx(0.5, abs=5 * math.sqrt(1 / 8 / 400))


def weights_of_2(seed: int) -> Array:
    return Orthogonal(gain=1.0).weights(np.random.default_rng(seed), 2, 2, Relu())


def test_auto_for_relu_is_he() -> None:
    np.testing.assert_allclose(weights(Auto(), Relu()), weights(He()), rtol=1e-15)


def test_auto_for_leaky_relu_has_the_gain_of_its_slope() -> None:
    ratio = weights(Auto(), LeakyRelu(slope=0.5)) / weights(He())
    np.testing.assert_allclose(ratio, math.sqrt(1 / (1 + 0.5**2)), rtol=1e-12)


@pytest.mark.parametrize(("name", "rule"), [("tanh", Glorot), ("sigmoid", Glorot), ("selu", Lecun)])
def test_auto_is_what_the_activation_recommends(name: str, rule: type[He]) -> None:
    assert np.array_equal(weights(Auto(), ACTIVATIONS[name]()), weights(rule()))


def mean_square_after(name: str, layers: int) -> float:
    """Of z, from N(0, 1) through layers of 256 units with their `auto` weights."""
    rng, activation = np.random.default_rng(0), ACTIVATIONS[name]()
    z = rng.standard_normal((512, 256))  # (batch, units)
    for _ in range(layers):
        h = np.empty_like(z)
        activation.f(z, h, (np.empty_like(z), np.empty_like(z)))
        z = h @ Auto().weights(rng, 256, 256, activation)
    return float(np.square(z).mean())


@pytest.mark.parametrize("name", [name for name, cls in ACTIVATIONS.items() if cls.initializer == "he"])
def test_auto_keeps_the_mean_square_of_pre_activations(name: str) -> None:
    assert mean_square_after(name, layers=1) == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu"])
def test_auto_keeps_it_through_ten_layers(name: str) -> None:
    assert 0.5 < mean_square_after(name, layers=10) < 2


def test_the_first_parameters_of_a_network_are_its_layers_in_order() -> None:
    network = Network((300, 200, 10), (LeakyRelu(0.5),), SoftmaxOutput(), CrossEntropy())
    flat = network.first_parameters(Auto(), np.random.default_rng(0))
    first, last = network.layers(flat[np.newaxis])
    rng = np.random.default_rng(0)
    assert np.array_equal(first[0, :-1], Auto().weights(rng, 300, 200, LeakyRelu(0.5)))
    assert np.array_equal(last[0, :-1], Glorot().weights(rng, 200, 10, Identity()))  # feeds no activation
    assert not first[0, -1].any()
    assert not last[0, -1].any()
