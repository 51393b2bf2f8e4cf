"""What is read once from a data source, and then shared by the runs of all seeds."""

import pathlib
from dataclasses import dataclass

from nnlab.data.generator import Generator
from nnlab.data.mnist1d import Mnist1d
from nnlab.data.real import RealSet
from nnlab.data.sources import Source
from nnlab.data.strict_csv import sha256
from nnlab.data.table import Table, Task
from nnlab.data.table_cache import TableCache
from nnlab.data.tables import Csv
from nnlab.streams import stream

VERSION = 1  # of the generators and real sets: raise it when a change makes them deliver other rows


@dataclass(frozen=True)
class Material:
    """The rows of a table, or the generator that draws them, and the facts that planning needs.

    Args:
        source: what `data.source` named, with its options.
        rows: rows in all, those of given validation and test tables aside.
        feature_names: one for each feature.
        class_names: classification only.
        outputs: regression: how many numbers are predicted; classification: 0.
        known_error: the smallest error that any model can reach, where theory knows it.
        digest: SHA-256 over the bytes of the files, or over the source's name and version.
        main: the rows that are split; None where each seed draws its own.
        validation: rows given apart for validation.
        test: rows given apart for testing.
        notes: what is odd about the data without being wrong, one sentence each.
    """

    source: Source
    rows: int
    task: Task
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    outputs: int
    known_error: float | None
    digest: str
    main: Table | None = None
    validation: Table | None = None
    test: Table | None = None
    notes: tuple[str, ...] = ()

    @property
    def feature_count(self) -> int:
        """How many numbers describe one row."""
        return len(self.feature_names)


def load(source: Source, folder: pathlib.Path, cache: TableCache | None = None) -> Material:
    """Read what all seeds share.

    Args:
        source: an entry of `SOURCES`.
        folder: where relative paths start: the folder of the config file.
        cache: where large tables are kept as numbers; without one they are read into memory.

    Raises:
        InputError: a table cannot be used.
        SettingError: a setting does not fit the table.

    >>> from nnlab.data.synthetic import Moons
    >>> load(Moons(samples=40), pathlib.Path()).class_names
    ('upper', 'lower')
    """
    if isinstance(source, Csv):
        from nnlab.data.large import read_large  # what other sources do without

        read = read_large(source, folder, cache) or source.read(folder)
        return _material(
            source, read.main, read.digest, read.main, read.validation, read.test, notes=read.notes
        )
    digest = sha256(f"{source.name} {VERSION}".encode())
    if isinstance(source, RealSet):
        main = source.read()
        return _material(source, main, digest, main)
    if isinstance(source, Mnist1d):
        main, test = source.read()
        return _material(source, main, digest, main, test=test)
    return _material(source, _glance(source), digest)


def _glance(generator: Generator) -> Table:
    """One row: enough to learn names and numbers of columns."""
    return generator.draw(1, stream(0, "data"))


def _material(
    source: Source,
    example: Table,
    digest: str,
    main: Table | None = None,
    validation: Table | None = None,
    test: Table | None = None,
    notes: tuple[str, ...] = (),
) -> Material:
    return Material(
        source=source,
        rows=source.samples if isinstance(source, Generator) else len(example),
        task=example.task,
        feature_names=example.feature_names,
        class_names=example.class_names,
        outputs=example.target.shape[1] if example.task == "regression" else 0,
        known_error=example.known_error,
        digest=digest,
        main=main,
        validation=validation,
        test=test,
        notes=notes,
    )
