"""Optimizers: how a gradient moves the weights.

    state = rule.init(params)          arrays of its own, one row for each run
    rule.step(params, grads, state)    one step, in place; `grads` is left as it was

`params` and `grads` are (runs, parameters): a whole population takes a step in a dozen calls.
Each number of a rule is one for all, or one for each run, shape (runs, 1).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnlab.arrays import Array
from nnlab.nn.stacking import factor
from nnlab.registry import Fraction, Positive, table

State = dict[str, Array]


@dataclass(frozen=True)
class Optimizer:
    """What every optimizer has."""

    name: ClassVar[str]

    def init(self, params: Array) -> State:
        """The state before the first step; `scratch` is free memory, the rest is carried along."""
        raise NotImplementedError

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
        ones = np.ones((len(params), 1))  # beta^t as running products: the same bits in any company
        return {
            "m": np.zeros_like(params),
            "v": np.zeros_like(params),
            "beta1_power": ones,
            "beta2_power": ones.copy(),
            "scratch": np.empty_like(params),
        }

    def step(self, params: Array, grads: Array, state: State) -> None:
        # m and v are stored without their factors (1 - beta), which go into the scalars
        # `rate` and `floor`: two passes over memory fewer.
        m, v, t = state["m"], state["v"], state["scratch"]
        state["beta1_power"] *= self.beta1
        state["beta2_power"] *= self.beta2
        root = np.sqrt((1 - self.beta2) / (1 - state["beta2_power"]))
        rate = self.learning_rate * (1 - self.beta1) / (1 - state["beta1_power"]) / root
        floor = self.epsilon / root
        m *= factor(self.beta1, m)
        m += grads
        np.multiply(grads, grads, out=t)
        v *= factor(self.beta2, v)
        v += t
        np.sqrt(v, out=t)
        t += factor(floor, t)
        np.divide(m, t, out=t)
        t *= factor(rate, t)
        params -= t


OPTIMIZERS = table(Sgd, Momentum, Adam)
