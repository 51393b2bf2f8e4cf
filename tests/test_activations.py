"""Activations: every entry against calculus and extremes, each function against its formula."""

import csv
import importlib
import itertools
import math
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit, log_expit
from scipy.stats import norm

from nnlab.arrays import Array, Scratch
from nnlab.nn.activation import Activation
from nnlab.nn.activations import ACTIVATIONS
from nnlab.nn.rectifiers import Celu, Elu, LeakyRelu
from nnlab.nn.shrinking import Hardshrink, Softshrink
from nnlab.nn.smooth_rectifiers import Squareplus

ENTRIES = [cls() for cls in ACTIVATIONS.values()]
OTHER_OPTIONS = [
    LeakyRelu(slope=0.2),
    LeakyRelu(slope=0.0),
    LeakyRelu(slope=1.5),
    Elu(alpha=0.5),
    Elu(alpha=2.0),
    Celu(alpha=0.5),
    Celu(alpha=2.0),
    Squareplus(b=0.25),
    Softshrink(threshold=1.5),
    Hardshrink(threshold=1.5),
]
EVERY = pytest.mark.parametrize("activation", ENTRIES + OTHER_OPTIONS, ids=str)
HE_FAMILY = [entry for entry in ENTRIES + OTHER_OPTIONS if entry.initializer == "he"]


def scratch(z: Array) -> Scratch:
    return np.full_like(z, 7.0), np.full_like(z, -7.0)  # left over from something else


def f(activation: Activation, z: Array) -> Array:
    out = np.full_like(z, 5.0)
    activation.f(z, out, scratch(z))
    return out


def f_prime(activation: Activation, z: Array) -> Array:
    """As the hot loop calls it: without z, unless the entry asks for it."""
    out = np.full_like(z, 5.0)
    activation.f_prime(
        z.copy() if activation.keeps_z else np.full_like(z, np.nan), f(activation, z), out, scratch(z)
    )
    return out


def away_from_kinks() -> Array:
    """Points from -8 to 8; every kink there is lies at a multiple of a half."""
    z = np.arange(-8, 8, 0.037)
    return z[np.abs(z - np.round(2 * z) / 2) > 1e-3]


@EVERY
def test_f_prime_is_the_slope_of_f(activation: Activation) -> None:
    z, h = away_from_kinks(), 1e-6
    slope = (f(activation, z + h) - f(activation, z - h)) / (2 * h)
    np.testing.assert_allclose(f_prime(activation, z), slope, rtol=1e-6, atol=1e-8)


@EVERY
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extremes_neither_overflow_nor_warn(activation: Activation, dtype: str) -> None:
    z = np.array([-1e3, -100, -88.8, -40, -17, 0, 17, 40, 88.8, 100, 1e3], dtype)
    h, slope = f(activation, z), f_prime(activation, z)
    assert h.dtype == slope.dtype == dtype
    assert np.isfinite(h).all()
    assert np.isfinite(slope).all()
    assert np.abs(h).max() <= 2000
    assert np.abs(slope).max() <= 2


