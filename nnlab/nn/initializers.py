"""Initializers: how the first weights and biases are drawn.

Weights have mean 0; `fan_in` and `fan_out` count the units before and after them. Biases start at 0
unless an entry says otherwise. `auto` takes what the activation of the layer recommends.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from nnlab.arrays import Array
from nnlab.nn.activation import Activation
from nnlab.registry import NonNegative, Positive, table

Distribution = Literal["normal", "uniform"]


@dataclass(frozen=True)
class Initializer:
    """What every initializer has: how one layer of one run is drawn."""

    name: ClassVar[str]

    def weights(self, rng: np.random.Generator, fan_in: int, fan_out: int, activation: Activation) -> Array:
        """The first weights of a layer that feeds `activation`, shape (fan_in, fan_out), float64."""
        raise NotImplementedError

    def biases(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
        """The first biases of a layer, shape (fan_out,), float64."""
        return np.zeros(fan_out)


def _draw(rng: np.random.Generator, distribution: Distribution, std: float, shape: tuple[int, int]) -> Array:
    if distribution == "normal":
        return rng.standard_normal(shape) * std
    return rng.uniform(-1, 1, shape) * (math.sqrt(3) * std)  # U(-a, a) has standard deviation a / sqrt(3)


@dataclass(frozen=True)
class He(Initializer):
    """Standard deviation sqrt(2 / fan_in): keeps the signal's size through ReLU layers (He et al., 2015).

    Args:
        distribution: normal, or uniform on +-sqrt(6 / fan_in), which has the same deviation.
    """

    name = "he"
    distribution: Distribution = "normal"

    def weights(self, rng: np.random.Generator, fan_in: int, fan_out: int, activation: Activation) -> Array:
        return _draw(rng, self.distribution, math.sqrt(2 / fan_in), (fan_in, fan_out))


@dataclass(frozen=True)
class Glorot(Initializer):
    """Standard deviation sqrt(2 / (fan_in + fan_out)), for sigmoid-like activations (Glorot, Bengio, 2010).

    Args:
        distribution: normal, or uniform on +-sqrt(6 / (fan_in + fan_out)), which has the same deviation.
    """

    name = "glorot"
    distribution: Distribution = "normal"

    def weights(self, rng: np.random.Generator, fan_in: int, fan_out: int, activation: Activation) -> Array:
        return _draw(rng, self.distribution, math.sqrt(2 / (fan_in + fan_out)), (fan_in, fan_out))


@dataclass(frozen=True)
class Lecun(Initializer):
    """Standard deviation sqrt(1 / fan_in): keeps the size of a linear signal (LeCun et al., 1998).

    Args:
        distribution: normal, or uniform on +-sqrt(3 / fan_in), which has the same deviation.
    """

    name = "lecun"
    distribution: Distribution = "normal"

    def weights(self, rng: np.random.Generator, fan_in: int, fan_out: int, activation: Activation) -> Array:
        return _draw(rng, self.distribution, math.sqrt(1 / fan_in), (fan_in, fan_out))


@dataclass(frozen=True)
class Auto(Initializer):
    """What the activation recommends: he (scaled by its gain), glorot or lecun.

    For relu that is he exactly; for others of its family the 2 under the root becomes gain^2.
    """

    name = "auto"

    def weights(self, rng: np.random.Generator, fan_in: int, fan_out: int, activation: Activation) -> Array:
        if activation.initializer == "he":
            return _draw(rng, "normal", activation.gain / math.sqrt(fan_in), (fan_in, fan_out))
        return INITIALIZERS[activation.initializer]().weights(rng, fan_in, fan_out, activation)


@dataclass(frozen=True)
class Normal(Initializer):
    """Normal weights and biases of any standard deviation, whatever the width of the layer.

    Args:
        std: standard deviation of the weights.
        bias_std: standard deviation of the biases.
    """

    name = "normal"
    std: NonNegative = 1.0
    bias_std: NonNegative = 0.0

    def weights(self, rng: np.random.Generator, fan_in: int, fan_out: int, activation: Activation) -> Array:
        return rng.standard_normal((fan_in, fan_out)) * self.std

    def biases(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
        return rng.standard_normal(fan_out) * self.bias_std


@dataclass(frozen=True)
class FanInUniform(Initializer):
    """U(-a, a) with a = 1 / sqrt(fan_in), for weights and biases alike.

    What PyTorch draws for a linear layer by default, so that results published with it can be
    matched. The variance 1 / (3 fan_in) is a third of lecun's, a sixth of he's.
    """

    name = "fan_in_uniform"

    def weights(self, rng: np.random.Generator, fan_in: int, fan_out: int, activation: Activation) -> Array:
        return rng.uniform(-1, 1, (fan_in, fan_out)) / math.sqrt(fan_in)

    def biases(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
        return rng.uniform(-1, 1, fan_out) / math.sqrt(fan_in)


@dataclass(frozen=True)
class Orthogonal(Initializer):
    """A random matrix whose shorter side is orthonormal (Saxe et al., 2014): lengths and angles stay.

    The Q of the QR decomposition of a normal matrix, with the signs of R's diagonal, which makes
    all rotations equally likely (Mezzadri, 2007).

    Args:
        gain: what it is multiplied by; null is the gain of the activation, 1 for the last layer.
    """

    name = "orthogonal"
    gain: Positive | None = None

    def weights(self, rng: np.random.Generator, fan_in: int, fan_out: int, activation: Activation) -> Array:
        long, short = max(fan_in, fan_out), min(fan_in, fan_out)
        q, r = np.linalg.qr(rng.standard_normal((long, short)))
        q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)
        gain = activation.gain if self.gain is None else self.gain
        return np.asarray(gain * (q if fan_in == long else q.T))


@dataclass(frozen=True)
class Zeros(Initializer):
    """All zero. Hidden units of a layer then stay alike for ever: shows why first weights are random."""

    name = "zeros"

    def weights(self, rng: np.random.Generator, fan_in: int, fan_out: int, activation: Activation) -> Array:
        return np.zeros((fan_in, fan_out))


INITIALIZERS = table(Auto, He, Glorot, Lecun, Normal, FanInUniform, Orthogonal, Zeros)
