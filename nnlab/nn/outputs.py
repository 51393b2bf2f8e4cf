"""Outputs: what turns the last pre-activation z into the prediction.

    f(z, out, row)           out <- prediction; z and out may be the same memory
    backward(y, delta, row)  delta <- dL/dz, given delta = dL/dy; writes over the prediction y
    inverse(y, out)          out <- a z whose prediction is y; y and out may be the same memory

Arrays are (runs, outputs, batch); `row` is free memory, (runs, 1, batch).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnlab.arrays import Array
from nnlab.registry import table


@dataclass(frozen=True)
class Output:
    """What every output has; `tasks` says what it can predict."""

    name: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    def units(self, classes: int) -> int:
        """How many units tell this many classes apart."""
        return classes

    def f(self, z: Array, out: Array, row: Array) -> None:
        raise NotImplementedError

    def backward(self, y: Array, delta: Array, row: Array) -> None:
        raise NotImplementedError

    def inverse(self, y: Array, out: Array) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class IdentityOutput(Output):
    """y = z: any number, for regression."""

    name = "identity"
    tasks = ("regression", "classification")

    def f(self, z: Array, out: Array, row: Array) -> None:
        np.copyto(out, z)

    def backward(self, y: Array, delta: Array, row: Array) -> None:
        pass

    def inverse(self, y: Array, out: Array) -> None:
        np.copyto(out, y)


@dataclass(frozen=True)
class SigmoidOutput(Output):
    """y = 1 / (1 + exp(-z)): a probability for each unit. Two classes need one unit only."""

    name = "sigmoid"

    def units(self, classes: int) -> int:
        return 1 if classes == 2 else classes

    def f(self, z: Array, out: Array, row: Array) -> None:
        np.multiply(z, 0.5, out=out)  # by tanh, which cannot overflow
        np.tanh(out, out=out)
        out *= 0.5
        out += 0.5

    def backward(self, y: Array, delta: Array, row: Array) -> None:
        delta *= y
        np.subtract(1, y, out=y)
        delta *= y

    def inverse(self, y: Array, out: Array) -> None:
        limits = np.finfo(y.dtype)  # a rounded probability of 0 or 1 would be infinitely sure
        np.clip(y, limits.tiny, 1 - limits.epsneg, out=out)
        np.log(out / (1 - out), out=out)


@dataclass(frozen=True)
class SoftmaxOutput(Output):
    """y_c = exp(z_c) / sum_k exp(z_k): probabilities that sum to 1 over the classes."""

    name = "softmax"

    def f(self, z: Array, out: Array, row: Array) -> None:
        np.maximum.reduce(z, axis=1, keepdims=True, out=row)
        np.subtract(z, row, out=out)  # the largest exponent is 0
        np.exp(out, out=out)
        np.add.reduce(out, axis=1, keepdims=True, out=row)
        out /= row

    def backward(self, y: Array, delta: Array, row: Array) -> None:
        delta *= y  # dL/dz_c = y_c (dL/dy_c - sum_k y_k dL/dy_k)
        np.add.reduce(delta, axis=1, keepdims=True, out=row)
        y *= row
        delta -= y

    def inverse(self, y: Array, out: Array) -> None:
        np.maximum(y, np.finfo(y.dtype).tiny, out=out)
        np.log(out, out=out)


@dataclass(frozen=True)
class ExponentialOutput(Output):
    """y = exp(z): a number above 0, such as the mean of a count."""

    name = "exponential"
    tasks = ("regression",)

    def f(self, z: Array, out: Array, row: Array) -> None:
        np.exp(z, out=out)

    def backward(self, y: Array, delta: Array, row: Array) -> None:
        delta *= y

    def inverse(self, y: Array, out: Array) -> None:
        np.maximum(y, np.finfo(y.dtype).tiny, out=out)  # a rounded mean of 0 would be infinitely sure
        np.log(out, out=out)


OUTPUTS = table(IdentityOutput, SigmoidOutput, SoftmaxOutput, ExponentialOutput)
