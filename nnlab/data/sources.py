"""The one table of data sources: what `data.source` can name."""

from nnlab.data.generator import Generator
from nnlab.data.mnist1d import Mnist1d
from nnlab.data.real import REAL, RealSet
from nnlab.data.synthetic import GENERATORS
from nnlab.data.tables import Csv

Source = Csv | Generator | RealSet | Mnist1d

SOURCES: dict[str, type[Source]] = {Csv.name: Csv, **GENERATORS, **REAL, Mnist1d.name: Mnist1d}


def has_own_test_rows(name: str) -> bool:
    """Whether a source brings its test rows along, the same for every seed: no split of a table made them.

    >>> has_own_test_rows("mnist1d"), has_own_test_rows("digits")
    (True, False)
    """
    return getattr(SOURCES.get(name), "own_test_rows", False)
