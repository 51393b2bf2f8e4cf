"""Regularizers: the fixes for over-fitting that act while a network trains.

Each entry is one key of the config section `regularization`; its first field may stand alone there:
`l2: 0.1` is `l2: {strength: 0.1}`.
"""

from dataclasses import dataclass

import numpy as np

from nnlab.arrays import Array
from nnlab.metrics import CurveMetric
from nnlab.nn.masks import Masks
from nnlab.nn.mlp import Network
from nnlab.nn.regularizer import Generators, Memory, Parameters, Regularizer, Step
from nnlab.nn.stacking import factor
from nnlab.registry import CountOrZero, Fraction, NonNegative, table


@dataclass(frozen=True)
class L2(Regularizer):
    """Weight decay by a penalty: lambda/(2m) * sum of squared weights, biases left out.

    Its gradient is (lambda/m) W, so plain gradient descent multiplies each weight by
    1 - learning_rate * lambda/m in every step. m is the number of training rows: with the same
    lambda, more data means less decay.

    Args:
        strength: lambda.
    """

    name = "l2"
    strength: NonNegative = 0.0

    @property
    def active(self) -> bool:
        return bool(np.any(self.strength))

    def penalty(self, params: Parameters, rows: int) -> Array:
        total = sum(np.square(layer, dtype=np.float64).sum(axis=1) for layer in params.weights)
        return np.asarray(np.ravel(self.strength) / (2 * rows) * total)

    def on_gradient(self, step: Step, memory: Memory) -> None:
        decay = factor(self.strength / step.rows, step.params.buffer)
        # All parameters in one pass, and then the biases out: views of the weights alone have gaps,
        # and NumPy copies such arrays before it adds to them.
        grads, change = step.grads.buffer, step.scratch
        np.multiply(step.params.buffer, decay, out=change.buffer)
        for biases in change.biases:
            biases.fill(0)
        grads += change.buffer


@dataclass(frozen=True)
class Dropout(Regularizer):
    """Drops hidden units at random while training (Srivastava et al., 2014), in the inverted form.

    Each hidden unit of each row is 0 with probability p, otherwise its value times 1/(1 - p), so the
    expected value stays; a new draw in every step. Nothing is dropped when predicting.

    Args:
        p: chance of dropping, resolved to 1/65536.
    """

    name = "dropout"
    is_random = True
    masks_units = True
    p: Fraction = 0.0

    @property
    def active(self) -> bool:
        return bool(np.any(self.p))

    def draws(self, network: Network, batch: int, generators: Generators) -> Masks:
        return Masks(np.reshape(self.p, (-1, 1)), network.sizes[1:-1], batch, generators)

    def on_batch(self, step: Step, memory: Memory) -> None:
        memory.draws.fill(step.space.masks, step.left)


@dataclass(frozen=True)
class EarlyStopping(Regularizer):
    """Stops when a metric has not improved for a while, and restores the best epoch.

    An epoch counts as better if it beats the best so far by more than `min_delta`; training stops
    once `patience` epochs have passed since the best one.

    Args:
        patience: epochs to wait for the next improvement; 0 is like 1.
        min_delta: the least change that counts.
        metric: what is watched; a loss should fall, an accuracy or R2 should rise.
    """

    name = "early_stopping"
    on_by_default = False
    patience: CountOrZero = 10
    min_delta: NonNegative = 0.0
    metric: CurveMetric = "val_loss"


REGULARIZERS = table(L2, Dropout, EarlyStopping)
