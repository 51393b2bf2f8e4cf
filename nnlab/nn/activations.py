"""Activations: elementwise functions, their derivatives, and the first weights that suit them.

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
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from annotated_types import Gt

from nnlab.arrays import Array, Scratch
from nnlab.registry import Expected, NonNegative, Positive, table

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


def _sigmoid(z: Array, out: Array) -> None:
    # By tanh: it cannot overflow, and NumPy has a vector version of it.
    np.multiply(z, 0.5, out=out)
    np.tanh(out, out=out)
    out *= 0.5
    out += 0.5


def _softplus(z: Array, out: Array, rest: Array) -> None:
    """out <- log(1 + e^z) = max(z, 0) + log(1 + e^-|z|); fifteen times faster than logaddexp."""
    np.abs(z, out=rest)
    np.negative(rest, out=rest)
    np.exp(rest, out=rest)
    np.log1p(rest, out=rest)
    _positive_part(z, out)
    out += rest


@functools.lru_cache(32)
def _zeros(shape: tuple[int, ...], dtype: str) -> Array:
    # Against an array NumPy's maximum is four times faster than against a number. Only ever read,
    # so it is the system's one page of zeros again and again and takes next to no memory.
    return np.zeros(shape, dtype)


def _positive_part(z: Array, out: Array) -> None:
    np.maximum(z, _zeros(z.shape, z.dtype.char), out=out)


def _negative_part(z: Array, out: Array) -> None:
    np.minimum(z, _zeros(z.shape, z.dtype.char), out=out)


def _where_positive(h: Array, out: Array) -> None:
    np.greater(h, _zeros((), h.dtype.char), out=out, casting="unsafe")  # as 0.0 and 1.0


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
class Identity(Activation):
    """f(x) = x; f'(x) = 1. Layers of it compose to one linear layer."""

    name = "identity"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.copyto(out, z)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        out.fill(1)


