"""Sampling: a prediction that is the mean of several random passes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnlab.arrays import Array, Indices
from nnlab.nn.masks import Masks
from nnlab.nn.mlp import Workspace
from nnlab.streams import stream


@dataclass(frozen=True)
class Sampling:
    """Monte-Carlo dropout (Gal, Ghahramani, 2016): units are dropped when predicting, too.

    The prediction is the mean over passes of what the output says: probabilities, or numbers. Every
    evaluation draws the same masks, from the start of a stream of its own, so it changes no run and
    what is measured does not depend on how often.

    Args:
        p: chance of dropping, (runs, 1) or (runs, layers).
        passes: how many.
        seeds: one for each run.
    """

    p: Array
    passes: int
    seeds: Sequence[int]

    def masks(self, units: Sequence[int], batch: int) -> Masks:
        """The masks of one evaluation, from the start."""
        return Masks(self.p, units, batch, [stream(seed, "monte_carlo") for seed in self.seeds])

    def forward(self, space: Workspace, layers: Sequence[Array], masks: Masks) -> None:
        """Leaves the pre-activation whose output is the mean prediction in the logits of `space`."""
        output = space.network.output
        mean = np.zeros_like(space.logits)
        for i in range(self.passes):
            masks.fill(space.masks, self.passes - i)
            space.forward(layers, space.masks)
            output.f(space.logits, space.logits, space.row)
            mean += space.logits
        mean /= self.passes
        output.inverse(mean, space.logits)

    def take(self, runs: Indices) -> "Sampling":
        """The same for these runs alone."""
        return Sampling(self.p[runs], self.passes, [self.seeds[run] for run in runs])
