"""Real data sets that come with scikit-learn: no download, no options."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nnlab.data.table import Table
from nnlab.registry import table

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class RealSet:
    """What all real data sets share: nothing to set, and a table to read.

    The files are read where scikit-learn keeps them, without importing it: that takes a second, longer
    than many a sweep. Should they have moved, its loader is asked.
    """

    name: ClassVar[str]
    files: ClassVar[tuple[str, ...]]  # side by side they hold the features, then the target
    delimiter: ClassVar[str | None] = ","  # None: white space
    head: ClassVar[int] = 0  # lines before the rows
    features: ClassVar[tuple[str, ...]]
    classes: ClassVar[tuple[str, ...]] = ()  # none: regression

    def read(self) -> Table:
        """All rows, in the order of scikit-learn."""
        found = self._from_files()
        x, y = self._from_loader() if found is None else found
        if self.classes:
            return Table(x, y.ravel().astype(np.int64), self.features, "classification", self.classes)
        return Table(x, y.reshape(-1, 1), self.features, "regression")

    def _from_files(self) -> tuple[Numbers, Numbers] | None:
        folder = data_folder()
        if folder is None or not all((folder / file).is_file() for file in self.files):
            return None
        parts = [
            np.loadtxt(folder / file, delimiter=self.delimiter, skiprows=self.head, ndmin=2)
            for file in self.files
        ]
        x, y = np.hsplit(np.hstack(parts), [len(self.features)])
        return np.ascontiguousarray(x), y

    def _from_loader(self) -> tuple[Numbers, Numbers]:
        import sklearn.datasets

        options = {} if self.classes else {"scaled": False}
        bunch = getattr(sklearn.datasets, f"load_{self.name}")(**options)
        return np.asarray(bunch.data, np.float64), np.asarray(bunch.target, np.float64)


def data_folder() -> Path | None:
    """Where scikit-learn keeps its data files; nothing is imported."""
    found = importlib.util.find_spec("sklearn")
    return Path(found.origin).parent / "datasets" / "data" if found and found.origin else None


@dataclass(frozen=True)
class Digits(RealSet):
    """Handwritten digits: 1,797 images of 8 x 8 pixels from 0 to 16, ten classes.

    Source: Alpaydin and Kaynak (1998), UCI Machine Learning Repository.

    >>> Digits().read().features.shape
    (1797, 64)
    """

    name = "digits"
    files = ("digits.csv.gz",)
    features = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8))
    classes = tuple("0123456789")


CELL_MEASURES = (
    *("radius", "texture", "perimeter", "area", "smoothness"),
    *("compactness", "concavity", "concave points", "symmetry", "fractal dimension"),
)


@dataclass(frozen=True)
class BreastCancer(RealSet):
    """Wisconsin diagnostic breast cancer: 569 tumours, 30 measures, malignant or benign.

    Source: Wolberg, Mangasarian, Street and Street (1995), UCI Machine Learning Repository.

    >>> BreastCancer().read().class_names
    ('malignant', 'benign')
    """

    name = "breast_cancer"
    files = ("breast_cancer.csv",)
    head = 1
    features = (
        *(f"mean {measure}" for measure in CELL_MEASURES),
        *(f"{measure} error" for measure in CELL_MEASURES),
        *(f"worst {measure}" for measure in CELL_MEASURES),
    )
    classes = ("malignant", "benign")


@dataclass(frozen=True)
class Wine(RealSet):
    """Wines of three growers: 178 bottles, 13 chemical measures.

    Source: Aeberhard and Forina (1991), UCI Machine Learning Repository.

    >>> Wine().read().features.shape
    (178, 13)
    """

    name = "wine"
    files = ("wine_data.csv",)
    head = 1
    features = (
        *("alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids"),
        *("nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue"),
        *("od280/od315_of_diluted_wines", "proline"),
    )
    classes = ("class_0", "class_1", "class_2")


@dataclass(frozen=True)
class Iris(RealSet):
    """Three species of iris: 150 flowers, 4 lengths in centimetres.

    Source: Fisher (1936), The use of multiple measurements in taxonomic problems.

    >>> Iris().read().class_names
    ('setosa', 'versicolor', 'virginica')
    """

    name = "iris"
    files = ("iris.csv",)
    head = 1
    features = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
    classes = ("setosa", "versicolor", "virginica")


@dataclass(frozen=True)
class Diabetes(RealSet):
    """Progression of diabetes after one year: 442 patients, 10 measures, regression.

    The measures are in their own units. scikit-learn's default scales them with statistics of
    all rows, test rows too; here that is left to `scale`, which looks at training rows alone.

    Source: Efron, Hastie, Johnstone and Tibshirani (2004), Least angle regression.

    >>> Diabetes().read().target.shape
    (442, 1)
    """

    name = "diabetes"
    files = ("diabetes_data_raw.csv.gz", "diabetes_target.csv.gz")
    delimiter = None
    features = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")


REAL: dict[str, type[RealSet]] = table(Digits, BreastCancer, Diabetes, Wine, Iris)
