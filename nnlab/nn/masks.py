"""Dropout masks: from the raw random bits of each run to 0 or 1/(1 - p).

Random numbers are most of what dropout costs. So each run's generator is asked for raw 64-bit words,
for many steps at once; each word gives four 16-bit integers, and a unit is dropped where its integer
is below p * 65536.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.arrays import Array, Indices
from nnlab.nn.stacking import factor

LEVELS = 1 << 16
CHUNK_BYTES = 4 << 20  # raw words held at a time


class Masks:
    """The stream of dropout masks of a population.

    Args:
        p: chance of dropping, (runs, 1), or (runs, layers) if each layer has its own.
        units: width of each hidden layer.
        batch: rows of a full batch; a smaller last batch uses the first part of a full one's bits.
        generators: one for each run.
    """

    def __init__(
        self, p: Array, units: Sequence[int], batch: int, generators: Sequence[np.random.Generator]
    ) -> None:
        threshold = np.clip(np.round(p * LEVELS), 0, LEVELS - 1)
        columns = np.broadcast_to(threshold, (len(p), len(units)))
        self._thresholds = [column[:, np.newaxis].astype(np.uint16) for column in columns.T]
        self._scales = [LEVELS / (LEVELS - column[:, np.newaxis]) for column in columns.T]
        self.generators = generators
        self._words = [-(-count * batch // 4) for count in units]
        self._raw = np.empty((len(p), 0, sum(self._words) * 4), np.uint16)
        self._next = 0

    def fill(self, masks: Sequence[Array], steps_left: int) -> None:
        """The masks of the next step, written into one array (runs, units, batch) for each layer.

        Args:
            steps_left: steps up to the end of the epoch, this one included: no bits are drawn beyond
                it, so between epochs the generators alone are the state of the stream.
        """
        if not masks:
            return
        if self._next == self._raw.shape[1]:
            self._draw(steps_left)
        start = 0
        layers = zip(self._words, self._thresholds, self._scales, masks, strict=True)
        for words, threshold, scale, mask in layers:
            runs, units, batch = mask.shape
            bits = self._raw[:, self._next, start : start + units * batch]
            flat = mask.reshape(runs, units * batch)
            np.greater_equal(bits, threshold, out=flat, casting="unsafe")
            flat *= factor(scale, flat)
            start += words * 4
        self._next += 1

    def take(self, runs: Indices) -> "Masks":
        """The stream of these runs alone, between two epochs."""
        other = object.__new__(Masks)
        other._thresholds = [threshold[runs] for threshold in self._thresholds]
        other._scales = [scale[runs] for scale in self._scales]
        other.generators = [self.generators[run] for run in runs]
        other._words = self._words
        other._raw = self._raw[runs, :0]
        other._next = 0
        return other

    def _draw(self, steps_left: int) -> None:
        runs, words = len(self.generators), sum(self._words)
        steps = min(steps_left, max(1, CHUNK_BYTES // (runs * words * 8)))
        raw = np.empty((runs, steps * words), np.uint64)
        drawn: dict[str, NDArray[np.uint64]] = {}
        for row, generator in zip(raw, self.generators, strict=True):
            bits: Any = generator.bit_generator
            state = str(bits.state)
            if state in drawn:  # of the same seed: copying is much faster than drawing again
                row[:] = drawn[state]
                bits.advance(steps * words)
            else:
                row[:] = bits.random_raw(steps * words)
                drawn[state] = row
        self._raw = raw.view(np.uint16).reshape(runs, steps, words * 4)
        self._next = 0
