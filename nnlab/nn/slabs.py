"""Slabs: the parts that a hidden layer is cut into, each of them a piece of work for one thread.

A slab is some units of one run, or some runs; what it computes are rows of the products of the whole
layer, so no sum is cut. Where a layer is cut between units is decided by shapes alone, for one thread as
for many. Layers that are too small to share are one slab.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nnlab.arrays import Array, Scratch
from nnlab.nn.activation import Activation, Identity
from nnlab.nn.crew import Crew

LEAST_UNITS = 512  # of a layer that is cut: BLAS packs one factor of a product anew for each slab
SLAB_UNITS = 512
LEAST_WORK = 1 << 24  # multiplications of a product that is cut, about 150 microseconds
# BLAS computes rows in groups of 4 to 48. Cut between groups, a product has the bits of the whole one.
GROUP = 48

Part = tuple[slice, slice]  # runs, units
WHOLE: Part = (slice(None), slice(None))


def cut_units(units: int, work: int) -> list[slice]:
    """The parts of one run's layer: an even number, so that two cores have the same to do.

    Args:
        units: rows of the product.
        work: multiplications that it takes.

    >>> cut_units(1024, 1 << 27)
    [slice(0, 528, None), slice(528, 1024, None)]
    >>> cut_units(1024, 1 << 20)
    [slice(None, None, None)]
    """
    if units < LEAST_UNITS or work < LEAST_WORK:
        return [slice(None)]
    count = 2 * max(1, round(units / (2 * SLAB_UNITS)))
    inner = [GROUP * round(units * i / (count * GROUP)) for i in range(1, count)]
    return [slice(start, stop) for start, stop in pairwise([0, *inner, units])]


def cut(runs: int, units: int, work: int, crew: Crew) -> list[Part]:
    """The parts of a layer of all runs.

    Runs are shared out only if there are threads for it, since their company changes no bit.

    Args:
        work: multiplications that the product of one run takes.
    """
    own = cut_units(units, work)
    if len(own) > 1:
        return [(slice(run, run + 1), part) for run in range(runs) for part in own]
    count = min(runs, runs * work // LEAST_WORK) if crew.threads > 1 else 1
    if count < 2:
        return [WHOLE]
    edges = [runs * i // count for i in range(count + 1)]
    return [(slice(start, stop), slice(None)) for start, stop in pairwise(edges)]


@dataclass(frozen=True)
class Buffers:
    """The arrays of a hidden layer, (runs, units + 1, batch) each, the last row for ones.

    NumPy copies arrays with gaps, so an elementwise pass over a whole layer takes that row along.
    """

    z: Array
    h: Array
    entering: Array  # the next layer: h, or what dropout leaves of it
    delta: Array
    slope: Array
    spare: Array
    other: Array

    @property
    def scratch(self) -> Scratch:
        return self.spare, self.other


class Slab:
    """One part of a hidden layer, and its passes.

    Args:
        units: of the whole layer.
        buffers: of the whole layer.
        part: which runs and which units; `WHOLE` is all of them.
    """

    def __init__(self, activation: Activation, units: int, buffers: Buffers, part: Part) -> None:
        runs, own = self._part = part
        self._is_whole = part == WHOLE
        self._activation = None if isinstance(activation, Identity) else activation
        alone = slice(units) if own == slice(None) else own  # without the row of ones
        self._z, self._h, self._delta, self._slope = (
            array[part] for array in (buffers.z, buffers.h, buffers.delta, buffers.slope)
        )
        self._scratch = buffers.scratch[0][part], buffers.scratch[1][part]
        self._product, self._error = buffers.z[runs, alone], buffers.delta[runs, alone]
        self._passed, self._entering = buffers.h[runs, alone], buffers.entering[runs, alone]
        has_ones = own == slice(None) and not activation.keeps_ones
        self._ones = buffers.entering[runs, units] if has_ones else None

    def forward(self, weights: Array, inputs: Array, mask: Array | None, shift: Array | None) -> None:
        """z = W'h of its units, and what the next layer sees of them.

        Args:
            weights: of the whole layer, (runs, units, fan_in + 1).
            inputs: (runs, fan_in + 1, batch).
            mask: factors of the units of the layer, (runs, units, batch).
            shift: what is added to them after that.
        """
        if not self._is_whole:
            weights, inputs = weights[self._part], inputs[self._part[0]]
        np.matmul(weights, inputs, out=self._product)
        self.activate(mask, shift)

    def activate(self, mask: Array | None, shift: Array | None) -> None:
        """The second half of `forward`, after the product."""
        if self._activation is not None:
            self._activation.f(self._z, self._h, self._scratch)
            if self._ones is not None:
                self._ones.fill(1)
        if mask is not None:
            np.multiply(self._passed, self._own(mask), out=self._entering)
        if shift is not None:
            entering = self._entering
            entering += self._own(shift)

    def backward(self, weights: Array, delta: Array, mask: Array | None) -> None:
        """dL/dz of its units, from that of the next layer.

        Args:
            weights: of the next layer, (runs, units, fan_out).
            delta: dL/dz of the next layer, (runs, fan_out, batch).
            mask: as it was on the way forward.
        """
        if not self._is_whole:
            weights, delta = weights[self._part], delta[self._part[0]]
        np.matmul(weights, delta, out=self._error)
        if mask is not None:
            error = self._error
            error *= self._own(mask)
        if self._activation is not None:
            self._activation.f_prime(self._z, self._h, self._slope, self._scratch)
            whole = self._delta
            whole *= self._slope

    def _own(self, array: Array) -> Array:
        return array if self._is_whole else array[self._part]
