"""Optimizers: how a gradient moves the weights.

    state = rule.init(params)          arrays of its own, one row for each run
    rule.decay(layers, weights)        before the step: what shrinks the weights beside the gradient
    rule.step(params, grads, state)    one step, in place; `grads` is left as it was

`params` and `grads` are (runs, parameters): a whole population takes a step in a dozen calls. A step is
elementwise, so it may be taken for some of the columns at a time, each with their part of the state.
Each number of a rule is one for all, or one for each run, shape (runs, 1).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnlab.arrays import Array
from nnlab.nn.stacking import each, factor, grow, root
from nnlab.registry import Fraction, NonNegative, Positive, Switch, table

State = dict[str, Array]


def is_scratch(name: str) -> bool:
    """Whether an array of a state is free memory between two steps; each state has a `scratch`."""
    return name.startswith("scratch")


@dataclass(frozen=True)
class Optimizer:
    """What every optimizer has."""

    name: ClassVar[str]
    learning_rate: Positive

    def init(self, params: Array) -> State:
        """The state before the first step; what `is_scratch` is free memory, the rest is carried along."""
        raise NotImplementedError

    def decay(self, layers: Sequence[Array], weights: Sequence[Array]) -> None:
        """Shrinks the weights, before a step; most optimizers do not.

        Args:
            layers: views of the parameters, biases included; what is no layer never shrinks.
            weights: views without the biases.
        """

    def step(self, params: Array, grads: Array, state: State) -> None:
        """One step down the gradient, in place."""
        raise NotImplementedError


@dataclass(frozen=True)
class Sgd(Optimizer):
    """Plain gradient descent, stochastic when the batch is not the full data.

        w <- w - learning_rate * g

    Args:
        learning_rate: step size.

    >>> rule = Sgd(learning_rate=0.5)
    >>> params, grads = np.ones((1, 2)), np.ones((1, 2))
    >>> rule.step(params, grads, rule.init(params))
    >>> params
    array([[0.5, 0.5]])
    """

    name = "sgd"
    learning_rate: Positive = 0.01

    def init(self, params: Array) -> State:
        return {"scratch": np.empty_like(params)}

    def step(self, params: Array, grads: Array, state: State) -> None:
        change = state["scratch"]
        np.multiply(grads, factor(self.learning_rate, grads), out=change)
        params -= change


@dataclass(frozen=True)
class Momentum(Optimizer):
    """Gradient descent with heavy-ball momentum (Polyak, 1964).

        v <- momentum * v - learning_rate * g
        w <- w + v

    Args:
        learning_rate: step size.
        momentum: share of the last step that is kept.

    >>> rule = Momentum(learning_rate=0.1, momentum=0.5)
    >>> params, grads = np.ones((1, 2)), np.ones((1, 2))
    >>> rule.step(params, grads, rule.init(params))
    >>> params
    array([[0.9, 0.9]])
    """

    name = "momentum"
    learning_rate: Positive = 0.01
    momentum: Fraction = 0.9

    def init(self, params: Array) -> State:
        return {"v": np.zeros_like(params), "scratch": np.empty_like(params)}

    def step(self, params: Array, grads: Array, state: State) -> None:
        v, change = state["v"], state["scratch"]
        np.multiply(grads, factor(self.learning_rate, grads), out=change)
        v *= factor(self.momentum, v)
        v -= change
        params += v


@dataclass(frozen=True)
class Nesterov(Optimizer):
    """Momentum that looks ahead (Nesterov, 1983; in this form Sutskever et al., 2013).

        v <- momentum * v - learning_rate * g
        w <- w + momentum * v - learning_rate * g

    Args:
        learning_rate: step size.
        momentum: share of the last step that is kept.

    >>> rule = Nesterov(learning_rate=0.1, momentum=0.5)
    >>> params, grads = np.ones((1, 2)), np.ones((1, 2))
    >>> rule.step(params, grads, rule.init(params))
    >>> params
    array([[0.85, 0.85]])
    """

    name = "nesterov"
    learning_rate: Positive = 0.01
    momentum: Fraction = 0.9

    def init(self, params: Array) -> State:
        return {"v": np.zeros_like(params), "scratch": np.empty_like(params)}

    def step(self, params: Array, grads: Array, state: State) -> None:
        v, change = state["v"], state["scratch"]
        np.multiply(grads, factor(self.learning_rate, grads), out=change)
        params -= change
        v *= factor(self.momentum, v)
        v -= change
        np.multiply(v, factor(self.momentum, v), out=change)
        params += change


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """Adagrad (Duchi et al., 2011): the more a weight has moved, the smaller its steps.

        s <- s + g^2
        w <- w - learning_rate * g / (sqrt(s) + epsilon)

    Args:
        learning_rate: size of the first step.
        epsilon: keeps the division finite.

    >>> rule = Adagrad(learning_rate=0.1)
    >>> params, grads = np.ones((1, 2)), np.array([[3.0, -7.0]])
    >>> rule.step(params, grads, rule.init(params))
    >>> params.round(6)
    array([[0.9, 1.1]])
    """

    name = "adagrad"
    learning_rate: Positive = 0.01
    epsilon: Positive = 1e-10

    def init(self, params: Array) -> State:
        return {"s": np.zeros_like(params), "scratch": np.empty_like(params)}

    def step(self, params: Array, grads: Array, state: State) -> None:
        s, t = state["s"], state["scratch"]
        np.multiply(grads, grads, out=t)
        s += t
        np.sqrt(s, out=t)
        t += factor(self.epsilon, t)
        np.divide(grads, t, out=t)
        t *= factor(self.learning_rate, t)
        params -= t


@dataclass(frozen=True)
class Rmsprop(Optimizer):
    """RMSprop (Hinton's lecture 6e, 2012): the gradient divided by its recent size.

        v <- rho v + (1 - rho) g^2
        w <- w - learning_rate * g / (sqrt(v) + epsilon)

    Args:
        learning_rate: step size.
        rho: decay of the running mean of squared gradients; 0.9 as in the lecture and Keras, PyTorch
            takes 0.99 and calls it alpha.
        epsilon: keeps the division finite.

    >>> rule = Rmsprop(learning_rate=0.1, rho=0.75)
    >>> params, grads = np.ones((1, 2)), np.array([[3.0, -7.0]])
    >>> rule.step(params, grads, rule.init(params))
    >>> params.round(6)
    array([[0.8, 1.2]])
    """

    name = "rmsprop"
    learning_rate: Positive = 0.001
    rho: Fraction = 0.9
    epsilon: Positive = 1e-8

    def init(self, params: Array) -> State:
        return {"v": np.zeros_like(params), "scratch": np.empty_like(params)}

    def step(self, params: Array, grads: Array, state: State) -> None:
        # v is stored without its factor (1 - rho): a pass over memory fewer.
        v, t = state["v"], state["scratch"]
        root = np.sqrt(1 - self.rho)
        np.multiply(grads, grads, out=t)
        v *= factor(self.rho, v)
        v += t
        np.sqrt(v, out=t)
        t += factor(self.epsilon / root, t)
        np.divide(grads, t, out=t)
        t *= factor(self.learning_rate / root, t)
        params -= t


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma, Ba, 2015): a step size of its own for every weight.

        m <- beta1 m + (1 - beta1) g
        v <- beta2 v + (1 - beta2) g^2
        w <- w - learning_rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)

    Args:
        learning_rate: step size; the first steps have about this size whatever the gradient's.
        beta1: decay of the running mean of gradients.
        beta2: decay of the running mean of squared gradients.
        epsilon: keeps the division finite.

    >>> rule = Adam(learning_rate=0.1)
    >>> params, grads = np.ones((1, 2)), np.array([[3.0, -7.0]])
    >>> rule.step(params, grads, rule.init(params))
    >>> params.round(6)
    array([[0.9, 1.1]])
    """

    name = "adam"
    learning_rate: Positive = 0.001
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    epsilon: Positive = 1e-8

    def init(self, params: Array) -> State:
        return _adam_state(params)

    def step(self, params: Array, grads: Array, state: State) -> None:
        _adam_step(self, params, grads, state)


@dataclass(frozen=True)
class Nadam(Optimizer):
    """Adam with Nesterov's look ahead (Dozat, 2016), in PyTorch's form.

        mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2)
        m <- beta1 m + (1 - beta1) g
        v <- beta2 v + (1 - beta2) g^2
        w <- w - learning_rate * (  mu_(t+1) m / (1 - mu_1 ... mu_(t+1))
                                  + (1 - mu_t) g / (1 - mu_1 ... mu_t)) / (sqrt(v / (1 - beta2^t)) + epsilon)

    Args:
        learning_rate: step size.
        beta1: decay of the running mean of gradients.
        beta2: decay of the running mean of squared gradients.
        epsilon: keeps the division finite.
        momentum_decay: how fast mu_t rises from beta1 / 2 to beta1.

    >>> rule = Nadam(learning_rate=0.1)
    >>> params, grads = np.ones((1, 2)), np.array([[3.0, -7.0]])
    >>> rule.step(params, grads, rule.init(params))
    >>> bool(params[0, 0] < 1 < params[0, 1])
    True
    """

    name = "nadam"
    learning_rate: Positive = 0.002
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    epsilon: Positive = 1e-8
    momentum_decay: NonNegative = 0.004

    def init(self, params: Array) -> State:
        ones = np.ones((len(params), 1))
        return {
            "m": np.zeros_like(params),
            "v": np.zeros_like(params),
            "beta2_power": ones,
            "decay": each(math.pow, 0.96, self.momentum_decay * ones),
            "decay_power": ones.copy(),
            "mu_product": ones.copy(),
            "scratch": np.empty_like(params),
            "scratch_for_sum": np.empty_like(params),
        }

    def step(self, params: Array, grads: Array, state: State) -> None:
        # m and v are stored without their factors, as in Adam.
        m, v, t, change = state["m"], state["v"], state["scratch"], state["scratch_for_sum"]
        state["beta2_power"] *= self.beta2
        state["decay_power"] *= state["decay"]
        mu = self.beta1 * (1 - 0.5 * state["decay_power"])
        next_mu = self.beta1 * (1 - 0.5 * state["decay_power"] * state["decay"])
        state["mu_product"] *= mu
        product = state["mu_product"]
        root = np.sqrt((1 - self.beta2) / (1 - state["beta2_power"]))
        of_m = self.learning_rate * next_mu / (1 - product * next_mu) * (1 - self.beta1) / root
        of_g = self.learning_rate * (1 - mu) / (1 - product) / root
        m *= factor(self.beta1, m)
        m += grads
        np.multiply(grads, grads, out=t)
        v *= factor(self.beta2, v)
        v += t
        np.sqrt(v, out=t)
        t += factor(self.epsilon / root, t)
        np.multiply(m, factor(of_m, m), out=change)
        change /= t
        params -= change
        np.multiply(grads, factor(of_g, grads), out=change)
        change /= t
        params -= change


@dataclass(frozen=True)
class Sgdw(Optimizer):
    """Momentum with decoupled weight decay (Loshchilov, Hutter, 2019).

        w <- w - learning_rate * weight_decay * w        weights; biases with decay_biases only
        v <- momentum * v - learning_rate * g
        w <- w + v

    A weight_decay of lambda/m is the l2 penalty lambda with momentum 0; with momentum the two differ.

    Args:
        learning_rate: step size.
        momentum: share of the last step that is kept.
        weight_decay: share of a weight that is lost in a step, divided by the learning rate.
        decay_biases: whether biases shrink too, as in PyTorch and Keras.

    >>> rule = Sgdw(learning_rate=0.5, weight_decay=0.2)
    >>> params = np.ones((1, 2))
    >>> rule.decay([params], [params[:, :1]])  # the second is a bias
    >>> params
    array([[0.9, 1. ]])
    """

    name = "sgdw"
    learning_rate: Positive = 0.01
    momentum: Fraction = 0.9
    weight_decay: NonNegative = 0.01
    decay_biases: Switch = False

    def init(self, params: Array) -> State:
        return {"v": np.zeros_like(params), "scratch": np.empty_like(params)}

    def decay(self, layers: Sequence[Array], weights: Sequence[Array]) -> None:
        _shrink(layers if self.decay_biases else weights, self.learning_rate * self.weight_decay)

    def step(self, params: Array, grads: Array, state: State) -> None:
        v, change = state["v"], state["scratch"]
        np.multiply(grads, factor(self.learning_rate, grads), out=change)
        v *= factor(self.momentum, v)
        v -= change
        params += v


@dataclass(frozen=True)
class Adamw(Optimizer):
    """Adam with decoupled weight decay (Loshchilov, Hutter, 2019): all weights shrink at one rate.

        w <- w - learning_rate * weight_decay * w        weights; biases with decay_biases only
        w <- the step of adam from there

    Args:
        learning_rate: step size; the first steps have about this size whatever the gradient's.
        beta1: decay of the running mean of gradients.
        beta2: decay of the running mean of squared gradients.
        epsilon: keeps the division finite.
        weight_decay: share of a weight that is lost in a step, divided by the learning rate.
        decay_biases: whether biases shrink too, as in PyTorch and Keras.

    >>> rule = Adamw(learning_rate=0.1, weight_decay=1.0)
    >>> params = np.ones((1, 2))
    >>> rule.decay([params], [params[:, :1]])  # the second is a bias
    >>> params
    array([[0.9, 1. ]])
    """

    name = "adamw"
    learning_rate: Positive = 0.001
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    epsilon: Positive = 1e-8
    weight_decay: NonNegative = 0.01
    decay_biases: Switch = False

    def init(self, params: Array) -> State:
        return _adam_state(params)

    def decay(self, layers: Sequence[Array], weights: Sequence[Array]) -> None:
        _shrink(layers if self.decay_biases else weights, self.learning_rate * self.weight_decay)

    def step(self, params: Array, grads: Array, state: State) -> None:
        _adam_step(self, params, grads, state)


OPTIMIZERS = table(Sgd, Momentum, Nesterov, Adagrad, Rmsprop, Adam, Nadam, Sgdw, Adamw)


def _shrink(arrays: Sequence[Array], share: Array | float) -> None:
    for array in arrays:
        array *= factor(1 - share, array)


def _adam_state(params: Array) -> State:
    ones = np.ones((len(params), 1))  # beta^t as running products: the same bits in any company
    return {
        "m": np.zeros_like(params),
        "v": np.zeros_like(params),
        "beta1_power": ones,
        "beta2_power": ones.copy(),
        "scratch": np.empty_like(params),
    }


def _adam_step(rule: Adam | Adamw, params: Array, grads: Array, state: State) -> None:
    # m and v are stored without their factors (1 - beta), which go into the scalars
    # `rate` and `floor`: two passes over memory fewer.
    m, v, t = state["m"], state["v"], state["scratch"]
    power1, power2 = grow(state["beta1_power"], rule.beta1), grow(state["beta2_power"], rule.beta2)
    scale = root((1 - rule.beta2) / (1 - power2))
    rate = rule.learning_rate * (1 - rule.beta1) / (1 - power1) / scale
    floor = rule.epsilon / scale
    m *= factor(rule.beta1, m)
    m += grads
    np.multiply(grads, grads, out=t)
    v *= factor(rule.beta2, v)
    v += t
    np.sqrt(v, out=t)
    t += factor(floor, t)
    np.divide(m, t, out=t)
    t *= factor(rate, t)
    params -= t
