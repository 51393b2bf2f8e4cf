"""Noise: what is drawn at random in every step of training, and left out when predicting."""

from dataclasses import dataclass

import numpy as np

from nnlab.nn.masks import Masks
from nnlab.nn.mlp import Network
from nnlab.nn.normals import Normals
from nnlab.nn.regularizer import Generators, Memory, Regularizer, Step
from nnlab.nn.stacking import factor
from nnlab.registry import Fraction, NonNegative


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
        return Masks(np.asarray(self.p), network.sizes[1:-1], batch, generators)

    def on_batch(self, step: Step, memory: Memory) -> None:
        memory.draws.fill(step.space.masks, step.left)
