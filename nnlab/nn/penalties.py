"""Penalties and limits: what keeps weights, and the steps they take, small."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnlab.arrays import Array
from nnlab.nn.regularizer import Memory, Parameters, Regularizer, Step
from nnlab.nn.stacking import factor
from nnlab.registry import NonNegative, Positive, Switch


@dataclass(frozen=True)
class L2(Regularizer):
    """Weight decay by a penalty: lambda/(2m) * sum of squared weights, biases left out unless asked for.

    Its gradient is (lambda/m) W, so plain gradient descent multiplies each weight by
    1 - learning_rate * lambda/m in every step. m is the number of training rows: with the same
    lambda, more data means less decay. Together with l1 it is the elastic net (Zou, Hastie, 2005).

    Args:
        strength: lambda.
        biases: whether biases are penalised, too.
    """

    name = "l2"
    strength: NonNegative = 0.0
    biases: Switch = False

    @property
    def active(self) -> bool:
        return bool(np.any(self.strength))

    def penalty(self, params: Parameters, rows: int) -> Array:
        total = sum(
            np.square(block, dtype=np.float64).reshape(len(block), -1).sum(axis=1)
            for block in self._penalised(params)
        )
        return np.asarray(np.ravel(self.strength) / (2 * rows) * total)

    def on_gradient(self, step: Step, memory: Memory) -> None:
        # All parameters in one pass, and then what is not penalised out: views of the weights alone
        # have gaps, and NumPy copies such arrays before it adds to them.
        change, grads = step.scratch, step.grads.buffer
        strength = factor(self.strength / step.rows, grads)
        step.crew.over_columns(np.multiply, step.params.buffer, strength, change.buffer)
        change.behind.fill(0)
        for free in () if self.biases else change.biases:
            free.fill(0)
        step.crew.over_columns(np.add, grads, change.buffer, grads)

    def _penalised(self, params: Parameters) -> Sequence[Array]:
        return params.layers if self.biases else params.weights


@dataclass(frozen=True)
class L1(Regularizer):
    """The lasso's penalty (Tibshirani, 1996): lambda1/m * sum of absolute weights, biases left out.

    It takes effect as a proximal step (ISTA: Daubechies, Defrise, De Mol, 2004) after each step of the
    optimizer, which gives weights that are exactly 0, as a subgradient does not:

        w <- sign(w) max(|w| - learning_rate * lambda1/m, 0)

    The learning rate is the one in use. An adaptive optimizer (adam) has the same threshold for every
    weight, its learning rate without the factor of the weight. Together with l2 it is the elastic net
    (Zou, Hastie, 2005), so that needs no entry of its own.

    Args:
        strength: lambda1.
    """

    name = "l1"
    strength: NonNegative = 0.0

    @property
    def active(self) -> bool:
        return bool(np.any(self.strength))

    def penalty(self, params: Parameters, rows: int) -> Array:
        total = sum(np.abs(layer).sum(axis=1, dtype=np.float64) for layer in params.weights)
        return np.asarray(np.ravel(self.strength) / rows * total)

    def after_step(self, step: Step, memory: Memory) -> None:
        threshold = factor(step.rate * self.strength / step.rows, step.params.buffer)
        for weights, size in zip(step.params.weights, step.scratch.weights, strict=True):
            np.abs(weights, out=size)
            size -= threshold
            np.maximum(size, 0, out=size)
            np.copysign(size, weights, out=weights)


@dataclass(frozen=True)
class MaxNorm(Regularizer):
    """A limit for the weights that enter a unit (Srebro, Shraibman, 2005; Srivastava et al., 2014).

    After each step, for the incoming vector w of every unit of every layer, biases left out:

        w <- w * min(1, limit / |w|)

    Args:
        limit: the largest norm; 3 to 4 are usual.
    """

    name = "max_norm"
    on_by_default = False
    limit: Positive = 3.0

    def after_step(self, step: Step, memory: Memory) -> None:
        for layer, spare in zip(step.params.layers, step.scratch.layers, strict=True):
            weights, squares = layer[:, :-1], spare[:, :-1]
            np.multiply(weights, weights, out=squares)
            norm = np.sqrt(squares.sum(axis=1, keepdims=True))
            limit = factor(self.limit, norm)
            weights *= limit / np.maximum(norm, limit)


@dataclass(frozen=True)
class GradientClipping(Regularizer):
    """A limit for the gradient, of each run by itself (Pascanu, Mikolov, Bengio, 2013).

        g <- max(-value, min(value, g))                element by element, if `value` is given
        g <- g * min(1, norm / (|g| + 1e-6))           |g| over all parameters, if `norm` is given

    The penalty of l2 is part of g; a proximal step or a decoupled decay is not. The second line is
    PyTorch's clip_grad_norm_.

    Args:
        norm: the largest Euclidean norm of the whole gradient.
        value: the largest absolute value of an element.
    """

    name = "gradient_clipping"
    on_by_default = False
    norm: Positive | None = 1.0
    value: Positive | None = None

    @property
    def active(self) -> bool:
        return self.norm is not None or self.value is not None

    def on_gradient(self, step: Step, memory: Memory) -> None:
        grads, squares = step.grads.buffer, step.scratch.buffer
        if self.value is not None:
            value = factor(self.value, grads)
            np.clip(grads, -value, value, out=grads)
        if self.norm is not None:
            np.multiply(grads, grads, out=squares)
            size = np.sqrt(squares.sum(axis=1, keepdims=True))
            size += 1e-6
            grads *= np.minimum(1, factor(self.norm, size) / size)
