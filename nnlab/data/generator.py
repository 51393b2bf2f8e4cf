"""What a generator is: data drawn from a known rule, as many rows as wanted.

What a generator describes depends on its options alone, never on the random numbers: two draws
are samples of one population, so a model fitted to one can be tested on the other.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nnlab.data.table import Table
from nnlab.registry import Count, Fraction

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

WILD = 10.0  # times the usual noise: how far outliers lie off


@dataclass(frozen=True)
class Generator(ABC):
    """What all generators share.

    Args:
        samples: rows in all: training, validation and test together.
    """

    name: ClassVar[str]
    samples: Count = 500

    @abstractmethod
    def draw(self, rows: int, rng: np.random.Generator) -> Table:
        """A fresh sample of `rows` rows."""


@dataclass(frozen=True)
class ClassGenerator(Generator):
    """What generators of classes share.

    Args:
        imbalance: by which share each class is rarer than the one before it; 0 is classes of one size,
            as equal as the number of rows allows. Two classes with 0.9 are 10 rows to 1.
    """

    imbalance: Fraction = 0.0

    def labels(self, rows: int, classes: int, rng: np.random.Generator) -> Labels:
        """The class of each row."""
        if self.imbalance == 0:
            return rng.permutation(np.arange(rows) % classes)
        ends = np.rint(np.cumsum(self.priors(classes)) * rows).astype(np.int64)
        return rng.permutation(np.repeat(np.arange(classes), np.diff(ends, prepend=0)))

    def priors(self, classes: int) -> Array:
        """The share of each class among all rows: that of class k goes as (1 - imbalance)^k."""
        sizes = (1 - self.imbalance) ** np.arange(classes)
        return np.asarray(sizes / sizes.sum())

    def if_balanced(self, known_error: float) -> float | None:
        """An error that is known for classes of one size only."""
        return known_error if self.imbalance == 0 else None


@dataclass(frozen=True)
class ValueGenerator(Generator):
    """What generators of numbers share.

    Args:
        outliers: the chance that the noise of a row is ten times as large.
    """

    outliers: Fraction = 0.0

    def values(
        self, x: Array, y: Array, noise: float, rng: np.random.Generator, names: tuple[str, ...] = ()
    ) -> Table:
        """Rows x whose target is y plus noise."""
        spread = noise * rng.normal(size=y.shape)
        if self.outliers > 0:
            spread[rng.random(len(y)) < self.outliers] *= WILD
        names = names or numbered("x", x.shape[1])
        variance = noise**2 * (1 + self.outliers * (WILD**2 - 1))
        return Table(x, y + spread, names, "regression", known_error=float(y.shape[1] * variance))


def numbered(prefix: str, count: int) -> tuple[str, ...]:
    """Names with a number, from 1 upwards."""
    return tuple(f"{prefix}{i + 1}" for i in range(count))


def blur(columns: Any, noise: float, rng: np.random.Generator) -> Array:
    """The columns, shape (features, rows), as rows with noise added, shape (rows, features)."""
    points = np.array(columns, dtype=np.float64).T
    return points + noise * rng.normal(size=points.shape)


def normal_below(z: float, std: float) -> float:
    """P(x < z) for x ~ N(0, std^2); for std 0 the limit."""
    return 0.5 * math.erfc(-z / (std * math.sqrt(2))) if std > 0 else float(z > 0)


def classes(
    points: Array, labels: Labels, class_names: tuple[str, ...], known_error: float | None = None
) -> Table:
    """Points and their classes."""
    names = numbered("x", points.shape[1])
    return Table(points, labels, names, "classification", class_names, known_error)
