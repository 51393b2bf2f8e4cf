"""Optimizers: every entry on a quadratic and in company, each rule against its paper in plain Python."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pytest

from nnlab.arrays import Array
from nnlab.nn.optimizers import (
    OPTIMIZERS,
    Adagrad,
    Adam,
    Adamw,
    Momentum,
    Nadam,
    Nesterov,
    Optimizer,
    Rmsprop,
    Sgd,
    Sgdw,
)
from nnlab.nn.stacking import factor, numbers, stack, take

EVERY = pytest.mark.parametrize("cls", OPTIMIZERS.values(), ids=list(OPTIMIZERS))
SOME_GRADIENTS = np.random.default_rng(3).normal(size=(40, 6)) * np.logspace(-4, 2, 6)


def walk(rule: Optimizer, gradients: Array, start: float = 0.5, dtype: str = "float64") -> Array:
    """Where one run ends after these gradients, (steps, parameters)."""
    params = np.full((1, gradients.shape[1]), start, dtype)
    state = rule.init(params)
    for gradient in gradients.astype(dtype):
        rule.step(params, gradient[np.newaxis], state)
    return np.asarray(params[0])


@EVERY
def test_every_optimizer_lowers_a_quadratic(cls: type[Optimizer]) -> None:
    curvature, params = np.array([[1.0, 3.0, 10.0]]), np.array([[1.0, -2.0, 0.5]])
    rule = cls(learning_rate=1.0 if cls is Adagrad else 0.05)  # whose steps shrink
    state, before = rule.init(params), float((curvature * params**2).sum())
    for _ in range(300):
        rule.step(params, 2 * curvature * params, state)
    assert float((curvature * params**2).sum()) < 1e-3 * before


@EVERY
def test_a_step_leaves_the_gradient_as_it_was(cls: type[Optimizer]) -> None:
    params, grads = np.ones((2, 3)), np.full((2, 3), 0.7)
    rule = cls()
    rule.step(params, grads, rule.init(params))
    assert (grads == 0.7).all()


@EVERY
def test_the_first_step_goes_downhill(cls: type[Optimizer]) -> None:
    params, grads = np.zeros((1, 2)), np.array([[4.0, -4.0]])
    rule = cls()
    rule.step(params, grads, rule.init(params))
    assert params[0, 0] < 0 < params[0, 1]


@EVERY
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_number_and_a_column_of_it_give_the_same_bits(cls: type[Optimizer], dtype: str) -> None:
    alone = cls()
    column = stack([cls(), cls()])
    ours, theirs = np.full((2, 6), 0.5, dtype), np.full((2, 6), 0.5, dtype)
    state, their_state = alone.init(ours), column.init(theirs)
    for gradient in SOME_GRADIENTS.astype(dtype):
        grads = np.stack([gradient, -gradient])
        alone.step(ours, grads, state)
        column.step(theirs, grads, their_state)
    assert ours.tobytes() == theirs.tobytes()


@EVERY
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_run_takes_the_same_steps_beside_runs_with_other_settings(cls: type[Optimizer], dtype: str) -> None:
    mine = cls()
    halved = dataclasses.replace(mine, **{name: getattr(mine, name) / 2 for name in numbers(mine)})
    column = stack([halved, mine, halved])
    params = np.full((3, 6), 0.5, dtype)
    state = column.init(params)
    for gradient in SOME_GRADIENTS.astype(dtype):
        column.step(params, np.stack([-gradient, gradient, 3 * gradient]), state)
    assert params[1].tobytes() == walk(mine, SOME_GRADIENTS, dtype=dtype).tobytes()


def test_taking_runs_from_a_stack_keeps_their_settings() -> None:
    rule = take(stack([Momentum(0.1, 0.5), Momentum(0.2, 0.6), Momentum(0.3, 0.7)]), np.array([2, 0]))
    assert np.ravel(rule.learning_rate).tolist() == [0.3, 0.1]
    assert np.ravel(rule.momentum).tolist() == [0.7, 0.5]


def test_a_factor_does_not_widen_float32() -> None:
    narrow = np.ones((2, 3, 4), np.float32)
    for column in (np.array([[0.1], [0.2]]), np.array([[0.1], [0.1]])):
        assert (narrow * factor(column, narrow)).dtype == np.float32


# --- the papers ---------------------------------------------------------------------------------


def adam_by_the_paper(rule: Adam, gradients: Sequence[float], w: float) -> float:
    """Algorithm 1 of Kingma and Ba, on one number; the means written as sums over all past gradients."""
    for t in range(1, len(gradients) + 1):
        past = list(enumerate(gradients[:t], start=1))
        m = (1 - rule.beta1) * math.fsum(rule.beta1 ** (t - i) * g for i, g in past)
        v = (1 - rule.beta2) * math.fsum(rule.beta2 ** (t - i) * g**2 for i, g in past)
        m_hat, v_hat = m / (1 - rule.beta1**t), v / (1 - rule.beta2**t)
        w = w - rule.learning_rate * m_hat / (math.sqrt(v_hat) + rule.epsilon)
    return w


@pytest.mark.parametrize(
    "rule", [Adam(), Adam(0.1, beta1=0.5, beta2=0.9, epsilon=1e-3), Adam(0.1, beta1=0.0, beta2=0.0)], ids=str
)
def test_adam_is_the_algorithm_of_its_paper(rule: Adam) -> None:
    expected = [adam_by_the_paper(rule, list(column), 0.5) for column in SOME_GRADIENTS.T]
    np.testing.assert_allclose(walk(rule, SOME_GRADIENTS), expected, rtol=1e-11)


def test_the_first_step_of_adam_has_the_size_of_the_learning_rate() -> None:
    steps = walk(Adam(learning_rate=0.01), np.array([[1e-3, 1.0, -1e3]]), start=0)
    np.testing.assert_allclose(steps, [-0.01, -0.01, 0.01], rtol=2e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_momentum_is_the_heavy_ball_of_polyak(momentum: float) -> None:
    # w(t+1) = w(t) - learning_rate * g(t) + momentum * (w(t) - w(t-1)): no velocity anywhere.
    before = now = [0.5] * 6
    for gradient in SOME_GRADIENTS:
        following = [
            w - 0.01 * g + momentum * (w - last) for w, g, last in zip(now, gradient, before, strict=True)
        ]
        before, now = now, following
    np.testing.assert_allclose(walk(Momentum(0.01, momentum), SOME_GRADIENTS), now, rtol=1e-11, atol=1e-13)


def test_sgd_goes_against_the_sum_of_its_gradients() -> None:
    expected = [0.5 - 0.01 * math.fsum(column) for column in SOME_GRADIENTS.T]
    np.testing.assert_allclose(walk(Sgd(0.01), SOME_GRADIENTS), expected, rtol=1e-12)


def test_nesterov_takes_its_gradient_where_momentum_will_carry_it() -> None:
    # In the form of the paper the gradient is taken at w + momentum * v; ours keeps that point as w.
    def slope(w: float) -> float:
        return w**3 - w

    w, v, rate, momentum = 0.5, 0.0, 0.1, 0.8
    rule, params = Nesterov(rate, momentum), np.array([[0.5]])
    state = rule.init(params)
    for _ in range(20):
        v = momentum * v - rate * slope(w + momentum * v)
        w = w + v
        rule.step(params, params**3 - params, state)
        assert params[0, 0] == pytest.approx(w + momentum * v, rel=1e-12)


def test_adagrad_divides_by_the_root_of_the_sum_of_all_squares() -> None:
    for column, ours in zip(SOME_GRADIENTS.T, walk(Adagrad(0.1, 1e-3), SOME_GRADIENTS), strict=True):
        sizes = [math.sqrt(math.fsum(g**2 for g in column[: t + 1])) for t in range(len(column))]
        moved = math.fsum(0.1 * g / (size + 1e-3) for g, size in zip(column, sizes, strict=True))
        assert ours == pytest.approx(0.5 - moved, rel=1e-12)


def test_rmsprop_divides_by_the_root_of_the_running_mean_of_squares() -> None:
    for column, ours in zip(SOME_GRADIENTS.T, walk(Rmsprop(0.1, 0.7, 1e-3), SOME_GRADIENTS), strict=True):
        w, v = 0.5, 0.0
        for g in column:
            v = 0.7 * v + 0.3 * g**2
            w -= 0.1 * g / (math.sqrt(v) + 1e-3)
        assert ours == pytest.approx(w, rel=1e-12)


def test_nadam_is_its_documented_rule() -> None:
    rule = Nadam(0.1, beta1=0.8, beta2=0.9, epsilon=1e-3, momentum_decay=0.5)
    for column, ours in zip(SOME_GRADIENTS.T, walk(rule, SOME_GRADIENTS), strict=True):
        w, m, v = 0.5, 0.0, 0.0
        mu = [0.8 * (1 - 0.96 ** (t * 0.5) / 2) for t in range(1, len(column) + 2)]
        for t, g in enumerate(column, start=1):
            m, v = 0.8 * m + 0.2 * g, 0.9 * v + 0.1 * g**2
            ahead = mu[t] * m / (1 - math.prod(mu[: t + 1])) + (1 - mu[t - 1]) * g / (1 - math.prod(mu[:t]))
            w -= 0.1 * ahead / (math.sqrt(v / (1 - 0.9**t)) + 1e-3)
        assert ours == pytest.approx(w, rel=1e-11)


# --- decoupled decay ----------------------------------------------------------------------------

DECOUPLED = [cls for cls in OPTIMIZERS.values() if "weight_decay" in numbers(cls())]


def layer_and_bias() -> tuple[Array, list[Array]]:
    """Two runs of two weights and a bias; and their weights alone."""
    params = np.array([[1.0, -2.0, 3.0], [1.0, -2.0, 3.0]])
    return params, [params[:, :2]]


@pytest.mark.parametrize("cls", DECOUPLED)
def test_decay_shrinks_weights_by_learning_rate_times_weight_decay_and_no_bias(cls: type[Adamw]) -> None:
    params, weights = layer_and_bias()
    stack([cls(0.1, weight_decay=2.0), cls(0.5, weight_decay=1.0)]).decay([params], weights)
    np.testing.assert_allclose(params, [[0.8, -1.6, 3.0], [0.5, -1.0, 3.0]])


@pytest.mark.parametrize("cls", DECOUPLED)
def test_decay_shrinks_biases_on_request(cls: type[Adamw]) -> None:
    params, weights = layer_and_bias()
    cls(0.1, weight_decay=2.0, decay_biases=True).decay([params], weights)
    np.testing.assert_allclose(params, [[0.8, -1.6, 2.4]] * 2)


@pytest.mark.parametrize("cls", [cls for cls in OPTIMIZERS.values() if cls not in DECOUPLED])
def test_other_optimizers_decay_nothing(cls: type[Optimizer]) -> None:
    params, weights = layer_and_bias()
    cls().decay([params], weights)  # type: ignore[call-arg]
    assert (params == layer_and_bias()[0]).all()


def test_adamw_and_sgdw_step_like_adam_and_momentum() -> None:
    for decoupled, plain in ((Adamw(0.1), Adam(0.1)), (Sgdw(0.1, 0.7), Momentum(0.1, 0.7))):
        assert walk(decoupled, SOME_GRADIENTS).tobytes() == walk(plain, SOME_GRADIENTS).tobytes()


def test_a_decay_of_0_changes_no_bit() -> None:
    params, weights = layer_and_bias()
    Adamw(weight_decay=0.0).decay([params], weights)
    assert params.tobytes() == layer_and_bias()[0].tobytes()
