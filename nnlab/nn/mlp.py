"""The multilayer perceptron of a whole population: forward, and backward by the chain rule.

    z = W' h + b,  h = f(z)        for each layer, from the first to the last
    dL/dW = h (dL/dz)',  dL/dh = W dL/dz,  dL/dz = dL/dh * f'(z)        from the last to the first

Arrays are (runs, units, batch): one run's layer is one block of memory, and np.matmul makes one BLAS
call for each run, whose bits do not depend on the company it is in. Every layer's input carries a last
row of ones, and its weights (fan_in + 1, fan_out) the biases as their last row: the same two matrix
products then add the biases and sum up their gradient.

All parameters of a population are one buffer (runs, parameters); layers are views of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Protocol

import numpy as np

from nnlab.arrays import Array
from nnlab.nn.activation import Activation, Identity
from nnlab.nn.crew import ALONE, Crew, Piece
from nnlab.nn.initializers import Initializer
from nnlab.nn.losses import Loss
from nnlab.nn.outputs import Output
from nnlab.nn.slabs import Buffers, Part, Slab, cut


@dataclass(frozen=True)
class Normalization:
    """What batch normalization keeps of each hidden layer: views (runs, units, 1) of a buffer."""

    scale: list[Array]
    mean: list[Array]
    variance: list[Array]


class Normalizer(Protocol):
    """What normalizes the hidden layers of one workspace."""

    shift_grads: list[Array]

    def forward(self, i: int, z: Array, shift: Array) -> None: ...

    def backward(self, i: int, delta: Array) -> None: ...


@dataclass(frozen=True)
class Network:
    """What all runs of a population share.

    Args:
        sizes: units of each layer: features, hidden layers, outputs.
        activations: one for each hidden layer.
        dtype: float32 or float64.
        normalized: whether hidden layers are normalized: behind the layers, a buffer then holds the scale
            and the running mean and variance of every hidden unit.
    """

    sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    output: Output
    loss: Loss
    dtype: str = "float32"
    normalized: bool = False

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(fan_in + 1, fan_out) of each layer."""
        return [(fan_in + 1, fan_out) for fan_in, fan_out in zip(self.sizes, self.sizes[1:], strict=False)]

    @property
    def parameters(self) -> int:
        """How many numbers a run learns."""
        scales = sum(self.sizes[1:-1]) if self.normalized else 0
        return self.in_layers + scales

    @property
    def width(self) -> int:
        """How many numbers a buffer has for a run."""
        return self.in_layers + (3 * sum(self.sizes[1:-1]) if self.normalized else 0)

    @property
    def in_layers(self) -> int:
        """How many numbers of a buffer are weights and biases; they come first."""
        return sum(rows * columns for rows, columns in self.shapes)

    def layers(self, buffer: Array) -> list[Array]:
        """The layers of a buffer (runs, parameters): views (runs, fan_in + 1, fan_out), biases last."""
        views, start = [], 0
        for rows, columns in self.shapes:
            stop = start + rows * columns
            views.append(buffer[:, start:stop].reshape(len(buffer), rows, columns))
            start = stop
        return views

    def weights(self, buffer: Array) -> list[Array]:
        """The weights of each layer without its biases: views (runs, fan_in * fan_out).

        Flat, since NumPy copies a strided view of three axes before it adds to it.
        """
        return [
            layer.reshape(len(buffer), rows * columns)[:, :-columns]
            for layer, (rows, columns) in zip(self.layers(buffer), self.shapes, strict=True)
        ]

    def normalization(self, buffer: Array) -> Normalization:
        """Scale and running statistics of a buffer (runs, width)."""
        hidden, start = self.sizes[1:-1], self.in_layers
        groups: list[list[Array]] = []
        for _ in range(3):
            groups.append([])
            for units in hidden:
                groups[-1].append(buffer[:, start : start + units, np.newaxis])
                start += units
        return Normalization(*groups)

    def first_parameters(self, initializer: Initializer, rng: np.random.Generator) -> Array:
        """The first weights and biases of one run, shape (width,), float64."""
        blocks = []
        for (rows, columns), activation in zip(self.shapes, (*self.activations, Identity()), strict=True):
            blocks.append(initializer.weights(rng, rows - 1, columns, activation).ravel())
            blocks.append(initializer.biases(rng, rows - 1, columns))
        if self.normalized:
            units = sum(self.sizes[1:-1])
            blocks += [np.ones(units), np.zeros(units), np.ones(units)]
        return np.concatenate(blocks)


