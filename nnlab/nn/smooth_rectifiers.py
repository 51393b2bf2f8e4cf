"""Smooth rectifiers: relu with a bend instead of a kink, and log_sigmoid, which is one turned around."""

from dataclasses import dataclass

import numpy as np

from nnlab.arrays import Array, Scratch
from nnlab.nn.activation import Activation
from nnlab.nn.elementwise import positive_part, softplus
from nnlab.registry import Positive


@dataclass(frozen=True)
class Softplus(Activation):
    """f(x) = log(1 + exp(x)); f' = the sigmoid = 1 - exp(-f)."""

    name = "softplus"
    initializer = "he"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        softplus(z, out, scratch[0])

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.negative(h, out=out)
        np.expm1(out, out=out)
        np.negative(out, out=out)


@dataclass(frozen=True)
class Squareplus(Activation):
    """f(x) = (x + sqrt(x^2 + b)) / 2; f' = f^2 / (f^2 + b/4) (Barron, 2021).

    Args:
        b: width of the bend; f(0) = sqrt(b) / 2.
    """

    name = "squareplus"
    initializer = "he"
    keeps_z = True
    b: Positive = 4.0

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.multiply(z, z, out=out)
        out += self.b
        np.sqrt(out, out=out)
        out += z
        out *= 0.5

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        root, _ = scratch  # (1 + x / sqrt(x^2 + b)) / 2: squares of f lose digits below 0
        np.multiply(z, z, out=root)
        root += self.b
        np.sqrt(root, out=root)
        np.divide(z, root, out=out)
        out += 1
        out *= 0.5


@dataclass(frozen=True)
class SparsePlus(Activation):
    """f(x) = 0, (x + 1)^2 / 4 where |x| < 1, x; f' = sparse_sigmoid(x)."""

    name = "sparse_plus"
    initializer = "he"
    keeps_z = True

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        above, _ = scratch
        np.subtract(z, 1, out=above)
        positive_part(above, above)
        np.clip(z, -1, 1, out=out)
        out += 1
        np.multiply(out, out, out=out)
        out *= 0.25
        out += above

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.clip(z, -1, 1, out=out)
        out += 1
        out *= 0.5


@dataclass(frozen=True)
class LogSigmoid(Activation):
    """f(x) = log(s(x)) = -log(1 + exp(-x)), s the sigmoid; f' = 1 - s(x) = 1 - exp(f)."""

    name = "log_sigmoid"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.negative(z, out=out)
        softplus(out, out, scratch[0])
        np.negative(out, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.expm1(h, out=out)
        np.negative(out, out=out)
