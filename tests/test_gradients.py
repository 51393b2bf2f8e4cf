"""Backpropagation: the gradient of a whole population against central differences of its objective."""

import numpy as np
import pytest
from scipy.special import softmax

from nnlab.arrays import Array
from nnlab.nn.activation import Activation
from nnlab.nn.activations import ACTIVATIONS
from nnlab.nn.initializers import Normal
from nnlab.nn.losses import LOSSES, CrossEntropy, Loss
from nnlab.nn.mlp import Network, Workspace
from nnlab.nn.outputs import OUTPUTS, Output, SoftmaxOutput
from nnlab.nn.penalties import L2
from nnlab.nn.rectifiers import Relu
from nnlab.nn.regularizer import Memory, Parameters, Step
from nnlab.nn.squashing import Tanh

RUNS, BATCH, TRAIN_ROWS = 3, 5, 20
SIZES = (3, 4, 3, 2)  # features, two hidden layers, outputs
LAMBDAS = np.array([[0.0], [0.7], [30.0]])
PAIRS = [(cls(), OUTPUTS[name]()) for cls in LOSSES.values() for name in cls.outputs]
EVERY_ACTIVATION = pytest.mark.parametrize(
    "activation", [cls() for cls in ACTIVATIONS.values()], ids=list(ACTIVATIONS)
)
EVERY_PAIR = pytest.mark.parametrize(
    ("loss", "output"), PAIRS, ids=[f"{loss.name}-{output.name}" for loss, output in PAIRS]
)


class Case:
    """Three runs with different weights, rows and lambdas; their objective as a function of the weights."""

    def __init__(self, activation: Activation, loss: Loss, output: Output, dropout: bool = False) -> None:
        rng = np.random.default_rng(11)
        self.network = Network(SIZES, (activation, activation), output, loss, "float64")
        normal = Normal(std=0.8, bias_std=0.8)
        self.params = np.stack([self.network.first_parameters(normal, rng) for _ in range(RUNS)])
        self.space = Workspace(self.network, RUNS, BATCH, dropout)
        self.space.x[..., :-1] = rng.normal(size=(RUNS, BATCH, SIZES[0]))
        self.space.x[..., -1] = 1
        self.space.targets[:] = np.eye(SIZES[-1])[rng.integers(0, SIZES[-1], (RUNS, BATCH))]
        for mask in self.space.masks:
            mask[:] = rng.choice([0.0, 1 / 0.7], mask.shape, p=[0.3, 0.7])
        self.l2 = L2(LAMBDAS)  # type: ignore[arg-type]

    def objective(self, params: Array) -> Array:
        """Mean loss of the batch plus penalty, (runs,)."""
        layers = self.network.layers(params)
        z = self.space.forward(layers, self.space.masks)
        losses = self.network.loss.of_rows(self.network.output, z, self.space.y)
        penalty = self.l2.penalty(Parameters.of(self.network, params), TRAIN_ROWS)
        return np.asarray(losses.mean(axis=1) + penalty)

    def gradient(self) -> Array:
        grads, scratch = np.full_like(self.params, 9.0), np.full_like(self.params, 9.0)
        layers, gradients = self.network.layers(self.params), self.network.layers(grads)
        self.space.forward(layers, self.space.masks)
        self.space.backward(layers, gradients, self.space.masks)
        views = [Parameters.of(self.network, buffer) for buffer in (self.params, grads, scratch)]
        self.l2.on_gradient(
            Step(*views, rows=TRAIN_ROWS, rate=None, space=self.space, passing=views[0]), Memory()
        )
        return grads

    def differences(self, h: float = 1e-6) -> Array:
        """Central differences; a parameter is moved in all runs at once, which do not hear of each other."""
        slopes = np.empty_like(self.params)
        for j in range(self.network.parameters):
            step = np.zeros(self.network.parameters)
            step[j] = h
            slopes[:, j] = (self.objective(self.params + step) - self.objective(self.params - step)) / (2 * h)
        return slopes


def assert_same_to_1e_6(ours: Array, numeric: Array) -> None:
    scale = np.abs(numeric).max(axis=1, keepdims=True)  # of each run by itself
    assert (scale > 1e-3).all()
    assert (np.abs(ours - numeric) <= 1e-6 * scale).all()


@EVERY_ACTIVATION
@EVERY_PAIR
def test_the_gradient_is_the_slope_of_the_objective(
    activation: Activation, loss: Loss, output: Output
) -> None:
    case = Case(activation, loss, output)
    assert_same_to_1e_6(case.gradient(), case.differences())


@EVERY_ACTIVATION
def test_the_gradient_goes_through_fixed_dropout_masks(activation: Activation) -> None:
    case = Case(activation, CrossEntropy(), SoftmaxOutput(), dropout=True)
    assert_same_to_1e_6(case.gradient(), case.differences())
    assert any((case.space.masks[0] == 0).ravel())


