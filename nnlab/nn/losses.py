"""Losses: how wrong a prediction is, and which way the last pre-activation should move.

    of_rows(output, z, target)          the loss of every row, (runs, batch)
    delta(output, z, target, out, row)  out <- d(sum of losses)/dz; may write over z

Arrays are (runs, outputs, batch); `row` is free memory, (runs, 1, batch).
Class targets are one-hot, or 0 and 1 for a single unit.
Where loss and output belong together they are computed from z, stably.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnlab.arrays import Array
from nnlab.nn.outputs import Output
from nnlab.registry import table


@dataclass(frozen=True)
class Loss:
    """What every loss has.

    `outputs` lists the outputs it goes with, the usual one for classes first; `tasks` what it is for.
    """

    name: ClassVar[str]
    outputs: ClassVar[tuple[str, ...]]
    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    def of_rows(self, output: Output, z: Array, target: Array) -> Array:
        raise NotImplementedError

    def delta(self, output: Output, z: Array, target: Array, out: Array, row: Array) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class SquaredError(Loss):
    """L = sum over outputs of (y_pred - y_true)^2, without a factor 1/2; dL/dy = 2 (y_pred - y_true)."""

    name = "squared_error"
    outputs = ("softmax", "sigmoid", "identity")
    tasks = ("regression", "classification")

    def of_rows(self, output: Output, z: Array, target: Array) -> Array:
        y = np.empty_like(z)
        output.f(z, y, np.empty_like(z[:, :1]))
        y -= target
        y *= y
        return np.asarray(y.sum(axis=1))

    def delta(self, output: Output, z: Array, target: Array, out: Array, row: Array) -> None:
        output.f(z, z, row)
        np.subtract(z, target, out=out)
        out *= 2
        output.backward(z, out, row)


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """L = -log y_c for the true class c, y = softmax(z): L = log sum_k exp(z_k) - z_c; dL/dz = y - target."""

    name = "cross_entropy"
    outputs = ("softmax",)

    def of_rows(self, output: Output, z: Array, target: Array) -> Array:
        largest = z.max(axis=1, keepdims=True)
        total = np.exp(z - largest).sum(axis=1)
        return np.asarray(np.log(total) + largest[:, 0] - (z * target).sum(axis=1))

    def delta(self, output: Output, z: Array, target: Array, out: Array, row: Array) -> None:
        output.f(z, out, row)
        out -= target


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """L = sum over units of log(1 + exp(z)) - t z, y = sigmoid(z), t = 0 or 1; dL/dz = y - t.

    Two classes have one unit; more have one sigmoid for each class.
    """

    name = "binary_cross_entropy"
    outputs = ("sigmoid",)

    def of_rows(self, output: Output, z: Array, target: Array) -> Array:
        return np.asarray((np.logaddexp(0, z, dtype=z.dtype) - z * target).sum(axis=1))

    def delta(self, output: Output, z: Array, target: Array, out: Array, row: Array) -> None:
        output.f(z, out, row)
        out -= target


LOSSES = table(SquaredError, CrossEntropy, BinaryCrossEntropy)
