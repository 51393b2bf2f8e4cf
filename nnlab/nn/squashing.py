"""Squashing activations: steep around 0, and flat far away on both sides."""

from dataclasses import dataclass

import numpy as np

from nnlab.arrays import Array, Scratch
from nnlab.nn.activation import Activation
from nnlab.nn.elementwise import sigmoid, where_positive


@dataclass(frozen=True)
class Sigmoid(Activation):
    """f(x) = 1 / (1 + exp(-x)); f' = f (1 - f), at most 1/4: deep stacks of it learn slowly."""

    name = "sigmoid"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        sigmoid(z, out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.subtract(1, h, out=out)
        out *= h


@dataclass(frozen=True)
class Tanh(Activation):
    """f(x) = tanh(x); f' = 1 - f^2."""

    name = "tanh"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.tanh(z, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.multiply(h, h, out=out)
        np.subtract(1, out, out=out)


@dataclass(frozen=True)
class Softsign(Activation):
    """f(x) = x / (1 + |x|); f' = 1 / (1 + |x|)^2 = (1 - |f|)^2."""

    name = "softsign"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        size, _ = scratch
        np.abs(z, out=size)
        size += 1
        np.divide(z, size, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.abs(h, out=out)
        np.subtract(1, out, out=out)
        np.multiply(out, out, out=out)


@dataclass(frozen=True)
class HardSigmoid(Activation):
    """f(x) = min(max(0, x/6 + 1/2), 1); f' = 1/6 where |x| < 3, otherwise 0."""

    name = "hard_sigmoid"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.multiply(z, 1 / 6, out=out)
        out += 0.5
        np.clip(out, 0, 1, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        below, _ = scratch
        np.less(h, 1, out=below, casting="unsafe")
        where_positive(h, out)
        out *= below
        out *= 1 / 6


@dataclass(frozen=True)
class HardTanh(Activation):
    """f(x) = min(max(-1, x), 1); f' = 1 where |x| < 1, otherwise 0."""

    name = "hard_tanh"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.clip(z, -1, 1, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        size, _ = scratch
        np.abs(h, out=size)
        np.less(size, 1, out=out, casting="unsafe")


@dataclass(frozen=True)
class SparseSigmoid(Activation):
    """f(x) = min(max(0, (x + 1) / 2), 1); f' = 1/2 where |x| < 1, otherwise 0."""

    name = "sparse_sigmoid"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.clip(z, -1, 1, out=out)
        out += 1
        out *= 0.5

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        below, _ = scratch
        np.less(h, 1, out=below, casting="unsafe")
        where_positive(h, out)
        out *= below
        out *= 0.5
