"""Student's t distribution: its tail, and the value whose tail is as asked for.

scipy.special has both, and takes a tenth of a second to import: a fifth of a short command.
"""

import functools
import math
from statistics import NormalDist

TINY = 1e-300  # stands in for a denominator of 0
PRECISION = 1e-15


def tails(t: float, df: float) -> float:
    """How likely |T| > |t| is: both tails of Student's t, from 0 to 1.

        P(|T| > |t|) = I_x(df/2, 1/2),  x = df / (df + t^2)

    with the regularized incomplete beta function I (Abramowitz and Stegun, 1964, 26.7.1 and 26.5.27).

    Args:
        df: degrees of freedom, above 0.

    >>> round(tails(2.0, 1), 6), tails(0.0, 5)
    (0.295167, 1.0)
    """
    if math.isnan(t):
        return math.nan
    square = t * t
    if math.isinf(square):
        return 0.0
    x, rest = df / (df + square), square / (df + square)  # 1 - x would lose the digits of a small t
    if rest == 0:
        return 1.0
    a, b = df / 2, 0.5
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    front = math.exp(a * math.log(x) + b * math.log(rest) - log_beta)
    if x < (a + 1) / (a + b + 2):  # where the fraction converges fast
        return front / a * _fraction(a, b, x)
    return 1 - front / b * _fraction(b, a, rest)


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function (26.5.8), by Lentz's method (1976)."""
    value = ratio = 1 / _not_zero(1 - (a + b) * x / (a + 1))
    other = 1.0
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            ratio = 1 / _not_zero(1 + term * ratio)
            other = _not_zero(1 + term / other)
            value *= ratio * other
        if abs(ratio * other - 1) < PRECISION:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY


@functools.lru_cache(maxsize=4096)
def quantile(df: float, outside: float) -> float:
    """The t that |T| exceeds with this probability; by Newton's method, whose error only shrinks.

    Args:
        df: degrees of freedom, above 0.
        outside: of both tails together, above 0 and below 1.

    >>> round(quantile(2, 0.05), 4)
    4.3027
    """
    log_scale = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - math.log(df * math.pi) / 2
    t = -NormalDist().inv_cdf(outside / 2)  # too small: Student's tails are heavier
    for _ in range(200):
        density = math.exp(log_scale - (df + 1) / 2 * math.log1p(t * t / df))
        change = (tails(t, df) - outside) / (2 * density)
        t += change
        if abs(change) <= PRECISION * t:
            break
    return t
