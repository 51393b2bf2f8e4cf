"""Soft targets: training on labels that are less sure than those of the data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnlab.arrays import Indices
from nnlab.nn.mlp import Network
from nnlab.nn.regularizer import Facts, Generators, Memory, Regularizer, Step
from nnlab.nn.stacking import factor
from nnlab.registry import Fraction, NonNegative


@dataclass(frozen=True)
class LabelSmoothing(Regularizer):
    """Class targets that are less sure (Szegedy et al., 2016): y' = (1 - strength) y + strength / K.

    K is the number of classes; where the output is a sigmoid, every unit says yes or no and K is 2.
    Losses are measured with the labels as they are.

    Args:
        strength: share of the target that is spread over all classes.
    """

    name = "label_smoothing"
    strength: Fraction = 0.0

    @property
    def active(self) -> bool:
        return bool(np.any(self.strength))

    def refusal(self, facts: Facts) -> str | None:
        if facts.task == "classification":
            return None
        return "it came for regression, expected classes: a number is no label that could be less sure"

    def on_batch(self, step: Step, memory: Memory) -> None:
        targets, output = step.space.targets, step.space.network.output
        classes = 2 if output.name == "sigmoid" else targets.shape[2]
        targets *= factor(1 - self.strength, targets)
        targets += factor(self.strength / classes, targets)


class Pairs:
    """How mixup mixes a batch: a share for each run, and a partner for each row.

    Args:
        generators: one for each run.
    """

    def __init__(self, generators: Generators) -> None:
        self.generators = generators

    def next(self, alphas: Sequence[float], batch: int) -> tuple[list[float], Indices]:
        """Shares, one for each run, and partners, (runs, batch)."""
        shares = [rng.beta(alpha, alpha) for rng, alpha in zip(self.generators, alphas, strict=True)]
        return shares, np.stack([rng.permutation(batch) for rng in self.generators])

    def take(self, runs: Indices) -> "Pairs":
        """The stream of these runs alone."""
        return Pairs([self.generators[run] for run in runs])


@dataclass(frozen=True)
class Mixup(Regularizer):
    """Trains on mixtures of two rows (Zhang, Cisse, Dauphin, Lopez-Paz, 2018).

        x' = s x_i + (1 - s) x_j,  y' = s y_i + (1 - s) y_j,  s ~ Beta(alpha, alpha)

    One s in each step, the partners j by a permutation of the batch, as in the authors' code.
    The target may be a class or a number.

    Args:
        alpha: 0.1 to 0.4 are usual; 1 draws s evenly from 0 to 1.
    """

    name = "mixup"
    is_random = True
    alpha: NonNegative = 0.0

    @property
    def active(self) -> bool:
        return bool(np.any(self.alpha))

    def refusal(self, facts: Facts) -> str | None:
        if facts.batch > 1:
            return None
        return "it came with one row in a batch, expected at least 2: it mixes rows of a batch"

    def draws(self, network: Network, batch: int, generators: Generators) -> Pairs:
        return Pairs(generators)

    def on_batch(self, step: Step, memory: Memory) -> None:
        x, targets = step.space.x[..., :-1], step.space.targets  # without the column of ones
        shares, partners = memory.draws.next(np.ravel(self.alpha), x.shape[1])
        share = np.array(shares, x.dtype).reshape(-1, 1, 1)
        for rows in (x, targets):
            other = np.take_along_axis(rows, partners[:, :, np.newaxis], axis=1)
            other -= rows
            other *= 1 - share
            rows += other
