"""The one table of data sources: what `data.source` can name."""

from nnlab.data.generator import Generator
from nnlab.data.mnist1d import Mnist1d
from nnlab.data.real import REAL, RealSet
from nnlab.data.synthetic import GENERATORS
from nnlab.data.tables import Csv

Source = Csv | Generator | RealSet | Mnist1d

SOURCES: dict[str, type[Source]] = {Csv.name: Csv, **GENERATORS, **REAL, Mnist1d.name: Mnist1d}

# Sources whose test rows are their own, whatever the seed: no split of a table made them.
OWN_TEST_ROWS = (Mnist1d.name,)
