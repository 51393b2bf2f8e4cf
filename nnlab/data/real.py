"""Real data sets that come with scikit-learn: no download, no options."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from nnlab.data.table import Table
from nnlab.registry import table

# scikit-learn is imported where it is used: it takes over a second, and most commands do without.


@dataclass(frozen=True)
class RealSet(ABC):
    """What all real data sets share: nothing to set, and a table to read."""

    name: ClassVar[str]

    @abstractmethod
    def read(self) -> Table:
        """All rows, in the order of scikit-learn."""


@dataclass(frozen=True)
class Digits(RealSet):
    """Handwritten digits: 1,797 images of 8 x 8 pixels from 0 to 16, ten classes.

    Source: Alpaydin and Kaynak (1998), UCI Machine Learning Repository.

    >>> Digits().read().features.shape
    (1797, 64)
    """

    name = "digits"

    def read(self) -> Table:
        from sklearn.datasets import load_digits

        return _classes(load_digits())


@dataclass(frozen=True)
class BreastCancer(RealSet):
    """Wisconsin diagnostic breast cancer: 569 tumours, 30 measures, malignant or benign.

    Source: Wolberg, Mangasarian, Street and Street (1995), UCI Machine Learning Repository.

    >>> BreastCancer().read().class_names
    ('malignant', 'benign')
    """

    name = "breast_cancer"

    def read(self) -> Table:
        from sklearn.datasets import load_breast_cancer

        return _classes(load_breast_cancer())


@dataclass(frozen=True)
class Wine(RealSet):
    """Wines of three growers: 178 bottles, 13 chemical measures.

    Source: Aeberhard and Forina (1991), UCI Machine Learning Repository.

    >>> Wine().read().features.shape
    (178, 13)
    """

    name = "wine"

    def read(self) -> Table:
        from sklearn.datasets import load_wine

        return _classes(load_wine())


@dataclass(frozen=True)
class Iris(RealSet):
    """Three species of iris: 150 flowers, 4 lengths in centimetres.

    Source: Fisher (1936), The use of multiple measurements in taxonomic problems.

    >>> Iris().read().class_names
    ('setosa', 'versicolor', 'virginica')
    """

    name = "iris"

    def read(self) -> Table:
        from sklearn.datasets import load_iris

        return _classes(load_iris())


@dataclass(frozen=True)
class Diabetes(RealSet):
    """Progression of diabetes after one year: 442 patients, 10 measures, regression.

    The measures are in their own units. scikit-learn's default scales them with statistics of
    all rows, test rows too; here that is left to `standardize`, which looks at training rows alone.

    Source: Efron, Hastie, Johnstone and Tibshirani (2004), Least angle regression.

    >>> Diabetes().read().target.shape
    (442, 1)
    """

    name = "diabetes"

    def read(self) -> Table:
        from sklearn.datasets import load_diabetes

        bunch = load_diabetes(scaled=False)
        target = np.asarray(bunch.target, dtype=np.float64)[:, None]
        return Table(np.asarray(bunch.data, np.float64), target, _names(bunch.feature_names), "regression")


REAL: dict[str, type[RealSet]] = table(Digits, BreastCancer, Diabetes, Wine, Iris)


def _names(names: Any) -> tuple[str, ...]:
    return tuple(str(name) for name in names)


def _classes(bunch: Any) -> Table:
    features = np.asarray(bunch.data, dtype=np.float64)
    target = np.asarray(bunch.target, dtype=np.int64)
    names = _names(bunch.feature_names)
    return Table(features, target, names, "classification", _names(bunch.target_names))
