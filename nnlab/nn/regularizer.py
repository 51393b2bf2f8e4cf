"""What a regularizer is: settings, and hooks that act on a step of training.

A population in training calls the hooks of its active regularizers in the order of the table. An entry
overrides those it needs; no other is ever called, so an entry that is off costs nothing.

    on_batch        rows, targets and masks, before the forward pass
    on_gradient     the gradient of the mean data loss, after the backward pass
    after_step      the parameters, after the optimizer's step
    after_epoch     the parameters, after the last step of an epoch
    predicting      which parameters predict
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from nnlab.arrays import Array, Indices
from nnlab.nn.crew import ALONE, Crew
from nnlab.nn.mlp import Network, Normalizer, Workspace
from nnlab.nn.sampling import Sampling
from nnlab.nn.stacking import take

Generators = Sequence[np.random.Generator]


class Draws(Protocol):
    """A stream of random numbers; between two epochs its generators alone are its state."""

    generators: Generators

    def take(self, runs: Indices) -> "Draws":
        """The stream of these runs alone."""
        ...


@dataclass(frozen=True)
class Parameters:
    """One buffer (runs, parameters), and its views."""

    buffer: Array
    layers: list[Array]  # (runs, fan_in + 1, fan_out), biases last
    weights: list[Array]  # (runs, fan_in * fan_out), without the biases
    biases: list[Array]  # (runs, fan_out)
    behind: Array  # what is no layer, (runs, width - layers)

    @classmethod
    def of(cls, network: Network, buffer: Array) -> "Parameters":
        """The views that a network gives of a buffer."""
        layers = network.layers(buffer)
        biases = [layer[:, -1] for layer in layers]
        return cls(buffer, layers, network.weights(buffer), biases, buffer[:, network.in_layers :])


@dataclass(frozen=True)
class Facts:
    """What settings stand beside a regularizer, for those that do not go with all.

    Args:
        task: classification or regression.
        hidden: width of each hidden layer.
        rows: training rows.
        batch: rows in a step.
        epochs: epochs at most.
        company: names of the active regularizers.
    """

    task: str
    hidden: tuple[int, ...]
    rows: int
    batch: int
    epochs: int
    company: tuple[str, ...]


@dataclass
class Step:
    """What hooks see of a step.

    Args:
        params: the parameters.
        grads: their gradient.
        scratch: free memory of the same shape.
        rows: m, the number of training rows.
        rate: the learning rate in use, one for each run, (runs, 1).
        space: the batch and what the network makes of it.
        passing: what rows pass through; `params` itself, unless an entry masks weights.
        left: steps up to the end of the epoch, this one included.
        masked: whether the masks of the workspace are drawn already.
        crew: who shares out passes over all parameters.
    """

    params: Parameters
    grads: Parameters
    scratch: Parameters
    rows: int
    rate: Any
    space: Workspace
    passing: Parameters
    left: int = 1
    masked: bool = False
    crew: Crew = ALONE


@dataclass
class Memory:
    """What a regularizer carries from step to step, one row for each run.

    Args:
        state: arrays by name, kept in checkpoints.
        draws: its random numbers, if it needs any.
    """

    state: dict[str, Array] = field(default_factory=dict)
    draws: Any = None

    def take(self, runs: Indices) -> "Memory":
        """What these runs alone carry, between two epochs."""
        draws = None if self.draws is None else self.draws.take(runs)
        return Memory({name: array[runs] for name, array in self.state.items()}, draws)


@dataclass(frozen=True)
class Regularizer:
    """What every regularizer has.

    `on_by_default`: with the default of its fields; otherwise null is off.
    `is_random`: it has a stream of random numbers by its name.
    `masks_units`, `shifts_units`: it multiplies hidden units, and adds to them.
    `masks_weights`: rows pass through other weights than those that are trained.
    `normalizes`: it normalizes hidden layers.
    `fixed`: numbers that are the same for all runs of a population.
    """

    name: ClassVar[str]
    on_by_default: ClassVar[bool] = True
    is_random: ClassVar[bool] = False
    masks_units: ClassVar[bool] = False
    shifts_units: ClassVar[bool] = False
    masks_weights: ClassVar[bool] = False
    normalizes: ClassVar[bool] = False
    fixed: ClassVar[tuple[str, ...]] = ()

    @property
    def active(self) -> bool:
        """Whether these settings change anything."""
        return True

    def refusal(self, facts: Facts) -> str | None:
        """Why it cannot work there: what came and what was expected; None if it can."""
        return None

    def penalty(self, params: Parameters, rows: int) -> Array | float:
        """What is added to the mean data loss, shape (runs,).

        Args:
            rows: m, the number of training rows.
        """
        return 0.0

    def state(self, network: Network, params: Array) -> dict[str, Array]:
        """The arrays it carries along, as they are before the first step; one row for each run."""
        return {}

    def draws(self, network: Network, batch: int, generators: Generators) -> Draws | None:
        """Its random numbers.

        Args:
            batch: rows of a full batch.
            generators: one for each run.
        """
        return None

    def on_batch(self, step: Step, memory: Memory) -> None:
        """Changes the batch, or draws the masks, before the forward pass."""

    def on_gradient(self, step: Step, memory: Memory) -> None:
        """Changes the gradient of the mean data loss, after the backward pass."""

    def after_step(self, step: Step, memory: Memory) -> None:
        """Changes the parameters after the optimizer's step."""

    def after_epoch(self, step: Step, memory: Memory, epoch: int) -> None:
        """Changes the parameters, or what it carries along, after the last step of an epoch."""

    def predicting(self, params: Array, memory: Memory, network: Network) -> Array:
        """The parameters that predict, (runs, width), if without it `params` would."""
        return params

    def sampling(self, seeds: Sequence[int]) -> Sampling | None:
        """The random passes that a prediction is the mean of; None for one pass without randomness.

        Args:
            seeds: one for each run.
        """
        return None

    def normalizer(self, network: Network, params: Array, grads: Array, batch: int) -> Normalizer | None:
        """What normalizes the hidden layers of a workspace for so many rows."""
        return None


@dataclass
class Active:
    """A regularizer at work in a population.

    Args:
        entry: its settings, each number a column with one row for each run.
        memory: what it carries along.
    """

    entry: Regularizer
    memory: Memory

    def take(self, runs: Indices) -> "Active":
        """The same for these runs alone, between two epochs."""
        return Active(take(self.entry, runs), self.memory.take(runs))

    def overrides(self, hook: str) -> bool:
        """Whether the entry does anything there."""
        return getattr(type(self.entry), hook) is not getattr(Regularizer, hook)
