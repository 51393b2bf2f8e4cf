"""Noise: what is drawn at random in every step of training, and left out when predicting."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le

from nnlab.arrays import Array
from nnlab.nn.masks import Masks
from nnlab.nn.mlp import Network
from nnlab.nn.normals import Normals
from nnlab.nn.regularizer import Facts, Generators, Memory, Regularizer, Step
from nnlab.nn.sampling import Sampling
from nnlab.nn.stacking import factor
from nnlab.registry import Expected, Fraction, NonNegative

LOWEST_SELU = -1.7580993408473766  # -scale * alpha


@dataclass(frozen=True)
class InputNoise(Regularizer):
    """Adds noise to the features while training: x' = x + N(0, std^2), a new draw in every step.

    For a linear model with squared error this is l2 on average (Bishop, 1995): the expected loss grows by
    std^2 times the squared weights. Features are standardized unless `data.standardize` is off, so `std`
    is in units of a feature's spread.

    Args:
        std: standard deviation of the noise.
    """

    name = "input_noise"
    is_random = True
    std: NonNegative = 0.0

    @property
    def active(self) -> bool:
        return bool(np.any(self.std))

    def draws(self, network: Network, batch: int, generators: Generators) -> Normals:
        return Normals(network.sizes[0] * batch, generators, network.dtype)

    def on_batch(self, step: Step, memory: Memory) -> None:
        x = step.space.x[..., :-1]  # without the column of ones
        runs, batch, features = x.shape
        noise = memory.draws.next(step.left)[:, : batch * features].reshape(runs, batch, features)
        noise *= factor(self.std, noise)
        x += noise


@dataclass(frozen=True)
class InputDropout(Regularizer):
    """Drops features at random while training, each of each row with probability p, in the inverted form.

    A feature that stays is multiplied by 1/(1 - p). Srivastava et al. (2014) keep 80 % of the inputs.

    Args:
        p: chance of dropping, resolved to 1/65536.
    """

    name = "input_dropout"
    is_random = True
    p: Fraction = 0.0

    @property
    def active(self) -> bool:
        return bool(np.any(self.p))

    def draws(self, network: Network, batch: int, generators: Generators) -> Masks:
        return Masks(np.reshape(self.p, (-1, 1)), network.sizes[:1], batch, generators)

    def on_batch(self, step: Step, memory: Memory) -> None:
        x = step.space.x[..., :-1]
        mask = np.empty(x.shape, x.dtype)
        memory.draws.fill([mask], step.left)
        x *= mask


# The mean of 10,000 passes is within 1 % of a pass's own spread: more cost time and show nothing.
Passes = Annotated[int, Ge(0), Le(10_000), Expected("a whole number from 0 to 10,000")]

PerLayer = Annotated[
    Fraction | tuple[Fraction, ...],
    Expected("a number from 0 up to, not including, 1, or a list with one for each hidden layer"),
]


@dataclass(frozen=True)
class UnitNoise(Regularizer):
    """What hidden units meet at random while training: h' = mask * h + shift.

    Masks are (runs, units, batch), one for each hidden layer. Several kinds act one after the other;
    the one that shifts is the last.

    Args:
        p: one for all hidden layers, or one a layer.
    """

    is_random = True
    masks_units = True
    p: PerLayer = 0.0

    @property
    def active(self) -> bool:
        return bool(np.any(self.p))

    def refusal(self, facts: Facts) -> str | None:
        if not isinstance(self.p, tuple) or len(self.p) == len(facts.hidden):
            return None
        return (
            f"{len(self.p)} numbers came for {len(facts.hidden)} hidden layers, "
            "expected one number, or one a layer"
        )

    def draws(self, network: Network, batch: int, generators: Generators) -> Any:
        return Masks(self._columns(len(generators)), network.sizes[1:-1], batch, generators)

    def on_batch(self, step: Step, memory: Memory) -> None:
        masks = step.space.masks
        earlier = [mask.copy() for mask in masks] if step.masked else []
        self.fill(step, memory, masks)
        for mask, before in zip(masks, earlier, strict=False):
            mask *= before
        step.masked = True

    def fill(self, step: Step, memory: Memory, masks: Sequence[Array]) -> None:
        """The masks of this kind alone, and the shifts if it has some."""
        memory.draws.fill(masks, step.left)

    def _columns(self, runs: int) -> Array:
        """p as an array (runs, 1), or (runs, layers)."""
        if isinstance(self.p, tuple):
            return np.tile(np.array(self.p), (runs, 1))
        return np.reshape(self.p, (-1, 1))


@dataclass(frozen=True)
class Dropout(UnitNoise):
    """Drops hidden units at random while training (Srivastava et al., 2014), in the inverted form.

    Each hidden unit of each row is 0 with probability p, otherwise its value times 1/(1 - p), so the
    expected value stays; a new draw in every step. Nothing is dropped when predicting, unless `samples`
    asks for Monte-Carlo dropout: then predictions and all metrics are of the mean over so many passes.

    Args:
        p: chance of dropping, resolved to 1/65536; one for all hidden layers, or one a layer.
        samples: passes with dropout that a prediction is the mean of, up to 10,000; 0 is one pass without.
    """

    name = "dropout"
    fixed = ("samples",)
    samples: Passes = 0

    def sampling(self, seeds: Sequence[int]) -> Sampling | None:
        return Sampling(self._columns(len(seeds)), self.samples, seeds) if self.samples else None


@dataclass(frozen=True)
class GaussianDropout(UnitNoise):
    """Multiplies hidden units by N(1, p/(1 - p)) while training (Srivastava et al., 2014, section 10).

    The noise has the mean and variance of dropout with the same p.

    Args:
        p: as in dropout; one for all hidden layers, or one a layer.
    """

    name = "gaussian_dropout"

    def draws(self, network: Network, batch: int, generators: Generators) -> Normals:
        return Normals(sum(network.sizes[1:-1]) * batch, generators, network.dtype)

    def fill(self, step: Step, memory: Memory, masks: Sequence[Array]) -> None:
        if not masks:
            return
        p = self._columns(len(masks[0]))
        spread = np.broadcast_to(np.sqrt(p / (1 - p)), (len(p), len(masks)))
        numbers, start = memory.draws.next(step.left), 0
        for i, mask in enumerate(masks):
            stop = start + mask[0].size
            np.multiply(numbers[:, start:stop].reshape(mask.shape), factor(spread[:, [i]], mask), out=mask)
            mask += 1
            start = stop


@dataclass(frozen=True)
class AlphaDropout(UnitNoise):
    """Dropout for selu (Klambauer et al., 2017): a dropped unit is set to selu's lowest value, not to 0.

        h' = a (h or low) + b,  low = -1.7580993,  a = ((1 - p)(1 + p low^2))^-1/2,  b = -a p low

    so mean 0 and variance 1 stay. Nothing is dropped when predicting.

    Args:
        p: chance of dropping, resolved to 1/65536; one for all hidden layers, or one a layer.
    """

    name = "alpha_dropout"
    shifts_units = True

    def fill(self, step: Step, memory: Memory, masks: Sequence[Array]) -> None:
        if not masks:
            return
        memory.draws.fill(masks, step.left)
        p = np.broadcast_to(self._columns(len(masks[0])), (len(masks[0]), len(masks)))
        scale = ((1 - p) * (1 + p * LOWEST_SELU**2)) ** -0.5
        for i, (mask, shift) in enumerate(zip(masks, step.space.shifts, strict=True)):
            a = scale[:, [i]]
            np.greater(mask, 0, out=mask, casting="unsafe")
            np.subtract(1, mask, out=shift)
            shift *= factor(a * LOWEST_SELU, shift)
            shift -= factor(a * p[:, [i]] * LOWEST_SELU, shift)
            mask *= factor(a, mask)


@dataclass(frozen=True)
class DropConnect(Regularizer):
    """Drops weights at random while training (Wan et al., 2013), in the inverted form.

    Each weight of every layer is 0 with probability p, otherwise its value times 1/(1 - p); biases stay.
    One draw for all rows of a step, where the paper draws for each row; nothing is dropped when
    predicting, where the paper samples units from their moments.

    Args:
        p: chance of dropping, resolved to 1/65536.
    """

    name = "dropconnect"
    is_random = True
    masks_weights = True
    p: Fraction = 0.0

    @property
    def active(self) -> bool:
        return bool(np.any(self.p))

    def draws(self, network: Network, batch: int, generators: Generators) -> Masks:
        counts = [(rows - 1) * columns for rows, columns in network.shapes]
        return Masks(np.reshape(self.p, (-1, 1)), counts, 1, generators)

    def on_batch(self, step: Step, memory: Memory) -> None:
        masks = step.scratch.weights  # free until the gradient is there
        memory.draws.fill([mask[:, :, np.newaxis] for mask in masks], step.left)
        np.copyto(step.passing.buffer, step.params.buffer)
        for weights, mask in zip(step.passing.weights, masks, strict=True):
            weights *= mask

    def on_gradient(self, step: Step, memory: Memory) -> None:
        for grad, mask in zip(step.grads.weights, step.scratch.weights, strict=True):
            grad *= mask
