"""Weight averaging: the network that predicts is a mean of those that training went through."""

from dataclasses import dataclass

import numpy as np

from nnlab.arrays import Array
from nnlab.nn.mlp import Network
from nnlab.nn.regularizer import Facts, Memory, Regularizer, Step
from nnlab.nn.stacking import factor
from nnlab.registry import Count, Fraction


@dataclass(frozen=True)
class Averaging(Regularizer):
    """A mean of the parameters. Training goes on from the last weights; the mean is what predicts."""

    on_by_default = False

    def state(self, network: Network, params: Array) -> dict[str, Array]:
        return {"mean": params.copy()}

    def predicting(self, params: Array, memory: Memory, network: Network) -> Array:
        return memory.state["mean"]


@dataclass(frozen=True)
class Swa(Averaging):
    """Stochastic weight averaging (Izmailov et al., 2018): the equal mean over the ends of epochs.

        mean <- mean + (w - mean) / k        after the k-th epoch from `start` on

    Before `start` the weights themselves predict. Running statistics of batch_norm are averaged along
    with the weights, where the paper computes them anew.

    Args:
        start: the first epoch whose weights count.
    """

    name = "swa"
    start: Count = 75

    def refusal(self, facts: Facts) -> str | None:
        if Ema.name in facts.company:
            return f"it came beside {Ema.name}, expected one of the two: each says what predicts"
        if self.start > facts.epochs:
            return f"start {self.start} came and there are {facts.epochs} epochs, expected one of them"
        return None

    def after_epoch(self, step: Step, memory: Memory, epoch: int) -> None:
        share = 1 / np.maximum(epoch - np.reshape(self.start, (-1, 1)) + 1, 1)
        _move(memory.state["mean"], step, share)


@dataclass(frozen=True)
class Ema(Averaging):
    """The exponential moving average of the weights (Polyak, Juditsky, 1992, with forgetting).

        mean <- decay mean + (1 - decay) w        after each step; after the first one mean = w

    That is PyTorch's AveragedModel with get_ema_avg_fn. Running statistics of batch_norm are averaged too.

    Args:
        decay: how much stays; 0.999 remembers about 1000 steps.
    """

    name = "ema"
    decay: Fraction = 0.999

    def state(self, network: Network, params: Array) -> dict[str, Array]:
        return {**super().state(network, params), "steps": np.zeros((len(params), 1))}

    def after_step(self, step: Step, memory: Memory) -> None:
        begun = memory.state["steps"] > 0
        _move(memory.state["mean"], step, 1 - np.where(begun, self.decay, 0.0))
        memory.state["steps"] += 1


def _move(mean: Array, step: Step, share: Array) -> None:
    """Moves the mean towards the weights; with a share of 1 it is the weights, bit for bit."""
    mean *= factor(1 - share, mean)
    part = np.multiply(step.params.buffer, factor(share, mean), out=step.scratch.buffer)
    mean += part