@EVERY
def test_float32_agrees_with_float64(activation: Activation) -> None:
    z = away_from_kinks()
    narrow = z.astype(np.float32)
    wide = narrow.astype(np.float64)
    np.testing.assert_allclose(f(activation, narrow), f(activation, wide), rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(f_prime(activation, narrow), f_prime(activation, wide), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("activation", [e for e in ENTRIES + OTHER_OPTIONS if not e.keeps_z], ids=str)
def test_f_may_write_over_z_where_z_is_not_kept(activation: Activation) -> None:
    z = np.linspace(-8, 8, 1001)
    apart = f(activation, z)
    activation.f(z, z, scratch(z))
    assert np.array_equal(z, apart)


@EVERY
def test_z_and_h_are_only_read(activation: Activation) -> None:
    z = np.linspace(-8, 8, 1001)
    before = z.copy()
    h = f(activation, z)
    assert np.array_equal(z, before)
    after = h.copy()
    activation.f_prime(z, h, np.empty_like(z), scratch(z))
    assert np.array_equal(z, before)
    assert np.array_equal(h, after)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_docstring_states_the_derivative(name: str) -> None:
    assert "f'" in (ACTIVATIONS[name].__doc__ or "")


# --- gains ------------------------------------------------------------------------------------


def mean_square(activation: Activation) -> float:
    """E f(z)^2 for z ~ N(0, 1), by adaptive quadrature between the kinks."""

    def integrand(z: float) -> float:
        return float(f(activation, np.array([z]))[0]) ** 2 * float(norm.pdf(z))

    knots = [-12, -6, -3, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 3, 6, 12]
    return sum(quad(integrand, a, b, epsabs=1e-11)[0] for a, b in itertools.pairwise(knots))


@pytest.mark.parametrize("activation", HE_FAMILY, ids=str)
def test_the_gain_keeps_the_mean_square_of_the_signal(activation: Activation) -> None:
    assert activation.gain**2 * mean_square(activation) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("activation", [e for e in ENTRIES if e.initializer != "he"], ids=str)
def test_outside_the_he_family_the_gain_is_1(activation: Activation) -> None:
    assert activation.gain == 1


PUBLISHED_GAINS = {  # SCIENCE.md, section 3: 1 / sqrt(E f(z)^2)
    "identity": 1.000, "sigmoid": 1.846, "tanh": 1.593, "relu": 1.4142, "leaky_relu": 1.4141, "relu6": 1.4142,
    "elu": 1.245, "celu": 1.245, "selu": 1.000, "gelu": 1.534, "gelu_tanh": 1.534, "silu": 1.677,
    "mish": 1.487, "softplus": 1.042, "softsign": 2.338, "hard_sigmoid": 1.898, "hard_tanh": 1.392,
    "hard_swish": 1.737, "tanhshrink": 2.338, "squareplus": 0.817,
}  # fmt: skip


@pytest.mark.parametrize(("name", "published"), PUBLISHED_GAINS.items(), ids=list(PUBLISHED_GAINS))
def test_the_published_gain_comes_out(name: str, published: float) -> None:
    activation = ACTIVATIONS[name]()
    assert 1 / math.sqrt(mean_square(activation)) == pytest.approx(published, abs=6e-4)
    if activation.initializer == "he":
        assert activation.gain == pytest.approx(published, abs=6e-4)


# --- formulas ---------------------------------------------------------------------------------

FORMULAS: dict[str, Callable[[Array], Array]] = {  # written from the papers, not from the code
    "identity": lambda x: x,
    "sigmoid": expit,
    "tanh": lambda x: 2 * expit(2 * x) - 1,
    "relu": lambda x: np.where(x > 0, x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, x / 100),
    "relu6": lambda x: np.where(x < 0, 0, np.where(x > 6, 6, x)),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "celu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1)),
    "gelu": lambda x: x * norm.cdf(x),
    "gelu_tanh": lambda x: x * expit(2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "mish": lambda x: x * ((1 + np.exp(x)) ** 2 - 1) / ((1 + np.exp(x)) ** 2 + 1),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "softsign": lambda x: np.where(x > 0, x / (1 + x), x / (1 - x)),
    "hard_sigmoid": lambda x: np.where(x < -3, 0, np.where(x > 3, 1, (x + 3) / 6)),
    "hard_tanh": lambda x: np.where(x < -1, -1, np.where(x > 1, 1, x)),
    "hard_swish": lambda x: np.where(x < -3, 0, np.where(x > 3, x, x * (x + 3) / 6)),
    "log_sigmoid": log_expit,
    "tanhshrink": lambda x: x - np.sinh(x) / np.cosh(x),
    "squareplus": lambda x: (x + np.hypot(x, 2)) / 2,
    "softshrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "hardshrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4)),
    "sparse_sigmoid": lambda x: np.where(x <= -1, 0, np.where(x >= 1, 1, (x + 1) / 2)),
}


@pytest.mark.parametrize(("name", "formula"), FORMULAS.items(), ids=list(FORMULAS))
def test_f_is_its_textbook_formula(name: str, formula: Callable[[Array], Array]) -> None:
    z = away_from_kinks()
    np.testing.assert_allclose(f(ACTIVATIONS[name](), z), formula(z), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "x", "y", "slope"),
    [
        ("sigmoid", 0.0, 0.5, 0.25),
        ("tanh", 0.0, 0.0, 1.0),
        ("relu", 0.0, 0.0, 0.0),
        ("relu", 2.0, 2.0, 1.0),
        ("leaky_relu", -2.0, -0.02, 0.01),
        ("relu6", 7.0, 6.0, 0.0),
        ("elu", -1.0, -0.6321205588, 0.3678794412),
        ("selu", -1.0, -1.1113307378, 0.6467686030),
        ("gelu", 1.0, 0.8413447461, 1.0833154706),
        ("silu", 0.0, 0.0, 0.5),
        ("mish", 1.0, 0.8650983882, 1.0490362200),
        ("softplus", 0.0, math.log(2), 0.5),
        ("softsign", -3.0, -0.75, 0.0625),
        ("hard_sigmoid", 0.0, 0.5, 1 / 6),
        ("hard_tanh", 2.0, 1.0, 0.0),
        ("hard_swish", 1.0, 2 / 3, 5 / 6),
        ("log_sigmoid", 0.0, -math.log(2), 0.5),
        ("squareplus", 0.0, 1.0, 0.5),
        ("softshrink", -2.0, -1.5, 1.0),
        ("hardshrink", 0.4, 0.0, 0.0),
        ("sparse_plus", 0.0, 0.25, 0.5),
        ("sparse_sigmoid", 0.0, 0.5, 0.5),
    ],
)
def test_well_known_values(name: str, x: float, y: float, slope: float) -> None:
    activation, z = ACTIVATIONS[name](), np.array([x])
    assert f(activation, z)[0] == pytest.approx(y, abs=1e-10)
    assert f_prime(activation, z)[0] == pytest.approx(slope, abs=1e-10)


