"""Shrinking activations: what is close to 0 becomes 0, or nearly so."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt

from nnlab.arrays import Array, Scratch
from nnlab.nn.activation import Activation
from nnlab.registry import Expected, NonNegative


@dataclass(frozen=True)
class Tanhshrink(Activation):
    """f(x) = x - tanh(x); f' = tanh(x)^2."""

    name = "tanhshrink"
    keeps_z = True

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.tanh(z, out=out)
        np.subtract(z, out, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.subtract(z, h, out=out)
        np.multiply(out, out, out=out)


@dataclass(frozen=True)
class Softshrink(Activation):
    """f(x) = x - t where x > t, x + t where x < -t, otherwise 0; f' = 1 where |x| > t, otherwise 0.

    Args:
        threshold: t.
    """

    name = "softshrink"
    threshold: NonNegative = 0.5

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        inner, _ = scratch
        np.clip(z, -self.threshold, self.threshold, out=inner)
        np.subtract(z, inner, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.not_equal(h, 0, out=out, casting="unsafe")


@dataclass(frozen=True)
class Hardshrink(Activation):
    """f(x) = x where |x| > t, otherwise 0; f' = 1 where |x| > t, otherwise 0.

    Args:
        threshold: t.
    """

    name = "hardshrink"
    threshold: Annotated[float, Gt(0), Expected("a number above 0")] = 0.5

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        size, outside = scratch
        np.abs(z, out=size)
        np.greater(size, self.threshold, out=outside, casting="unsafe")
        np.multiply(z, outside, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.not_equal(h, 0, out=out, casting="unsafe")
