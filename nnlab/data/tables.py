"""The `csv` source: the user's own tables as numbers, or every reason why not.

Reading happens in three steps: `strict_csv` gives columns of numbers or texts; each column is then
judged over all files together; what is sound is encoded, texts as one 0/1 column per category.
"""

import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, ClassVar, Literal

from nnlab.data.encoding import Encoding
from nnlab.data.judging import Judge
from nnlab.data.ranges import Ranges
from nnlab.data.sheets import Sheet, read_sheets
from nnlab.data.strict_csv import CsvFile, is_number, open_csv, plain, read_bytes, sha256
from nnlab.data.table import Table
from nnlab.errors import InputError, SettingError
from nnlab.registry import Expected, Text, did_you_mean, show

ColumnNames = Annotated[tuple[Text, ...], Expected("a list of column names")]

MAX_TOLD = 10  # problems told at once


@dataclass(frozen=True)
class CsvTables:
    """What was read from the files.

    Args:
        main: the rows of `path`; NaN marks missing cells under `missing: impute`.
        validation: the rows of `validation_path`.
        test: the rows of `test_path`.
        digest: SHA-256 over the bytes of the files.
        notes: what is odd about the tables without being wrong, one sentence each.
        dropped: rows left out since a cell is missing.
    """

    main: Table
    validation: Table | None
    test: Table | None
    digest: str
    notes: tuple[str, ...] = ()
    dropped: int = 0


@dataclass(frozen=True)
class Csv:
    """A table in a CSV file: one line of column names, then rows.

    A column is numeric if every cell that is not missing is a number such as `-1.5e3`; otherwise its
    texts are categories and become one 0/1 column each, named `column=value`, in sorted order.
    Where at least half of a column looks like numbers, the rest is taken for mistakes and refused.
    Missing cells are empty or one of NA, N/A, n/a, NaN, nan, null, NULL, ?.

    `task: auto` is classification for a target of texts; for a target of whole numbers with two
    different values, or with at most 20 that are fewer than a fifth of the rows; else regression.
    Classes are named as written, texts in sorted order, numbers in rising order.

    Args:
        path: the table, relative to the config file.
        target: the column to predict.
        task: what the target asks for.
        drop: columns to leave out.
        missing: what to do about missing cells: refuse them; drop their rows; or impute, which leaves
            gaps in numeric columns to be filled with training medians, and makes a category `(missing)`.
            A missing target is refused unless its row is dropped.
        validation_path: a table with the same columns whose rows are the validation rows.
        test_path: a table with the same columns whose rows are the test rows.
        delimiter: the character between cells.
        encoding: how the file writes characters as bytes.
        categorical: columns whose cells are categories even if they look like numbers.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "t.csv").write_text("x,y\\n1,a\\n2,b\\n")
    ...     Csv(path="t.csv", target="y").read(pathlib.Path(folder)).main.class_names
    ('a', 'b')
    """

    name: ClassVar[str] = "csv"
    path: Text
    target: Text
    task: Literal["auto", "classification", "regression"] = "auto"
    drop: ColumnNames = ()
    missing: Literal["error", "drop", "impute"] = "error"
    validation_path: Text | None = None
    test_path: Text | None = None
    delimiter: Text = ","
    encoding: Text = "utf-8"
    categorical: ColumnNames = ()

    def read(self, folder: pathlib.Path) -> CsvTables:
        """Read all files; paths are relative to `folder`.

        Raises:
            InputError: a file's content cannot be used; one line for each problem.
            SettingError: a setting does not fit the files.
        """
        data = {key: read_bytes(folder, path, key) for key, path in self.paths().items()}
        digests = {key: sha256(content) for key, content in data.items()}
        check_different(digests)
        files = {
            key: open_csv(data[key], path, self.delimiter, self.encoding)
            for key, path in self.paths().items()
        }
        names, judge = self.used_columns(files), self.judge
        sheets = read_sheets(list(files.values()), names, self.texts(names))
        _refuse(files["path"].file, judge.first_problems(sheets))
        rows = sum(map(len, sheets))
        if self.missing == "drop":
            sheets = [sheet.without_gaps() for sheet in sheets]
            _refuse_empty(sheets)
        _refuse(files["path"].file, judge.column_problems(sheets))
        encoding = Encoding.of(sheets, self.target, judge.task_of(sheets))
        tables = [
            Table(
                encoding.features(sheet),
                encoding.labels(sheet),
                encoding.feature_names,
                encoding.task,
                encoding.classes,
            )
            for sheet in sheets
        ]
        by_key = dict(zip(files, tables, strict=True))
        main = by_key["path"]
        dropped = rows - sum(map(len, tables))
        notes = notes_on(self, dropped, Ranges.of(main.features).oddities(main.feature_names))
        return CsvTables(
            main,
            by_key.get("validation_path"),
            by_key.get("test_path"),
            digest_of(digests.values()),
            notes,
            dropped,
        )

    def digest(self, folder: pathlib.Path) -> str:
        """SHA-256 over the bytes of the files; with one file it is what `sha256sum` prints."""
        return digest_of(sha256(read_bytes(folder, path, key)) for key, path in self.paths().items())

    @property
    def judge(self) -> Judge:
        """Who decides whether the columns can be used."""
        return Judge(self.target, self.task, self.missing, self.categorical)

    def texts(self, names: Iterable[str]) -> set[str]:
        """Those of the columns that are read as texts whatever they hold."""
        return {self.target, *self.categorical}.intersection(names)

    def paths(self) -> dict[str, str]:
        """The files by the settings that name them."""
        paths = {"path": self.path, "validation_path": self.validation_path, "test_path": self.test_path}
        return {key: path for key, path in paths.items() if path is not None}

    def used_columns(self, files: dict[str, CsvFile]) -> tuple[str, ...]:
        """The columns to read, in the order of the main file, after checking all names."""
        main = files["path"]
        for key, names in (
            ("target", (self.target,)),
            ("drop", self.drop),
            ("categorical", self.categorical),
        ):
            for name in names:
                if name not in main.header:
                    raise _no_column(main, key, name)
        if self.target in self.drop:
            came = f"data.drop: {show(self.target)} came, which is also data.target"
            raise SettingError(("data", "drop"), came)
        used = tuple(name for name in main.header if name not in self.drop)
        if used == (self.target,):
            left = f"data.drop: {main.file} has no column left to predict {show(self.target)} from"
            raise SettingError(("data", "drop"), left)
        for key, file in files.items():
            _check_same_columns(key, file, main, used, self.drop)
        return used