def test_a_network_may_have_another_activation_in_each_layer() -> None:
    case = Case(Tanh(), CrossEntropy(), SoftmaxOutput())
    case.network = Network(SIZES, (Tanh(), ACTIVATIONS["gelu"]()), SoftmaxOutput(), CrossEntropy(), "float64")
    space = Workspace(case.network, RUNS, BATCH)
    space.x[:], space.targets[:] = case.space.x, case.space.targets
    case.space = space
    assert_same_to_1e_6(case.gradient(), case.differences())


@pytest.mark.parametrize("pair", [p for p in PAIRS if "class_weight" in vars(p[0])], ids=str)
def test_the_gradient_counts_each_row_by_its_weight(pair: tuple[Loss, Output]) -> None:
    # The gradient is linear in the rows: twice the weight is the row twice.
    case = Case(Tanh(), *pair)
    weights = np.array([1.0, 0.0, 2.0, 1.0, 1.0])
    rows = [0, 2, 2, 3, 4]
    other = Case(Tanh(), *pair)
    other.space.x[:], other.space.targets[:] = case.space.x[:, rows], case.space.targets[:, rows]
    case.space = weighted(case, weights)
    np.testing.assert_allclose(case.gradient(), other.gradient(), rtol=1e-9, atol=1e-12)


def weighted(case: Case, weights: Array) -> Workspace:
    space = Workspace(case.network, RUNS, BATCH, weighted=True)
    space.x[:], space.targets[:] = case.space.x, case.space.targets
    assert space.row_weights is not None
    space.row_weights[:] = weights
    return space


def test_the_check_catches_a_wrong_derivative(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Tanh.f_prime

    def slightly_wrong(self: Tanh, z: Array, h: Array, out: Array, scratch: tuple[Array, Array]) -> None:
        right(self, z, h, out, scratch)
        out *= 1 + 1e-4

    monkeypatch.setattr(Tanh, "f_prime", slightly_wrong)
    case = Case(Tanh(), CrossEntropy(), SoftmaxOutput())
    with pytest.raises(AssertionError):
        assert_same_to_1e_6(case.gradient(), case.differences())


def test_forward_is_the_textbook_formula_for_each_run() -> None:
    case = Case(Relu(), CrossEntropy(), SoftmaxOutput())
    layers = case.network.layers(case.params)
    z = case.space.forward(layers).copy()
    for run in range(RUNS):
        h = case.space.x[run, :, :-1]
        for layer in layers[:-1]:
            h = np.maximum(h @ layer[run, :-1] + layer[run, -1], 0)
        np.testing.assert_allclose(z[run].T, h @ layers[-1][run, :-1] + layers[-1][run, -1], rtol=1e-13)


def test_the_gradient_of_a_linear_softmax_model_is_the_closed_form() -> None:
    network = Network((3, 4), (), SoftmaxOutput(), CrossEntropy(), "float64")
    rng = np.random.default_rng(0)
    space = Workspace(network, 1, 6)
    x, target = rng.normal(size=(6, 3)), np.eye(4)[rng.integers(0, 4, 6)]
    space.x[0, :, :-1], space.x[0, :, -1], space.targets[0] = x, 1, target
    params, grads = rng.normal(size=(1, 16)), np.empty((1, 16))
    (layer,), (gradient,) = network.layers(params), network.layers(grads)
    space.forward([layer])
    space.backward([layer], [gradient])
    wrong_by = softmax(x @ layer[0, :-1] + layer[0, -1], axis=1) - target
    np.testing.assert_allclose(gradient[0, :-1], x.T @ wrong_by / 6, rtol=1e-12)
    np.testing.assert_allclose(gradient[0, -1], wrong_by.mean(axis=0), rtol=1e-12)


LINEAR = Network((2, 2), (), SoftmaxOutput(), CrossEntropy(), "float64")
PARAMS = np.array([[1.0, 2.0, 3.0, 4.0, 100.0, 100.0]] * 2)  # two runs; the last two are biases
STRENGTHS = L2(np.array([[0.0], [6.0]]))  # type: ignore[arg-type]


def test_the_l2_penalty_is_lambda_over_2m_times_the_squares_without_biases() -> None:
    np.testing.assert_allclose(STRENGTHS.penalty(Parameters.of(LINEAR, PARAMS), rows=10), [0, 6 / 20 * 30])


def test_the_l2_gradient_is_lambda_over_m_times_the_weight_and_nothing_for_biases() -> None:
    grads = np.zeros_like(PARAMS)
    views = [Parameters.of(LINEAR, buffer) for buffer in (PARAMS, grads, np.empty_like(PARAMS))]
    space = Workspace(LINEAR, 2, 1)
    STRENGTHS.on_gradient(Step(*views, rows=10, rate=None, space=space, passing=views[0]), Memory())
    np.testing.assert_allclose(grads, [[0.0] * 6, [0.6, 1.2, 1.8, 2.4, 0.0, 0.0]])
