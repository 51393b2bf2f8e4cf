"""Normal numbers for each run, drawn for many steps at once."""

import numpy as np

from nnlab.arrays import Array, Indices
from nnlab.nn.regularizer import Generators

CHUNK_BYTES = 1 << 20  # numbers held at a time


class Normals:
    """A stream of standard normal numbers for every run of a population.

    Args:
        count: how many a run needs in a step.
        generators: one for each run.
        dtype: float32 or float64.
    """

    def __init__(self, count: int, generators: Generators, dtype: str) -> None:
        self.generators = generators
        self._dtype = np.dtype(dtype)
        self._held = np.empty((len(generators), 0, count), self._dtype)
        self._next = 0

    def next(self, steps_left: int) -> Array:
        """The numbers of the next step, (runs, count); they may be written over.

        Args:
            steps_left: steps up to the end of the epoch, this one included: no number is drawn beyond
                it, so between epochs the generators alone are the state of the stream.
        """
        runs, steps, count = self._held.shape
        if self._next == steps:
            steps = min(steps_left, max(1, CHUNK_BYTES // (runs * count * self._dtype.itemsize)))
            self._held = np.empty((runs, steps, count), self._dtype)
            for row, generator in zip(self._held, self.generators, strict=True):
                generator.standard_normal(dtype=self._dtype, out=row)
            self._next = 0
        self._next += 1
        return self._held[:, self._next - 1]

    def take(self, runs: Indices) -> "Normals":
        """The stream of these runs alone, between two epochs."""
        generators = [self.generators[run] for run in runs]
        return Normals(self._held.shape[2], generators, self._dtype.name)