class Workspace:
    """The buffers of one forward and backward pass, so that the hot loop allocates nothing.

    Args:
        runs, batch: shape of what passes through.
        crew: who carries out the pieces of wide layers.
        dropout: whether hidden units will be masked.
        shifts: whether something will be added to masked units.
        weighted: whether some rows count more than others.

    `normalizer` may be set; it acts before each activation.
    """

    normalizer: Normalizer | None = None
    _layers: Sequence[Array] | None = None
    _kept: tuple[list[Array], list[Array]]

    def __init__(
        self,
        network: Network,
        runs: int,
        batch: int,
        dropout: bool = False,
        shifts: bool = False,
        weighted: bool = False,
        crew: Crew = ALONE,
    ) -> None:
        self.network = network
        self.batch = batch
        self._crew = crew
        dtype = np.dtype(network.dtype)
        features, *hidden, outputs = network.sizes

        def empty(*shape: int) -> Array:
            return np.empty(shape, dtype)

        self.x = empty(runs, batch, features + 1)  # rows as they stand in the data, a 1 at their end
        self.targets = empty(runs, batch, outputs)
        self.y = self.targets.transpose(0, 2, 1)
        self.row_weights = empty(runs, batch) if weighted else None
        self.inputs = [self.x.transpose(0, 2, 1)]  # what enters each layer, (runs, fan_in + 1, batch)
        self.inputs += [np.ones((runs, units + 1, batch), dtype) for units in hidden]
        self.masks = [empty(runs, units, batch) for units in hidden] if dropout else []
        self.shifts = [empty(runs, units, batch) for units in hidden] if shifts else []
        # h is what a layer passes on before dropout; without dropout that is what enters the next one.
        self._h = [
            empty(runs, units, batch) if dropout else entering
            for units, entering in zip(hidden, self.inputs[1:], strict=True)
        ]
        self._z = [
            np.ones_like(h) if activation.keeps_z else h
            for activation, h in zip(network.activations, self._h, strict=True)
        ]
        errors = [np.zeros_like(h) for h in self._h]
        self.h, self.z, deltas = (
            [whole[:, :units] for units, whole in zip(hidden, arrays, strict=True)]
            for arrays in (self._h, self._z, errors)
        )
        self.logits = empty(runs, outputs, batch)
        self.deltas = [*deltas, empty(runs, outputs, batch)]
        self.turned = [delta.transpose(0, 2, 1) for delta in self.deltas]
        self.row = empty(runs, 1, batch)
        self._share = np.array(1 / batch, dtype)
        pools = np.empty((3, max((whole.size for whole in self._h), default=0)), dtype)
        self._buffers = [
            Buffers(z, h, entering, delta, *(pool[: h.size].reshape(h.shape) for pool in pools))
            for z, h, entering, delta in zip(self._z, self._h, self.inputs[1:], errors, strict=True)
        ]
        self._cut_up(runs)

    def _cut_up(self, runs: int) -> None:
        """The parts of each layer's units on the way forward and back, and those of its gradient."""
        network, sizes = self.network, self.network.sizes
        work = [fan_in * fan_out * self.batch for fan_in, fan_out in pairwise(sizes)]

        def parts(rows: Sequence[int], work: Sequence[int]) -> list[list[Part]]:
            return [cut(runs, count, each, self._crew) for count, each in zip(rows, work, strict=True)]

        def slabs(i: int, parts: list[Part]) -> list[Slab]:
            given = network.activations[i], sizes[i + 1], self._buffers[i]
            return [Slab(*given, part) for part in parts]

        self._gradient = parts([units + 1 for units in sizes[:-1]], work)
        self._forth, back = parts(sizes[1:-1], work[:-1]), parts(sizes[1:-1], work[1:])
        self._up = [slabs(i, own) for i, own in enumerate(self._forth)]
        self._down = [self._up[i] if own == self._forth[i] else slabs(i, own) for i, own in enumerate(back)]
        below = [1, *map(len, self._down)]
        self._is_cut = [max(len(own), under) > 1 for own, under in zip(self._gradient, below, strict=True)]

    def forward(
        self, layers: Sequence[Array], masks: Sequence[Array] = (), shifts: Sequence[Array] = ()
    ) -> Array:
        """From x to the last pre-activation, shape (runs, outputs, batch).

        Args:
            masks: factors of the units of each hidden layer, (runs, units, batch); none when predicting.
            shifts: what is added to them after that.
        """
        turned, _ = self._views(layers)
        for i, layer in enumerate(layers[:-1]):
            mask, shift = masks[i] if masks else None, shifts[i] if shifts else None
            slabs = self._up[i]
            if self.normalizer is not None:
                self._forward_normalized(i, layer, mask, shift)
            elif len(slabs) == 1:
                slabs[0].forward(turned[i], self.inputs[i], mask, shift)
            else:
                given = turned[i], self.inputs[i], mask, shift
                self._crew.run([partial(slab.forward, *given) for slab in slabs])
        return np.matmul(turned[-1], self.inputs[-1], out=self.logits)

    def _views(self, layers: Sequence[Array]) -> tuple[list[Array], list[Array]]:
        """The layers turned, as the way forward needs them, and without their biases, for the way back.

        Kept for the next step, whose layers are the same: making them takes 3 % of a small net's step.
        """
        if layers is not self._layers:
            turned = [layer.transpose(0, 2, 1) for layer in layers]
            self._layers, self._kept = layers, (turned, [layer[:, :-1] for layer in layers])
        return self._kept

    def _forward_normalized(self, i: int, layer: Array, mask: Array | None, shift: Array | None) -> None:
        # Biases would be subtracted with the mean: they are added after it.
        assert self.normalizer is not None
        weights, inputs, z = layer[:, :-1].transpose(0, 2, 1), self.inputs[i][:, :-1], self.z[i]
        parts = self._forth[i]
        self._crew.run([partial(np.matmul, weights[part], inputs[part[0]], out=z[part]) for part in parts])
        self.normalizer.forward(i, z, layer[:, -1, :, np.newaxis])
        self._crew.run([partial(slab.activate, mask, shift) for slab in self._up[i]])

    def backward(self, layers: Sequence[Array], grads: Sequence[Array], masks: Sequence[Array] = ()) -> None:
        """The gradient of the batch's mean loss, after `forward`, written into `grads`."""
        delta, (_, weights) = self.deltas[-1], self._views(layers)
        self.network.loss.gradient(self.network.output, self.logits, self.y, delta, self.row)
        delta *= self._share
        if self.row_weights is not None:
            delta *= self.row_weights[:, np.newaxis]
        for i in range(len(layers) - 1, -1, -1):
            mask = masks[i - 1] if masks and i else None
            if self._is_cut[i]:
                self._crew.run(self._pieces(i, weights[i], grads[i], mask))
            else:
                np.matmul(self.inputs[i], self.turned[i], out=grads[i])
                if i > 0:
                    self._down[i - 1][0].backward(weights[i], self.deltas[i], mask)
            if self.normalizer is not None:
                if i < len(layers) - 1:
                    grads[i][:, -1] = self.normalizer.shift_grads[i][:, :, 0]
                if i > 0:
                    self.normalizer.backward(i - 1, self.deltas[i - 1])

    def _pieces(self, i: int, weights: Array, grad: Array, mask: Array | None) -> list[Piece]:
        """The gradient of layer i, counted from 0, and dL/dz of the layer below: neither needs the other."""
        below = self._down[i - 1] if i else []
        pieces: list[Piece] = [partial(slab.backward, weights, self.deltas[i], mask) for slab in below]
        for part in self._gradient[i]:
            pieces.append(partial(np.matmul, self.inputs[i][part], self.turned[i][part[0]], out=grad[part]))
        return pieces

    def slope(self, i: int) -> Array:
        """f'(z) of hidden layer i after `forward`, (runs, units, batch); the next call writes over it."""
        own = self._buffers[i]
        self.network.activations[i].f_prime(own.z, own.h, own.slope, own.scratch)
        slope: Array = own.slope[:, : self.network.sizes[i + 1]]
        return slope