@dataclass(frozen=True)
class Sigmoid(Activation):
    """f(x) = 1 / (1 + exp(-x)); f' = f (1 - f), at most 1/4: deep stacks of it learn slowly."""

    name = "sigmoid"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        _sigmoid(z, out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.subtract(1, h, out=out)
        out *= h


@dataclass(frozen=True)
class Tanh(Activation):
    """f(x) = tanh(x); f' = 1 - f^2."""

    name = "tanh"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.tanh(z, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.multiply(h, h, out=out)
        np.subtract(1, out, out=out)


@dataclass(frozen=True)
class Relu(Activation):
    """f(x) = max(0, x); f' = 1 where x > 0, otherwise 0 (at 0 too)."""

    name = "relu"
    initializer = "he"
    gain = math.sqrt(2)

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        _positive_part(z, out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        _where_positive(h, out)


@dataclass(frozen=True)
class LeakyRelu(Activation):
    """f(x) = x where x > 0, otherwise slope * x; f' = 1 or slope (Maas et al., 2013).

    Args:
        slope: steepness below 0; 0.01 as in PyTorch and JAX.
    """

    name = "leaky_relu"
    initializer = "he"
    slope: NonNegative = 0.01

    @property
    def gain(self) -> float:
        return math.sqrt(2 / (1 + self.slope**2))

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        low, _ = scratch
        _negative_part(z, low)
        low *= self.slope
        _positive_part(z, out)
        out += low

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        _where_positive(h, out)
        out *= 1 - self.slope
        out += self.slope


@dataclass(frozen=True)
class Relu6(Activation):
    """f(x) = min(max(0, x), 6); f' = 1 where 0 < x < 6, otherwise 0."""

    name = "relu6"
    initializer = "he"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.clip(z, 0, 6, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        below, _ = scratch
        np.less(h, 6, out=below, casting="unsafe")
        _where_positive(h, out)
        out *= below


@dataclass(frozen=True)
class Elu(Activation):
    """f(x) = x where x > 0, otherwise alpha (exp(x) - 1); f' = 1 or f + alpha (Clevert et al., 2016).

    Args:
        alpha: the value at minus infinity is -alpha.
    """

    name = "elu"
    initializer = "he"
    alpha: Positive = 1.0

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        low, _ = scratch
        _negative_part(z, low)
        np.expm1(low, out=low)
        low *= self.alpha
        _positive_part(z, out)
        out += low

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        above, _ = scratch
        _where_positive(h, above)
        above *= 1 - self.alpha
        _negative_part(h, out)
        out += self.alpha
        out += above


@dataclass(frozen=True)
class Celu(Activation):
    """f(x) = max(0, x) + min(0, alpha (exp(x / alpha) - 1)); f' = 1 or exp(x / alpha) (Barron, 2017).

    Args:
        alpha: the value at minus infinity is -alpha.
    """

    name = "celu"
    initializer = "he"
    alpha: Positive = 1.0

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        low, _ = scratch
        _negative_part(z, low)
        low *= 1 / self.alpha
        np.expm1(low, out=low)
        low *= self.alpha
        _positive_part(z, out)
        out += low

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        _negative_part(h, out)
        out *= 1 / self.alpha
        out += 1


@dataclass(frozen=True)
class Selu(Activation):
    """f(x) = l x where x > 0, otherwise l a (exp(x) - 1); f' = l or f + l a (Klambauer et al., 2017).

    l = 1.0507..., a = 1.6732...: with LeCun weights mean 0 and variance 1 are a fixed point.
    """

    name = "selu"
    initializer = "lecun"
    scale: ClassVar[float] = 1.0507009873554804934193349852946
    alpha: ClassVar[float] = 1.6732632423543772848170429916717

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        low, _ = scratch
        _negative_part(z, low)
        np.expm1(low, out=low)
        low *= self.scale * self.alpha
        _positive_part(z, out)
        out *= self.scale
        out += low

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        above, _ = scratch
        _where_positive(h, above)
        above *= self.scale - self.scale * self.alpha
        _negative_part(h, out)
        out += self.scale * self.alpha
        out += above


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
        _sigmoid(z, out)
        out *= z

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        rest, _ = scratch
        _sigmoid(z, out)
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
        slope, sigmoid = scratch
        self._tanh(z, out, slope)
        np.multiply(h, out, out=slope)
        np.subtract(z, slope, out=slope)
        _sigmoid(z, sigmoid)
        slope *= sigmoid
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
class Softplus(Activation):
    """f(x) = log(1 + exp(x)); f' = the sigmoid = 1 - exp(-f)."""

    name = "softplus"
    initializer = "he"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        _softplus(z, out, scratch[0])

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.negative(h, out=out)
        np.expm1(out, out=out)
        np.negative(out, out=out)


@dataclass(frozen=True)
class Softsign(Activation):
    """f(x) = x / (1 + |x|); f' = 1 / (1 + |x|)^2 = (1 - |f|)^2."""

    name = "softsign"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        size, _ = scratch
        np.abs(z, out=size)
        size += 1
        np.divide(z, size, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.abs(h, out=out)
        np.subtract(1, out, out=out)
        np.multiply(out, out, out=out)


@dataclass(frozen=True)
class HardSigmoid(Activation):
    """f(x) = min(max(0, x/6 + 1/2), 1); f' = 1/6 where |x| < 3, otherwise 0."""

    name = "hard_sigmoid"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.multiply(z, 1 / 6, out=out)
        out += 0.5
        np.clip(out, 0, 1, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        below, _ = scratch
        np.less(h, 1, out=below, casting="unsafe")
        _where_positive(h, out)
        out *= below
        out *= 1 / 6


@dataclass(frozen=True)
class HardTanh(Activation):
    """f(x) = min(max(-1, x), 1); f' = 1 where |x| < 1, otherwise 0."""

    name = "hard_tanh"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.clip(z, -1, 1, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        size, _ = scratch
        np.abs(h, out=size)
        np.less(size, 1, out=out, casting="unsafe")


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


@dataclass(frozen=True)
class LogSigmoid(Activation):
    """f(x) = log(s(x)) = -log(1 + exp(-x)), s the sigmoid; f' = 1 - s(x) = 1 - exp(f)."""

    name = "log_sigmoid"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.negative(z, out=out)
        _softplus(out, out, scratch[0])
        np.negative(out, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.expm1(h, out=out)
        np.negative(out, out=out)


@dataclass(frozen=True)
class Tanhshrink(Activation):
    """f(x) = x - tanh(x); f' = tanh(x)^2."""

    name = "tanhshrink"
    keeps_z = True

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.tanh(z, out=out)
        np.subtract(z, out, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.subtract(z, h, out=out)
        np.multiply(out, out, out=out)


@dataclass(frozen=True)
class Squareplus(Activation):
    """f(x) = (x + sqrt(x^2 + b)) / 2; f' = f^2 / (f^2 + b/4) (Barron, 2021).

    Args:
        b: width of the bend; f(0) = sqrt(b) / 2.
    """

    name = "squareplus"
    initializer = "he"
    keeps_z = True
    b: Positive = 4.0

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.multiply(z, z, out=out)
        out += self.b
        np.sqrt(out, out=out)
        out += z
        out *= 0.5

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        root, _ = scratch  # (1 + x / sqrt(x^2 + b)) / 2: squares of f lose digits below 0
        np.multiply(z, z, out=root)
        root += self.b
        np.sqrt(root, out=root)
        np.divide(z, root, out=out)
        out += 1
        out *= 0.5


@dataclass(frozen=True)
class Softshrink(Activation):
    """f(x) = x - t where x > t, x + t where x < -t, otherwise 0; f' = 1 where |x| > t, otherwise 0.

    Args:
        threshold: t.
    """

    name = "softshrink"
    threshold: NonNegative = 0.5

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        inner, _ = scratch
        np.clip(z, -self.threshold, self.threshold, out=inner)
        np.subtract(z, inner, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.not_equal(h, 0, out=out, casting="unsafe")


@dataclass(frozen=True)
class Hardshrink(Activation):
    """f(x) = x where |x| > t, otherwise 0; f' = 1 where |x| > t, otherwise 0.

    Args:
        threshold: t.
    """

    name = "hardshrink"
    threshold: Annotated[float, Gt(0), Expected("a number above 0")] = 0.5

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        size, outside = scratch
        np.abs(z, out=size)
        np.greater(size, self.threshold, out=outside, casting="unsafe")
        np.multiply(z, outside, out=out)

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.not_equal(h, 0, out=out, casting="unsafe")


@dataclass(frozen=True)
class SparsePlus(Activation):
    """f(x) = 0, (x + 1)^2 / 4 where |x| < 1, x; f' = sparse_sigmoid(x)."""

    name = "sparse_plus"
    initializer = "he"
    keeps_z = True

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        above, _ = scratch
        np.subtract(z, 1, out=above)
        _positive_part(above, above)
        np.clip(z, -1, 1, out=out)
        out += 1
        np.multiply(out, out, out=out)
        out *= 0.25
        out += above

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        np.clip(z, -1, 1, out=out)
        out += 1
        out *= 0.5


@dataclass(frozen=True)
class SparseSigmoid(Activation):
    """f(x) = min(max(0, (x + 1) / 2), 1); f' = 1/2 where |x| < 1, otherwise 0."""

    name = "sparse_sigmoid"

    def f(self, z: Array, out: Array, scratch: Scratch) -> None:
        np.clip(z, -1, 1, out=out)
        out += 1
        out *= 0.5

    def f_prime(self, z: Array, h: Array, out: Array, scratch: Scratch) -> None:
        below, _ = scratch
        np.less(h, 1, out=below, casting="unsafe")
        _where_positive(h, out)
        out *= below
        out *= 0.5


ACTIVATIONS = table(
    Identity,
    Sigmoid,
    Tanh,
    Relu,
    LeakyRelu,
    Relu6,
    Elu,
    Celu,
    Selu,
    Gelu,
    GeluTanh,
    Silu,
    Mish,
    Softplus,
    Softsign,
    HardSigmoid,
    HardTanh,
    HardSwish,
    LogSigmoid,
    Tanhshrink,
    Squareplus,
    Softshrink,
    Hardshrink,
    SparsePlus,
    SparseSigmoid,
)
