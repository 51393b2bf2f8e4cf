"""Evaluation: what a population achieves on a set of rows, in prediction mode.

Rows go through in blocks of a fixed size, so a run's bits depend on its rows alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.arrays import Array, Indices
from nnlab.data.features import Features
from nnlab.data.prepare import Prepared
from nnlab.data.selection import Selection
from nnlab.data.table import Task
from nnlab.mapped_rows import MappedRows
from nnlab.memory import available_memory
from nnlab.nn.activation import FLAT
from nnlab.nn.crew import ALONE, Crew
from nnlab.nn.masks import Masks
from nnlab.nn.mlp import Network, Workspace
from nnlab.nn.sampling import Sampling

SHARE_OF_MEMORY = 0.5  # of what is free: what a split may take before it stays in its file
BLOCK = 256  # rows: enough for fast matrix products, few enough for the cache


@dataclass(frozen=True)
class Rows:
    """One split of all data sets of a population, in the shape that training reads.

    Args:
        x: (data sets, rows, features + 1), the last column all ones; or what reads them from a file.
        targets: (data sets, rows, outputs); classes one-hot, or 0 and 1 for a single unit.
    """

    x: Array | MappedRows
    targets: Array

    def __len__(self) -> int:
        return int(self.x.shape[1])

    @property
    def flat(self) -> Array | MappedRows:
        """The rows of all data sets one below the other, to `take` some."""
        return self.x if isinstance(self.x, MappedRows) else self.x.reshape(-1, self.x.shape[2])

    @cached_property
    def labels(self) -> NDArray[Any]:
        """The true class of each row, (data sets, rows): its number, or of two whether it is the second."""
        outputs = self.targets.shape[2]
        return self.targets.argmax(axis=2) if outputs > 2 else self.targets[:, :, -1] > 0.5

    @classmethod
    def of(cls, network: Network, splits: Sequence[tuple[Features, Array]], task: Task) -> "Rows":
        """The rows of one split, given features and target of each data set."""
        x = _inputs(network, [features for features, _ in splits])
        targets = np.empty((*x.shape[:2], network.sizes[-1]), network.dtype)
        for i, (_, target) in enumerate(splits):
            if task == "regression":
                targets[i] = target
            elif network.sizes[-1] == 1:
                targets[i] = target[:, np.newaxis]
            else:
                targets[i] = np.equal.outer(target, np.arange(network.sizes[-1]))
        return cls(x, targets)


def _inputs(network: Network, sets: Sequence[Features]) -> Array | MappedRows:
    """The features of each data set: in memory, if they fit there or always were."""
    shape = (len(sets), len(sets[0]), network.sizes[0] + 1)
    mapped = [features for features in sets if isinstance(features, Selection)]
    size = math.prod(shape) * np.dtype(network.dtype).itemsize
    if len(mapped) == len(sets) and size > SHARE_OF_MEMORY * available_memory():
        return MappedRows(mapped)
    x = np.ones(shape, network.dtype)
    for own, features in zip(x, sets, strict=True):
        if isinstance(features, Selection):
            features.write(own[:, :-1])
        else:
            own[:, :-1] = features
    return x


@dataclass(frozen=True)
class Unit:
    """The target's own unit: mean + std times what a network learns, for each data set.

    Args:
        mean: (data sets, outputs); without outputs for classes.
        std: (data sets,).
    """

    mean: Array
    std: Array

    @classmethod
    def of(cls, sets: Sequence[Prepared]) -> "Unit":
        """The unit of each data set."""
        return cls(
            np.stack([data.target_mean for data in sets]), np.array([data.target_std for data in sets])
        )


class UnitShares:
    """How many hidden units are stuck where their activation is flat, told block by block of rows.

    Args:
        networks: how many pass by: the members of all runs.
        members: networks of each run, over which the mean is taken.
    """

    def __init__(self, network: Network, networks: int, members: int) -> None:
        self._members, self._units, self._rows = members, network.sizes[1:-1], 0
        self._slopes = [activation.slopes for activation in network.activations]
        self._saturating = [i for i, slope in enumerate(self._slopes) if slope.saturates]
        dying = [i for i, slope in enumerate(self._slopes) if slope.dies]
        self._alive = {i: np.zeros((networks, self._units[i]), bool) for i in dying}
        self._flat = np.zeros(networks)

    @property
    def watches(self) -> bool:
        """Whether the network has units that can get stuck."""
        return bool(self._alive or self._saturating)

    def see(self, space: Workspace) -> None:
        """Takes in a block of rows, after its forward pass."""
        self._rows += space.batch
        for i in {*self._alive, *self._saturating}:
            slope = space.slope(i)
            if i in self._alive:
                self._alive[i] |= (slope != 0).any(axis=2)
            if i in self._saturating:
                self._flat += (np.abs(slope) < FLAT * self._slopes[i].largest).sum(axis=(1, 2))

    def told(self) -> dict[str, Array]:
        """Each share, (runs,) float64; those that the network has, if there were rows.

        Returns:
            dead_units: the share of units whose slope f'(z) is 0 for every row, among those that can die.
            saturated_units: the share of (unit, row) pairs with a slope below 5 % of the largest, among
                units that saturate.
        """
        shares = {}
        if self._rows and self._alive:
            shares["dead_units"] = 1 - np.concatenate(list(self._alive.values()), axis=1).mean(axis=1)
        if self._rows and self._saturating:
            units = sum(self._units[i] for i in self._saturating)
            shares["saturated_units"] = self._flat / (self._rows * units)
        means = {name: share.reshape(-1, self._members).mean(axis=1) for name, share in shares.items()}
        return {name: np.asarray(mean) for name, mean in means.items()}


class Evaluator:
    """Measures a population on one split.

    Args:
        owner: which data set each run belongs to, (runs,).
        members: networks of each run, whose mean predicts; layers hold those of a run side by side.
        sampling: the random passes that a prediction is the mean of, if it is not one pass without.
        unit: of the target; by default as the network learns it.
        crew: who carries out the pieces of wide layers.
    """

    def __init__(
        self,
        network: Network,
        rows: Rows,
        owner: Indices,
        task: Task,
        members: int = 1,
        sampling: Sampling | None = None,
        unit: Unit | None = None,
        crew: Crew = ALONE,
    ) -> None:
        self.network, self.rows, self.owner, self.task = network, rows, owner, task
        self.members, self.sampling, self._crew = members, sampling, crew
        sets = len(rows.x)
        self.unit = unit or Unit(np.zeros((sets, network.sizes[-1])), np.ones(sets))
        self._member_owner = np.repeat(owner, members)
        self._starts = range(0, len(rows), BLOCK)
        widths = {min(BLOCK, len(rows) - start) for start in self._starts}
        self._workspaces = {
            width: Workspace(network, len(self._member_owner), width, dropout=sampling is not None, crew=crew)
            for width in widths
        }

    def take(self, runs: Indices) -> "Evaluator":
        """The evaluator of these runs alone."""
        sampling = self.sampling.take(rows_of(runs, self.members)) if self.sampling else None
        return Evaluator(
            self.network,
            self.rows,
            self.owner[runs],
            self.task,
            self.members,
            sampling,
            self.unit,
            self._crew,
        )

    def measure(self, layers: Sequence[Array], shares: UnitShares | None = None) -> dict[str, Array]:
        """Each measure of the task, (runs,) float64, in the target's own unit.

        Empty if the split has no rows.

        Args:
            shares: sees what passes through; not where predictions are means of random passes.
        """
        if len(self.rows) == 0:
            return {}
        loss = np.zeros(len(self.owner))
        correct = np.zeros(len(self.owner))
        squares = np.zeros((len(self.owner), self.network.sizes[-1]))
        masks = self._masks()
        for start in self._starts:
            space = self._forward(layers, start, masks)
            if shares is not None:
                shares.see(space)
            z, target = self._mean_of_members(space), space.y[:: self.members]
            loss += self.network.loss.of_rows(self.network.output, z, target).astype(np.float64).sum(axis=1)
            if self.task == "classification":
                labels = self.rows.labels[:, start : start + space.batch].take(self.owner, axis=0)
                correct += np.count_nonzero(_classes(z) == labels, axis=1)
            else:
                self.network.output.f(z, z, space.row)
                errors = np.ascontiguousarray(z - target, dtype=np.float64)
                squares += np.square(errors).sum(axis=2)
        count = len(self.rows)
        if self.task == "classification":
            return {"loss": loss / count, "accuracy": correct / count}
        unit = self.unit.std[self.owner]
        rmse = unit * np.sqrt(squares.mean(axis=1) / count)
        loss *= unit**self.network.loss.degree
        return {"loss": loss / count, "r2": self._r2(squares), "rmse": rmse}

    def unit_shares(self, layers: Sequence[Array]) -> dict[str, Array]:
        """What `UnitShares` tells of these rows; empty if the split has none."""
        shares = UnitShares(self.network, len(self._member_owner), self.members)
        if shares.watches:
            for start in self._starts:
                shares.see(self._forward(layers, start))
        return shares.told()

    def _mean_of_members(self, space: Workspace) -> Array:
        """The pre-activation whose output is the mean prediction of a run's members."""
        z, output = space.logits, self.network.output
        if self.members == 1:
            return z
        output.f(z, z, space.row)
        mean = z.reshape(-1, self.members, *z.shape[1:]).mean(axis=1)
        output.inverse(mean, mean)
        return np.asarray(mean)

    def predict(self, layers: Sequence[Array]) -> Array:
        """The predicted numbers in the target's own unit, or the last pre-activations, (runs, rows, outputs).

        For classes these stand before softmax or sigmoid: as float32, a probability close to 1 would have
        lost how far it is from 1.
        """
        z = np.empty((len(self.owner), len(self.rows), self.network.sizes[-1]), self.network.dtype)
        masks = self._masks()
        for start in self._starts:
            space = self._forward(layers, start, masks)
            mean = self._mean_of_members(space)
            if self.task == "regression":
                self.network.output.f(mean, mean, space.row)
            z[:, start : start + space.batch] = mean.transpose(0, 2, 1)
        if self.task == "regression":
            z *= self.unit.std[self.owner][:, np.newaxis, np.newaxis].astype(z.dtype)
            z += self.unit.mean[self.owner][:, np.newaxis]
        return z

    def _masks(self) -> Masks | None:
        """Of one evaluation, from the start."""
        if self.sampling is None or not self._workspaces:
            return None
        return self.sampling.masks(self.network.sizes[1:-1], max(self._workspaces))

    def _forward(self, layers: Sequence[Array], start: int, masks: Masks | None = None) -> Workspace:
        space = self._workspaces[min(BLOCK, len(self.rows) - start)]
        stop = start + space.batch
        # Data set by data set: fancy indexing would copy all rows before it selects.
        x = self.rows.x
        if isinstance(x, MappedRows):
            x.block(start, stop, self._member_owner, space.x)
        else:
            x[:, start:stop].take(self._member_owner, axis=0, out=space.x, mode="clip")
        self.rows.targets[:, start:stop].take(self._member_owner, axis=0, out=space.targets, mode="clip")
        if masks is not None and self.sampling is not None:
            self.sampling.forward(space, layers, masks)
            return space
        for mask in space.masks:
            mask[:] = 1
        space.forward(layers, space.masks)
        return space

    def _r2(self, squares: Array) -> Array:
        """1 - residual over total sum of squares, averaged over outputs; NaN where nothing varies."""
        spread = np.square(
            self.rows.targets - self.rows.targets.mean(axis=1, keepdims=True), dtype=np.float64
        )
        total = spread.sum(axis=1)[self.owner]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(total > 0, squares / total, np.nan)
        return np.asarray(1 - ratio.mean(axis=1))


def rows_of(runs: Indices, members: int) -> Indices:
    """Where the members of these runs stand in arrays that have a row for each member.

    >>> rows_of(np.array([0, 2]), 3)
    array([0, 1, 2, 6, 7, 8])
    """
    return np.asarray((runs[:, np.newaxis] * members + np.arange(members)).ravel())


def _classes(z: Array) -> NDArray[Any]:
    """The most likely class, as `Rows.labels` tells the true one; ties go to the first class."""
    if z.shape[1] == 1:
        return np.asarray(z[:, 0] > 0)
    return np.asarray(z[:, 1] > z[:, 0]) if z.shape[1] == 2 else z.argmax(axis=1)
