"""What an activation is: an elementwise function, its derivative, and the first weights that suit it.

Without a non-linear activation a stack of layers is one linear layer. Going back through a layer,
the chain rule multiplies the gradient by the derivative f'(z).

Everything works in place on buffers of the caller, since these functions are the hot loop:

    f(z, out, scratch)           out <- f(z)
    f_prime(z, h, out, scratch)  out <- f'(z), where h = f(z)

Most derivatives are cheap to tell from h; then f may write over z, which `f_prime` never reads.
`keeps_z` marks the rest, for which z, h and out are different buffers. `scratch` is two more of
the same shape.
"""

import functools
import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from nnlab.arrays import Array, Scratch

FLAT = 0.05  # of the largest slope: below it, hardly any gradient comes through


class Slopes(NamedTuple):
    """What the derivative of an activation is like far away from 0 and near it.

    Args:
        largest: the largest |f'(z)|.
        saturates: whether f is steep around 0 and flat far away on both sides, as sigmoid and tanh are.
        dies: whether f' is exactly 0 on a whole stretch of z, as left of 0 for relu: a unit that is
            there for every row gets no gradient any more.
    """

    largest: float
    saturates: bool
    dies: bool


@dataclass(frozen=True)
class Activation:
    """What every activation has.

    `initializer` names the first weights that suit it, `gain` their scale. For the `he` family the
    gain is 1 / sqrt(E f(z)^2) for z ~ N(0, 1): with weights of standard deviation gain / sqrt(fan_in)
    a z of mean square 1 gives the next layer's z mean square 1, too (He et al., 2015).
    """

    name: ClassVar[str]
    initializer: ClassVar[str] = "glorot"
    keeps_z: ClassVar[bool] = False

    @property
    def gain(self) -> float:
        return _gain(self) if self.initializer == "he" else 1.0

    @property
    def keeps_ones(self) -> bool:
        """Whether f(1) is 1: then a row of ones goes through as it is, and need not be set again."""
        return _keeps_ones(self)

    @property
    def slopes(self) -> Slopes:
        """Told by f' itself, so that an entry need not say it."""
        return _slopes(self)

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        raise NotImplementedError

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        raise NotImplementedError


@functools.cache
def _keeps_ones(activation: Activation) -> bool:
    z, h, scratch = np.ones(1), np.empty(1), (np.empty(1), np.empty(1))
    activation.f(z, h if activation.keeps_z else z, scratch)
    return bool((h if activation.keeps_z else z)[0] == 1)


@functools.cache
def _gain(activation: Activation) -> float:
    z = np.linspace(-12, 12, 24_001)  # the trapezoid rule is exact to 1e-8 here, kinks included
    h, scratch = np.empty_like(z), (np.empty_like(z), np.empty_like(z))
    activation.f(z, h, scratch)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return float(1 / math.sqrt(np.trapezoid(h**2 * density, z)))


@functools.cache
def _slopes(activation: Activation) -> Slopes:
    # Near 0 closely, to see stretches without slope; and two points where every squashing f is flat.
    z = np.concatenate([[-100.0], np.linspace(-5, 5, 1001), [100.0]])
    h, slope, scratch = np.empty_like(z), np.empty_like(z), (np.empty_like(z), np.empty_like(z))
    activation.f(z, h if activation.keeps_z else z, scratch)
    activation.f_prime(z, h if activation.keeps_z else z, slope, scratch)
    size = np.abs(slope)
    largest = float(size.max())
    flat = size[[0, -1]] < FLAT * largest
    none = size[1:-1] == 0
    return Slopes(
        largest=largest,
        saturates=bool(flat.all() and size[len(z) // 2] > largest / 2),
        dies=bool((none[1:] & none[:-1]).any()),  # one point alone is a turning point
    )


@dataclass(frozen=True)
class Identity(Activation):
    """f(x) = x; f'(x) = 1. Layers of it compose to one linear layer."""

    name = "identity"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.copyto(out, z)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        out.fill(1)
