"""The one table of data sources: what `data.source` can name."""

from nnlab.data.real import REAL, RealSet
from nnlab.data.synthetic import GENERATORS, Generator
from nnlab.data.tables import Csv

Source = Csv | Generator | RealSet

SOURCES: dict[str, type[Source]] = {Csv.name: Csv, **GENERATORS, **REAL}
