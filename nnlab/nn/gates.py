"""Gates: z times a share of it that grows from 0 to 1."""

import math
from dataclasses import dataclass

import numpy as np

from nnlab.arrays import Array, Scratch
from nnlab.nn.activation import Activation
from nnlab.nn.elementwise import sigmoid

# erf(x) = x P(x^2) / Q(x^2) to within 4e-7 for |x| up to ERF_END, where it is 1 in float32; highest powers
# first. The coefficients are those of Eigen and XLA (https://github.com/openxla/xla, ErfImpl32).
ERF_END = 3.832506856900711
ERF_P = (
    0.00022905065861350646,
    0.0034082910107109506,
    0.050955695062380861,
    0.18520832239976145,
    1.128379143519084,
)
ERF_Q = (
    -1.1791602954361697e-7,
    0.000023547966471313185,
    0.0010179625278914885,
    0.014070470171167667,
    0.11098505178285362,
    0.49746925110067538,
    1.0,
)


def _normal_distribution(z: Array, out: Array, scratch: Scratch) -> None:
    """out <- Phi(z) = (1 + erf(z / sqrt(2))) / 2."""
    np.multiply(z, math.sqrt(0.5), out=out)
    if out.dtype == np.float32:
        _erf(out, scratch)
    else:
        from scipy.special import erf  # seven times slower, and 100 ms to import

        erf(out, out=out)
    out += 1
    out *= 0.5


def _erf(x: Array, scratch: Scratch) -> None:
    square, sum_ = scratch
    np.clip(x, -ERF_END, ERF_END, out=x)
    np.multiply(x, x, out=square)
    _polynomial(ERF_Q, square, sum_)
    x /= sum_
    _polynomial(ERF_P, square, sum_)
    x *= sum_


def _polynomial(coefficients: tuple[float, ...], x: Array, out: Array) -> None:
    first, second, *others = coefficients
    np.multiply(x, first, out=out)
    out += second
    for coefficient in others:
        out *= x
        out += coefficient


@dataclass(frozen=True)
class Gelu(Activation):
    """f(x) = x Phi(x), Phi the normal distribution; f' = Phi(x) + x phi(x) (Hendrycks, Gimpel, 2016)."""

    name = "gelu"
    initializer = "he"
    keeps_z = True

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        _normal_distribution(z, out, scratch)
        out *= z

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        _normal_distribution(z, out, scratch)
        density, _ = scratch
        np.multiply(z, z, out=density)
        density *= -0.5
        np.exp(density, out=density)
        density *= z
        density *= 1 / math.sqrt(2 * math.pi)
        out += density


@dataclass(frozen=True)
class GeluTanh(Activation):
    """f(x) = x (1 + T) / 2, T = tanh(sqrt(2/pi) (x + 0.044715 x^3)): gelu to within 5e-4, and faster.

    f' = (1 + T) / 2 + x (1 - T^2) sqrt(2/pi) (1 + 3 * 0.044715 x^2) / 2.
    """

    name = "gelu_tanh"
    initializer = "he"
    keeps_z = True

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        self._tanh(z, out)
        out += 1
        out *= z
        out *= 0.5

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        t, inner = scratch
        self._tanh(z, t)
        np.multiply(z, z, out=inner)
        inner *= 3 * 0.044715
        inner += 1
        inner *= z
        inner *= math.sqrt(2 / math.pi) / 2
        np.multiply(t, t, out=out)
        np.subtract(1, out, out=out)
        out *= inner
        t += 1
        t *= 0.5
        out += t

    @staticmethod
    def _tanh(z: Array, out: Array) -> None:
        np.multiply(z, z, out=out)
        out *= 0.044715
        out += 1
        out *= z
        out *= math.sqrt(2 / math.pi)
        np.tanh(out, out=out)


@dataclass(frozen=True)
class Silu(Activation):
    """f(x) = x s(x), s the sigmoid, also called swish; f' = s + f (1 - s) (Elfwing et al., 2017)."""

    name = "silu"
    initializer = "he"
    keeps_z = True

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        sigmoid(z, out)
        out *= z

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        rest, _ = scratch
        sigmoid(z, out)
        np.subtract(1, out, out=rest)
        rest *= h
        out += rest


@dataclass(frozen=True)
class Mish(Activation):
    """f(x) = x T, T = tanh(softplus(x)); f' = T + s (x - f T), s the sigmoid (Misra, 2019).

    T = n / (n + 2), n = e^x (e^x + 2): one exponential instead of three functions.
    """

    name = "mish"
    initializer = "he"
    keeps_z = True

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        self._tanh(z, out, scratch[0])
        out *= z

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        slope, share = scratch
        self._tanh(z, out, slope)
        np.multiply(h, out, out=slope)
        np.subtract(z, slope, out=slope)
        sigmoid(z, share)
        slope *= share
        out += slope

    @staticmethod
    def _tanh(z: Array, out: Array, n: Array) -> None:
        np.minimum(z, 20, out=out)  # where T is 1 already; the square of e^44 would overflow
        np.exp(out, out=out)
        np.add(out, 2, out=n)
        n *= out
        np.add(n, 2, out=out)
        np.divide(n, out, out=out)


@dataclass(frozen=True)
class HardSwish(Activation):
    """f(x) = x min(max(0, x/6 + 1/2), 1); f' = 0, x/3 + 1/2 where |x| < 3, 1 (Howard et al., 2019)."""

    name = "hard_swish"
    initializer = "he"
    keeps_z = True

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.multiply(z, 1 / 6, out=out)
        out += 0.5
        np.clip(out, 0, 1, out=out)
        out *= z

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        inside, above = scratch
        np.abs(z, out=above)
        np.less(above, 3, out=inside, casting="unsafe")
        np.greater_equal(z, 3, out=above, casting="unsafe")
        np.multiply(z, 1 / 3, out=out)
        out += 0.5
        out *= inside
        out += above