def test_gelu_tanh_is_gelu_to_within_the_published_distance() -> None:
    z = np.linspace(-10, 10, 20_001)
    distance = np.abs(f(ACTIVATIONS["gelu"](), z) - f(ACTIVATIONS["gelu_tanh"](), z)).max()
    assert distance == pytest.approx(4.73e-4, abs=1e-6)


def test_selu_keeps_mean_0_and_variance_1() -> None:
    selu = ACTIVATIONS["selu"]()
    mean = quad(lambda z: float(f(selu, np.array([z]))[0]) * norm.pdf(z), -12, 12, points=[0])[0]
    assert mean == pytest.approx(0, abs=1e-8)
    assert mean_square(selu) == pytest.approx(1, abs=1e-8)


# --- other libraries ----------------------------------------------------------------------------


def read_oracle() -> dict[str, Array]:
    """By name: rows of x, f(x), f'(x), as PyTorch or mpmath computed them; the file says how."""
    rows = defaultdict(list)
    with (Path(__file__).parent / "data/activations.csv").open() as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            rows[row["name"]].append([float(row[column]) for column in ("x", "f", "f_prime")])
    return {name: np.array(lines) for name, lines in rows.items()}


ORACLE = read_oracle()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_f_and_f_prime_are_those_of_the_oracle(name: str) -> None:
    x, y, slope = ORACLE[name].T
    np.testing.assert_allclose(f(ACTIVATIONS[name](), x), y, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(f_prime(ACTIVATIONS[name](), x), slope, rtol=1e-12, atol=1e-15)


# The same at many points, where the libraries are installed.

TORCH_NAMES = {
    "sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu", "leaky_relu": "leaky_relu", "relu6": "relu6",
    "elu": "elu", "celu": "celu", "selu": "selu", "gelu": "gelu", "silu": "silu", "mish": "mish",
    "softsign": "softsign", "hard_sigmoid": "hardsigmoid", "hard_tanh": "hardtanh",
    "hard_swish": "hardswish", "log_sigmoid": "logsigmoid", "tanhshrink": "tanhshrink",
    "softshrink": "softshrink", "hardshrink": "hardshrink",
}  # fmt: skip


@pytest.mark.parametrize(("name", "theirs"), TORCH_NAMES.items(), ids=list(TORCH_NAMES))
def test_f_is_what_torch_computes(name: str, theirs: str) -> None:
    torch = pytest.importorskip("torch")
    z = away_from_kinks()
    expected = getattr(torch.nn.functional, theirs)(torch.from_numpy(z)).numpy()
    np.testing.assert_allclose(f(ACTIVATIONS[name](), z), expected, rtol=1e-10, atol=1e-12)


JAX_NAMES = [
    "sigmoid", "tanh", "relu", "leaky_relu", "relu6", "elu", "celu", "selu", "silu", "mish", "softplus",
    "soft_sign", "hard_sigmoid", "hard_tanh", "hard_swish", "log_sigmoid", "squareplus", "sparse_plus",
    "sparse_sigmoid",
]  # fmt: skip


@pytest.mark.parametrize("theirs", JAX_NAMES)
def test_f_and_f_prime_are_what_jax_computes(theirs: str) -> None:
    pytest.importorskip("jax")
    jax = importlib.import_module("jax")
    activation, z = ACTIVATIONS[theirs.replace("soft_sign", "softsign")](), away_from_kinks()
    function = getattr(jax.nn, theirs)
    slope = jax.vmap(jax.grad(function))(z.astype(np.float32))
    np.testing.assert_allclose(
        f(activation, z), np.asarray(function(z.astype(np.float32))), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(f_prime(activation, z), np.asarray(slope), rtol=1e-4, atol=1e-5)
