"""Losses: how wrong a prediction is, and which way the last pre-activation should move.

    of_rows(output, z, target)             the loss of every row, (runs, batch)
    gradient(output, z, target, out, row)  out <- d(sum of losses)/dz; may write over z
    row_weights(targets)                   how much each training row counts, if not all count the same

Arrays are (runs, outputs, batch); `row` is free memory, (runs, 1, batch).
Class targets are one-hot, or 0 and 1 for a single unit.
Where loss and output belong together they are computed from z, stably.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from nnlab.arrays import Array
from nnlab.nn.outputs import Output
from nnlab.registry import Positive, table

ClassWeight = Literal["none", "balanced"]


@dataclass(frozen=True)
class Loss:
    """What every loss has.

    `outputs` lists the outputs it goes with, the usual one of a task first; `tasks` what it is for;
    `degree` is 2 where the loss of errors twice as large is four times as large, as their unit changes.
    """

    name: ClassVar[str]
    outputs: ClassVar[tuple[str, ...]]
    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    degree: ClassVar[int] = 2

    def of_rows(self, output: Output, z: Array, target: Array) -> Array:
        raise NotImplementedError

    def gradient(self, output: Output, z: Array, target: Array, out: Array, row: Array) -> None:
        raise NotImplementedError

    def row_weights(self, targets: Array) -> Array | None:
        """What the loss of each training row is multiplied by in training, (rows,); None is 1 for all.

        Args:
            targets: of all training rows, (rows, outputs).
        """
        return None


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

    def gradient(self, output: Output, z: Array, target: Array, out: Array, row: Array) -> None:
        output.f(z, z, row)
        np.subtract(z, target, out=out)
        out *= 2
        output.backward(z, out, row)


@dataclass(frozen=True)
class Huber(Loss):
    """A squared error whose outliers count less (Huber, 1964), summed over outputs.

        L = e^2 / 2               for |e| <= delta,   e = y_pred - y_true
        L = delta (|e| - delta/2) beyond;             dL/dy = e, cut off at +-delta

    Args:
        delta: in standard deviations of the target; with standardize_target false in its own unit.
    """

    name = "huber"
    outputs = ("identity",)
    tasks = ("regression",)
    delta: Positive = 1.0

    def of_rows(self, output: Output, z: Array, target: Array) -> Array:
        size = np.abs(z - target)
        near = np.minimum(size, self.delta)  # L = near (|e| - near/2) on both sides
        size -= near / 2
        size *= near
        return np.asarray(size.sum(axis=1))

    def gradient(self, output: Output, z: Array, target: Array, out: Array, row: Array) -> None:
        np.subtract(z, target, out=out)
        np.clip(out, -self.delta, self.delta, out=out)


@dataclass(frozen=True)
class AbsoluteError(Loss):
    """L = sum over outputs of |y_pred - y_true|, whose best guess is the median; dL/dy = +-1, 0 at 0."""

    name = "absolute_error"
    outputs = ("identity",)
    tasks = ("regression",)
    degree = 1

    def of_rows(self, output: Output, z: Array, target: Array) -> Array:
        return np.asarray(np.abs(z - target).sum(axis=1))

    def gradient(self, output: Output, z: Array, target: Array, out: Array, row: Array) -> None:
        np.subtract(z, target, out=out)
        np.sign(out, out=out)


@dataclass(frozen=True)
class Poisson(Loss):
    """For counts: the negative log-likelihood of a Poisson distribution with mean y = exp(z).

        L = sum over outputs of exp(z) - t z - (t - t log t);   dL/dz = y - t

    The bracket, which no network can change, makes a perfect prediction cost 0: L is half the Poisson
    deviance. An exp(z) that overflows (z above 88 in float32) is a loss of infinity: the run diverges.
    """

    name = "poisson"
    outputs = ("exponential",)
    tasks = ("regression",)

    def of_rows(self, output: Output, z: Array, target: Array) -> Array:
        least = target - target * np.log(np.where(target > 0, target, 1))
        return np.asarray((np.exp(z) - target * z - least).sum(axis=1))

    def gradient(self, output: Output, z: Array, target: Array, out: Array, row: Array) -> None:
        output.f(z, out, row)
        out -= target


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """L = -log y_c for the true class c, y = softmax(z): L = log sum_k exp(z_k) - z_c; dL/dz = y - target.

    Args:
        class_weight: `balanced` multiplies the loss of a training row of class c by n / (k n_c): all k
            classes then weigh the same in training, however rare they are. Losses are reported without.
    """

    name = "cross_entropy"
    outputs = ("softmax",)
    class_weight: ClassWeight = "none"

    def of_rows(self, output: Output, z: Array, target: Array) -> Array:
        largest = z.max(axis=1, keepdims=True)
        total = np.exp(z - largest).sum(axis=1)
        return np.asarray(np.log(total) + largest[:, 0] - (z * target).sum(axis=1))

    def gradient(self, output: Output, z: Array, target: Array, out: Array, row: Array) -> None:
        output.f(z, out, row)
        out -= target

    def row_weights(self, targets: Array) -> Array | None:
        return _balanced(targets) if self.class_weight == "balanced" else None


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """L = sum over units of log(1 + exp(z)) - t z, y = sigmoid(z), t = 0 or 1; dL/dz = y - t.

    Two classes have one unit; more have one sigmoid for each class.

    Args:
        class_weight: `balanced` multiplies the loss of a training row of class c by n / (k n_c): all k
            classes then weigh the same in training, however rare they are. Losses are reported without.
    """

    name = "binary_cross_entropy"
    outputs = ("sigmoid",)
    class_weight: ClassWeight = "none"

    def of_rows(self, output: Output, z: Array, target: Array) -> Array:
        softplus = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))  # logaddexp takes fifteen times as long
        return np.asarray((softplus - z * target).sum(axis=1))

    def gradient(self, output: Output, z: Array, target: Array, out: Array, row: Array) -> None:
        output.f(z, out, row)
        out -= target

    def row_weights(self, targets: Array) -> Array | None:
        return _balanced(targets) if self.class_weight == "balanced" else None


# Where nothing says which loss, it is the first that fits task and output.
LOSSES = table(CrossEntropy, BinaryCrossEntropy, SquaredError, Huber, AbsoluteError, Poisson)


def _balanced(targets: Array) -> Array:
    """n / (k n_c) for a row of class c, one of k, which n_c of n rows have."""
    classes = np.hstack([1 - targets, targets]) if targets.shape[1] == 1 else targets
    rows = classes.sum(axis=0, dtype=np.float64)
    weights = len(classes) / (len(rows) * np.maximum(rows, 1))  # resampling may leave a class without rows
    return np.asarray(classes @ weights)
