"""The power law of a learning curve: error(n) = a + b n^(-c), fitted to means over seeds.

a is what no number of rows removes, c how fast the rest falls (Cortes et al., 1993; Hestness et al.,
2017). For a given c the best a and b follow from linear least squares with a, b >= 0, so the search is
over c alone: on a grid that grows finer, for many samples at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

SLOWEST, FASTEST = 0.02, 5.0  # of the exponents c that are tried
CANDIDATES, ROUNDS = 48, 5
PARAMETERS = 3


@dataclass(frozen=True)
class PowerLaw:
    """error(n) = a + b n^(-c); each of a, b and c is one number, or one for each sample, (samples,).

    >>> law = PowerLaw(np.float64(0.1), np.float64(2.0), np.float64(0.5))
    >>> round(float(law.error(np.float64(100))), 6), round(float(law.rows(np.float64(0.3))), 6)
    (0.3, 100.0)
    """

    a: Values
    b: Values
    c: Values

    def error(self, rows: Values) -> Values:
        """What is expected of a training set of so many rows."""
        return np.asarray(self.a + self.b * rows**-self.c)

    def take(self, sample: int) -> "PowerLaw":
        """That of one sample."""
        return PowerLaw(self.a[sample], self.b[sample], self.c[sample])

    def broadcast(self) -> "PowerLaw":
        """The same, each number (samples, 1), to meet arrays of (samples, points)."""
        return PowerLaw(self.a[:, np.newaxis], self.b[:, np.newaxis], self.c[:, np.newaxis])

    def rows(self, error: Values) -> Values:
        """How many rows it takes to come down to an error; infinity where no number suffices."""
        above = np.asarray(error - self.a)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            return np.where((above > 0) & (self.b > 0), (self.b / above) ** (1 / self.c), np.inf)


def fit(rows: Values, errors: Values, weights: Values) -> PowerLaw:
    """The law with the least weighted squares, of each sample.

    Args:
        rows: sizes of the training sets, (points,), above 0.
        errors: (samples, points).
        weights: one over the variance of each error, (points,).

    >>> rows = np.array([10.0, 30.0, 100.0, 300.0])
    >>> law = fit(rows, 0.2 + 3 * rows[np.newaxis] ** -0.7, np.ones(4))
    >>> [round(float(x[0]), 3) for x in (law.a, law.b, law.c)]
    [0.2, 3.0, 0.7]
    """
    middle = np.exp(np.mean(np.log(rows)))  # with n / middle in place of n, powers stay near 1
    weights = weights / weights.sum()
    tried = np.broadcast_to(np.geomspace(SLOWEST, FASTEST, CANDIDATES), (len(errors), CANDIDATES))
    for _ in range(ROUNDS):
        a, b, squares = _linear((rows / middle) ** -tried[..., np.newaxis], errors[:, np.newaxis], weights)
        best = squares.argmin(axis=1)[:, np.newaxis]
        low = np.take_along_axis(tried, np.maximum(best - 1, 0), axis=1)
        high = np.take_along_axis(tried, np.minimum(best + 1, CANDIDATES - 1), axis=1)
        found = [np.take_along_axis(values, best, axis=1)[:, 0] for values in (a, b, tried)]
        tried = low + (high - low) * np.linspace(0, 1, CANDIDATES)
    a, b, c = found
    return PowerLaw(a, b * middle**c, c)


def _linear(powers: Values, errors: Values, weights: Values) -> tuple[Values, Values, Values]:
    """a and b >= 0 with the least weighted squares of a + b * powers - errors, and these squares.

    Where the free optimum has one below 0, the best has it at 0: squares are convex.
    """
    mean_power, mean_error = powers @ weights, errors @ weights
    spread = np.maximum((powers**2) @ weights - mean_power**2, np.finfo(float).tiny)
    b = ((powers * errors) @ weights - mean_power * mean_error) / spread
    a = mean_error - b * mean_power
    through_zero = ((powers * errors) @ weights) / ((powers**2) @ weights)
    b = np.where(a < 0, through_zero, b)
    a = np.maximum(a, 0)
    a = np.where(b < 0, mean_error, a)
    b = np.maximum(b, 0)
    residuals = a[..., np.newaxis] + b[..., np.newaxis] * powers - errors
    return a, b, (residuals**2) @ weights
