"""Batches: which training rows each network of a population sees in each step."""

from collections.abc import Iterator, Sequence

import numpy as np

from nnlab.arrays import Indices
from nnlab.streams import stream

Key = tuple[int, int]  # the seed of a run, and the number of its member


class Batches:
    """The order of the training rows, new in every epoch; networks of one seed share it.

    Args:
        keys: seed and member of each network.
        owner: which data set each network learns from, (networks,).
        rows: training rows of a data set.
        size: rows in a step; the last step of an epoch may have fewer.
        bags: rows that each network has drawn with replacement, (networks, rows); None: all of them.
    """

    def __init__(
        self, keys: Sequence[Key], owner: Indices, rows: int, size: int, bags: Indices | None = None
    ) -> None:
        self._keys, self._rows, self._size, self._bags = list(keys), rows, size, bags
        self._start = owner[:, np.newaxis] * rows
        self._shuffles = {key: stream(key[0], "batches", key[1]) for key in self._keys}

    @property
    def generators(self) -> list[np.random.Generator]:
        """The random generator of each network; those of one seed have one."""
        return [self._shuffles[key] for key in self._keys]

    def epoch(self) -> Iterator[Indices]:
        """The rows of each step, (networks, batch), counted through all data sets."""
        if self._size == self._rows:  # one batch: its order would change nothing
            yield self._start + (np.arange(self._rows) if self._bags is None else self._bags)
            return
        orders = {key: rng.permutation(self._rows) for key, rng in self._shuffles.items()}
        order = np.stack([orders[key] for key in self._keys])
        if self._bags is not None:
            order = np.take_along_axis(self._bags, order, axis=1)
        order += self._start
        for first in range(0, self._rows, self._size):
            yield np.ascontiguousarray(order[:, first : first + self._size])

    def take(self, networks: Indices) -> "Batches":
        """The batches of these networks alone, between two epochs."""
        other = object.__new__(Batches)
        other._keys = [self._keys[i] for i in networks]
        other._rows, other._size = self._rows, self._size
        other._bags = None if self._bags is None else self._bags[networks]
        other._start = self._start[networks]
        other._shuffles = {key: self._shuffles[key] for key in other._keys}
        return other


def draw_bags(keys: Sequence[Key], rows: int) -> Indices:
    """Training rows that each network draws with replacement, (networks, rows).

    Args:
        keys: data seed and member of each network.
    """
    streams = [stream(seed, "resample", member) for seed, member in keys]
    return np.stack([rng.integers(0, rows, rows).astype(np.intp) for rng in streams])
