"""MNIST-1D: ten digits as noisy signals of 40 numbers, made by the package of its authors."""

import random
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Lt

from nnlab.data.table import Table
from nnlab.errors import SettingError
from nnlab.registry import Expected

Hundreds = Annotated[int, Ge(100), Expected("a whole number of 100 or more")]
Share = Annotated[float, Gt(0), Lt(1), Expected("a number between 0 and 1")]


@dataclass(frozen=True)
class Mnist1d:
    """A data set on which small networks differ as large ones do on images.

    The rows are made anew on every machine, by the package mnist1d with its own defaults and its own
    seed, so they are those of the published results. No network is needed. As there, the first rows
    are for training and the others for testing, whatever the run's seed is: data.test has no say.

    Args:
        samples: rows in all; the authors take 5000, and 16,000 for double descent.
        train_split: share that is not for testing; the authors take 0.8, and 0.25 for double descent.

    Source: Greydanus, Kobak (2024), Scaling down deep learning with MNIST-1D.
    """

    name: ClassVar[str] = "mnist1d"
    own_test_rows: ClassVar[bool] = True
    samples: Hundreds = 5000
    train_split: Share = 0.8

    def read(self) -> tuple[Table, Table]:
        """The rows to split into training and validation, and the test rows.

        Raises:
            SettingError: the package is not installed.
        """
        made = self._make()
        return _table(made["x"], made["y"]), _table(made["x_test"], made["y_test"])

    def _make(self) -> Any:
        try:
            from mnist1d.data import get_dataset_args, make_dataset
        except ImportError:
            raise SettingError(
                ("data", "source"),
                "data.source: mnist1d came, but its package is not installed; "
                "expected pip install 'nnlab[mnist1d]'",
            ) from None
        settings = get_dataset_args()
        settings.num_samples, settings.train_split = self.samples, self.train_split
        # It seeds the global generators, which belong to whoever calls.
        before = random.getstate(), np.random.get_state()  # noqa: NPY002
        try:
            return make_dataset(settings)
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002


def _table(x: Any, y: Any) -> Table:
    names = tuple(f"t{i}" for i in range(x.shape[1]))
    digits = tuple(map(str, range(10)))
    return Table(np.asarray(x, np.float64), np.asarray(y, np.int64), names, "classification", digits)
