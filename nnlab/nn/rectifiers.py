"""Rectifiers: z itself on the right, little or nothing on the left."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnlab.arrays import Array, Scratch
from nnlab.nn.activation import Activation
from nnlab.nn.elementwise import negative_part, positive_part, where_positive
from nnlab.registry import NonNegative, Positive


@dataclass(frozen=True)
class Relu(Activation):
    """f(x) = max(0, x); f' = 1 where x > 0, otherwise 0 (at 0 too)."""

    name = "relu"
    initializer = "he"
    gain = math.sqrt(2)

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        positive_part(z, out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        where_positive(h, out)


@dataclass(frozen=True)
class LeakyRelu(Activation):
    """f(x) = x where x > 0, otherwise slope * x; f' = 1 or slope (Maas et al., 2013).

    Args:
        slope: steepness below 0; 0.01 as in PyTorch and JAX.
    """

    name = "leaky_relu"
    initializer = "he"
    slope: NonNegative = 0.01

    @property
    def gain(self) -> float:
        return math.sqrt(2 / (1 + self.slope**2))

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        low, _ = scratch
        negative_part(z, low)
        low *= self.slope
        positive_part(z, out)
        out += low

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        where_positive(h, out)
        out *= 1 - self.slope
        out += self.slope


@dataclass(frozen=True)
class Relu6(Activation):
    """f(x) = min(max(0, x), 6); f' = 1 where 0 < x < 6, otherwise 0."""

    name = "relu6"
    initializer = "he"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.clip(z, 0, 6, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        below, _ = scratch
        np.less(h, 6, out=below, casting="unsafe")
        where_positive(h, out)
        out *= below


@dataclass(frozen=True)
class Elu(Activation):
    """f(x) = x where x > 0, otherwise alpha (exp(x) - 1); f' = 1 or f + alpha (Clevert et al., 2016).

    Args:
        alpha: the value at minus infinity is -alpha.
    """

    name = "elu"
    initializer = "he"
    alpha: Positive = 1.0

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        low, _ = scratch
        negative_part(z, low)
        np.expm1(low, out=low)
        low *= self.alpha
        positive_part(z, out)
        out += low

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        above, _ = scratch
        where_positive(h, above)
        above *= 1 - self.alpha
        negative_part(h, out)
        out += self.alpha
        out += above


@dataclass(frozen=True)
class Celu(Activation):
    """f(x) = max(0, x) + min(0, alpha (exp(x / alpha) - 1)); f' = 1 or exp(x / alpha) (Barron, 2017).

    Args:
        alpha: the value at minus infinity is -alpha.
    """

    name = "celu"
    initializer = "he"
    alpha: Positive = 1.0

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        low, _ = scratch
        negative_part(z, low)
        low *= 1 / self.alpha
        np.expm1(low, out=low)
        low *= self.alpha
        positive_part(z, out)
        out += low

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        negative_part(h, out)
        out *= 1 / self.alpha
        out += 1


@dataclass(frozen=True)
class Selu(Activation):
    """f(x) = l x where x > 0, otherwise l a (exp(x) - 1); f' = l or f + l a (Klambauer et al., 2017).

    l = 1.0507..., a = 1.6732...: with LeCun weights mean 0 and variance 1 are a fixed point.
    """

    name = "selu"
    initializer = "lecun"
    scale: ClassVar[float] = 1.0507009873554804934193349852946
    alpha: ClassVar[float] = 1.6732632423543772848170429916717

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        low, _ = scratch
        negative_part(z, low)
        np.expm1(low, out=low)
        low *= self.scale * self.alpha
        positive_part(z, out)
        out *= self.scale
        out += low

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        above, _ = scratch
        where_positive(h, above)
        above *= self.scale - self.scale * self.alpha
        negative_part(h, out)
        out += self.scale * self.alpha
        out += above
