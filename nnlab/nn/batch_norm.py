"""Batch normalization: what enters an activation has mean 0 and variance 1 over the batch."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt, Le

from nnlab.arrays import Array
from nnlab.nn.mlp import Network, Normalization
from nnlab.nn.regularizer import Facts, Memory, Regularizer
from nnlab.nn.stacking import factor
from nnlab.registry import Expected, Positive


@dataclass(frozen=True)
class BatchNorm(Regularizer):
    """Batch normalization before the activation of every hidden layer (Ioffe, Szegedy, 2015).

        z' = scale * (z - mean) / sqrt(variance + epsilon) + shift

    While training, mean and variance (biased) are those of the batch, for each unit; when predicting, the
    running ones: r <- (1 - momentum) r + momentum * that of the batch, with the unbiased variance, as in
    PyTorch. The layer's bias is the shift, since any other would be subtracted again; the scale begins
    with 1 and is learned. Neither is penalised.

    When predicting it is a linear map, so the network that predicts, and that is stored, is a plain one:
    weights times scale / sqrt(variance + epsilon), biases shifted.

    Args:
        momentum: how much of a new batch the running statistics take on; Keras calls 1 minus this so.
        epsilon: keeps the division finite.
    """

    name = "batch_norm"
    on_by_default = False
    normalizes = True
    momentum: Annotated[float, Gt(0), Le(1), Expected("a number above 0, up to 1")] = 0.1
    epsilon: Positive = 1e-5

    def refusal(self, facts: Facts) -> str | None:
        if facts.batch == 1:
            return "it came with batch_size 1, expected at least 2: one row has no variance"
        if facts.rows % facts.batch == 1:
            return (
                f"{facts.rows} training rows in batches of {facts.batch} leave one row over, "
                "expected a batch_size that leaves none, or at least 2: one row has no variance"
            )
        return None

    def normalizer(self, network: Network, params: Array, grads: Array, batch: int) -> "BatchStatistics":
        return BatchStatistics(self, network.normalization(params), network.normalization(grads), batch)

    def predicting(self, params: Array, memory: Memory, network: Network) -> Array:
        plain = params.copy()
        learned, out = network.normalization(params), network.normalization(plain)
        for i, layer in enumerate(network.layers(plain)[:-1]):
            variance = learned.variance[i] + factor(self.epsilon, learned.variance[i])
            slope = (learned.scale[i] / np.sqrt(variance)).transpose(0, 2, 1)
            layer[:, :-1] *= slope
            layer[:, -1:] -= learned.mean[i].transpose(0, 2, 1) * slope
            out.scale[i][:], out.mean[i][:], out.variance[i][:] = 1, 0, 1
        return plain


class BatchStatistics:
    """Batch normalization of one workspace: forward and backward of every hidden layer.

    Args:
        entry: momentum and epsilon, numbers or columns.
        learned: scale and running statistics of each hidden layer.
        grads: where the gradient of the scale goes.
        batch: rows in a step.
    """

    def __init__(self, entry: BatchNorm, learned: Normalization, grads: Normalization, batch: int) -> None:
        self.entry, self.learned, self.grads, self.batch = entry, learned, grads, batch
        self.normal = [np.empty((*scale.shape[:2], batch), scale.dtype) for scale in learned.scale]
        self.products = [np.empty_like(normal) for normal in self.normal]
        self.inverse = [np.empty_like(scale) for scale in learned.scale]
        self.shift_grads = [np.empty_like(scale) for scale in learned.scale]

    def forward(self, i: int, z: Array, shift: Array) -> None:
        """Normalizes z (runs, units, batch) of hidden layer i in place, and moves the running statistics.

        Args:
            shift: (runs, units, 1).
        """
        normal, products, inverse = self.normal[i], self.products[i], self.inverse[i]
        mean = z.mean(axis=2, keepdims=True)
        np.subtract(z, mean, out=normal)
        np.multiply(normal, normal, out=products)
        variance = products.mean(axis=2, keepdims=True)
        self._remember(self.learned.mean[i], mean)
        self._remember(self.learned.variance[i], variance * (self.batch / (self.batch - 1)))
        variance += factor(self.entry.epsilon, variance)
        np.sqrt(variance, out=variance)
        np.divide(1, variance, out=inverse)
        normal *= inverse
        np.multiply(normal, self.learned.scale[i], out=z)
        z += shift

    def _remember(self, running: Array, now: Array) -> None:
        momentum = self.entry.momentum
        running *= factor(1 - momentum, running)
        running += factor(momentum, running) * now

    def backward(self, i: int, delta: Array) -> None:
        """From dL/dz' to dL/dz in place; keeps the gradients of scale and shift.

        dL/dz = scale / sqrt(variance + epsilon) * (d - mean(d) - n * mean(d n)),  n = normalized z
        """
        normal, products = self.normal[i], self.products[i]
        np.add.reduce(delta, axis=2, keepdims=True, out=self.shift_grads[i])
        np.multiply(delta, normal, out=products)
        np.add.reduce(products, axis=2, keepdims=True, out=self.grads.scale[i])
        delta -= self.shift_grads[i] / self.batch
        np.multiply(normal, self.grads.scale[i] / self.batch, out=products)
        delta -= products
        delta *= self.learned.scale[i] * self.inverse[i]