def _no_column(file: CsvFile, key: str, name: str) -> SettingError:
    header = [plain(other) for other in file.header]
    hint = did_you_mean(name, header)
    if not hint and any(map(is_number, file.header)):
        hint = " (its first line looks like data, expected column names)"
    elif not hint:
        hint = f"; its columns: {', '.join(header[:10])}{', ...' if len(header) > 10 else ''}"
    return SettingError(("data", key), f"data.{key}: {show(name)} is not a column of {file.file}{hint}")


def _check_same_columns(
    key: str, file: CsvFile, main: CsvFile, used: Sequence[str], drop: Sequence[str]
) -> None:
    absent = [name for name in used if name not in file.header]
    extra = [name for name in file.header if name not in used and name not in drop]
    if absent or extra:
        fault = f"has no column {show(absent[0])}" if absent else f"has an extra column {show(extra[0])}"
        message = f"data.{key}: {file.file} {fault}, expected the columns of {main.file}"
        raise SettingError(("data", key), message)


def _refuse_empty(sheets: Sequence[Sheet]) -> None:
    for sheet in sheets:
        if len(sheet) == 0:
            raise InputError(
                f"{sheet.source.file}: every row has a missing cell, so data.missing: drop leaves none"
            )


def _refuse(file: str, problems: Iterator[str]) -> None:
    """Raise an error that tells the first problems, if there are any."""
    told = list(islice(problems, MAX_TOLD + 1))  # each costs a slow walk through the file
    if len(told) > MAX_TOLD:
        told[-1] = f"{file}: there are more problems; these are the first {MAX_TOLD}"
    if told:
        raise InputError(*told)


def digest_of(files: Iterable[str]) -> str:
    """The digest of some files, given that of each."""
    first, *others = files
    return sha256("\n".join([first, *others]).encode()) if others else first


def check_different(digests: Mapping[str, str]) -> None:
    """Rows to learn from are no rows to test with.

    Raises:
        SettingError: two files are the same.
    """
    for key in digests.keys() - {"path"}:
        if digests[key] == digests["path"]:
            message = f"data.{key}: the file holds the same bytes as data.path, expected other rows"
            raise SettingError(("data", key), message)


def notes_on(source: Csv, dropped: int, oddities: Iterable[str]) -> tuple[str, ...]:
    """What the user should know of a table: sentences that begin with its name."""
    dropping = [f"{dropped} rows with missing cells are left out"] if dropped else []
    return tuple(f"{plain(source.path)}: {words}" for words in [*dropping, *oddities])
