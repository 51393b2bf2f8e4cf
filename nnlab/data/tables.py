"""The `csv` source: the user's own tables as numbers, or every reason why not.

Reading happens in three steps: `strict_csv` gives columns of numbers or texts; each column is then
judged over all files together; what is sound is encoded, texts as one 0/1 column per category.
"""

import pathlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from nnlab.data.quick_csv import quick_columns
from nnlab.data.strict_csv import (
    MISSING,
    NUMBER,
    Column,
    CsvFile,
    Numbers,
    Texts,
    is_number,
    numbers,
    open_csv,
    plain,
    read_bytes,
    sha256,
)
from nnlab.data.table import Table, Task
from nnlab.errors import InputError, SettingError
from nnlab.registry import Expected, Text, did_you_mean, show

ColumnNames = Annotated[tuple[Text, ...], Expected("a list of column names")]

MAX_CATEGORIES = 100  # wider one-hot blocks are nearly always names or ids
MAX_CLASSES = 1000
MISSING_CATEGORY = "(missing)"
MAX_TOLD = 10  # problems told at once
OFFENDERS = 3  # cells shown for one column


@dataclass(frozen=True)
class CsvTables:
    """What was read from the files.

    Args:
        main: the rows of `path`; NaN marks missing cells under `missing: impute`.
        validation: the rows of `validation_path`.
        test: the rows of `test_path`.
        digest: SHA-256 over the bytes of the files.
        notes: what is odd about the tables without being wrong, one sentence each.
    """

    main: Table
    validation: Table | None
    test: Table | None
    digest: str
    notes: tuple[str, ...] = ()


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
        data = {key: read_bytes(folder, path, key) for key, path in self._paths().items()}
        _check_different(data)
        files = {
            key: open_csv(data[key], path, self.delimiter, self.encoding)
            for key, path in self._paths().items()
        }
        names = self._used(files)
        texts = {self.target, *self.categorical}.intersection(names)
        sheets = _read_columns(list(files.values()), names, texts)
        _refuse(files["path"].file, self._cell_problems(sheets))
        rows = sum(map(len, sheets))
        if self.missing == "drop":
            sheets = [_without_gaps(sheet) for sheet in sheets]
        _refuse(files["path"].file, self._column_problems(sheets))
        tables = _encode(sheets, self.target, self._task(sheets))
        by_key = dict(zip(files, tables, strict=True))
        main = by_key["path"]
        notes = _notes(main, files["path"].file, rows - sum(map(len, tables)))
        return CsvTables(
            main, by_key.get("validation_path"), by_key.get("test_path"), _digest(data.values()), notes
        )

    def digest(self, folder: pathlib.Path) -> str:
        """SHA-256 over the bytes of the files; with one file it is what `sha256sum` prints."""
        return _digest(read_bytes(folder, path, key) for key, path in self._paths().items())

    def _paths(self) -> dict[str, str]:
        paths = {"path": self.path, "validation_path": self.validation_path, "test_path": self.test_path}
        return {key: path for key, path in paths.items() if path is not None}

    def _used(self, files: dict[str, CsvFile]) -> tuple[str, ...]:
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

    def _cell_problems(self, sheets: Sequence["_Sheet"]) -> Iterator[str]:
        for name in sheets[0].columns:
            if name != self.target:
                if self.missing == "error":
                    yield from _gaps(sheets, name, "data.missing can be drop or impute")
                if name not in self.categorical:
                    hint = "if its cells are categories, list the column under data.categorical"
                    yield from _text_among_numbers(sheets, name, hint)
        if self.missing != "drop":
            yield from _gaps(sheets, self.target, "data.missing: drop leaves such rows out")
        if self.task == "regression":
            yield from _offences(sheets, self.target, _no_number, "a number")
        elif self.task == "auto":
            hint = "if these are classes, set data.task: classification"
            yield from _text_among_numbers(sheets, self.target, hint)
        elif numbers(_labels(sheets, self.target)) is not None:
            yield from _offences(sheets, self.target, _no_whole_number, "a whole number or a text as class")

    def _column_problems(self, sheets: Sequence["_Sheet"]) -> Iterator[str]:
        for name in sheets[0].columns:
            if name != self.target:
                yield from _width_problems(sheets, name)
        problems = _constant_target if self._task(sheets) == "regression" else _label_problems
        yield from problems(
            f"{sheets[0].source.file}: column {show(self.target)}", _labels(sheets, self.target)
        )

    def _task(self, sheets: Sequence["_Sheet"]) -> Task:
        if self.task != "auto":
            return self.task
        values = numbers(_labels(sheets, self.target))
        if values is None:
            return "classification"
        different = np.unique(values)
        whole = (different == np.floor(different)).all()
        few = len(different) == 2 or (len(different) <= 20 and 5 * len(different) < len(sheets[0]))
        return "classification" if whole and few else "regression"


@dataclass(frozen=True)
class _Sheet:
    """One file and its columns, rows not yet dropped."""

    source: CsvFile
    columns: dict[str, Column]

    def __len__(self) -> int:
        return _length(next(iter(self.columns.values())))


def _read_columns(files: Sequence[CsvFile], names: Sequence[str], texts: set[str]) -> list[_Sheet]:
    """The columns of all files; a column that is text in one file is text in all."""
    while True:
        read = [quick_columns(file, names, texts) or file.columns(names, texts) for file in files]
        found = texts | {n for columns in read for n in names if not isinstance(columns.get(n), np.ndarray)}
        if all(isinstance(columns.get(name), Texts) for columns in read for name in found):
            return [
                _Sheet(file, {name: columns[name] for name in names})
                for file, columns in zip(files, read, strict=True)
            ]
        texts = found


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


def _length(column: Column) -> int:
    return len(column.codes if isinstance(column, Texts) else column)


def _is_missing(text: str) -> bool:
    return text in MISSING


def _no_number(text: str) -> bool:
    return text not in MISSING and not is_number(text)


def _gap_rows(column: Column) -> NDArray[np.bool_]:
    return column.where(_is_missing) if isinstance(column, Texts) else np.isnan(column)


def _gaps(sheets: Sequence[_Sheet], name: str, hint: str) -> Iterator[str]:
    """One line for each file with missing cells in the column."""
    for sheet in sheets:
        rows = np.flatnonzero(_gap_rows(sheet.columns[name]))
        if len(rows):
            yield _offence(sheet.source, name, rows, "a value", hint)


def _offences(
    sheets: Sequence[_Sheet], name: str, test: Callable[[str], bool], expected: str, hint: str = ""
) -> list[str]:
    """One line for each file with texts in the column that the test finds at fault."""
    lines = []
    for sheet in sheets:
        column = sheet.columns[name]
        rows = np.flatnonzero(column.where(test)) if isinstance(column, Texts) else np.empty(0, np.intp)
        if len(rows):
            lines.append(_offence(sheet.source, name, rows, expected, hint))
    return lines


def _offence(file: CsvFile, name: str, rows: NDArray[np.intp], expected: str, hint: str) -> str:
    (line, text), *others = file.cells_at(rows[:OFFENDERS].tolist(), name)
    also = " and ".join(f"{_cell(other)} in line {at}" for at, other in others)
    notes = [f"also {also}" if also else "", f"{len(rows)} such cells" if len(rows) > OFFENDERS else ""]
    notes += [_advice(text) or hint]
    told = "; ".join(note for note in notes if note)
    came = f"{file.file}:{line}: column {show(name)}: {_cell(text)} came, expected {expected}"
    return came + (f" ({told})" if told else "")


def _cell(text: str) -> str:
    return show(text) if text else "an empty cell"


LIKE_NUMBERS = (  # what people write for a number, and what to tell them; tried in this order
    (
        re.compile(r"[+-]?[0-9.]*,[0-9.,]*[0-9]"),
        "a decimal comma or a thousands separator? write 1.5 or 1500",
    ),
    (re.compile(r"[+-]?(inf|infinity)", re.IGNORECASE), "it is not finite"),
    (re.compile(rf"[$€£]\s*{NUMBER.pattern}|{NUMBER.pattern}\s*[%€$£]"), "leave the unit out"),
)


def _advice(text: str) -> str:
    """What to do about a cell that is nearly a number; empty if it is not.

    >>> _advice(" 1.5")
    'remove the spaces around it'
    >>> _advice("one")
    ''
    """
    bare = text.strip()
    if NUMBER.fullmatch(bare):
        fits = "it is too large for a 64-bit number" if not is_number(bare) else ""
        return fits or ("" if bare == text else "remove the spaces around it")
    for pattern, words in LIKE_NUMBERS:
        if pattern.fullmatch(bare):
            return words
    if bare in MISSING:
        return ""
    try:
        float(bare)
    except ValueError:
        return ""
    return "use the digits 0 to 9 and nothing between them"


def _mostly_numbers(columns: Sequence[Column]) -> bool:
    """Whether at least half of the cells that are not missing are numbers or nearly so."""
    like = there = 0
    for column in columns:
        if not isinstance(column, Texts):
            return True
        if numbers(column.values) is not None:
            like, there = like + len(column.codes), there + len(column.codes)
            continue
        for value, count in zip(column.values, column.counts().tolist(), strict=True):
            there += count if value not in MISSING else 0
            like += count if is_number(value) or _advice(value) else 0
    return 0 < there <= 2 * like


def _text_among_numbers(sheets: Sequence[_Sheet], name: str, hint: str) -> list[str]:
    columns = [sheet.columns[name] for sheet in sheets]
    return _offences(sheets, name, _no_number, "a number", hint) if _mostly_numbers(columns) else []


def _width_problems(sheets: Sequence[_Sheet], name: str) -> Iterator[str]:
    where = f"{sheets[0].source.file}: column {show(name)}"
    columns = [sheet.columns[name] for sheet in sheets]
    if _gap_rows(columns[0]).all():
        yield f"{where}: every cell is missing, expected some values (leave it out: data.drop)"
    elif (width := len(_categories(columns))) > MAX_CATEGORIES:
        came = f"{where}: {width} different texts came, expected at most {MAX_CATEGORIES} categories"
        yield f"{came} (leave it out: data.drop)"


def _labels(sheets: Sequence[_Sheet], target: str) -> list[str]:
    """The different targets of all files as written."""
    columns = [sheet.columns[target] for sheet in sheets]
    texts = {value for column in columns if isinstance(column, Texts) for value in column.values}
    return sorted(texts)


def _label_problems(where: str, labels: Sequence[str]) -> Iterator[str]:
    if len(labels) == 1:
        yield f"{where}: one class, {show(labels[0])}, came, expected two or more"
    if len(labels) > MAX_CLASSES:
        yield f"{where}: {len(labels)} different values came, expected at most {MAX_CLASSES} classes"
    seen: dict[str | float, str] = {}
    for label in labels:
        key = float(label) if is_number(label) else label.strip().casefold()
        if key in seen:
            yield f"{where}: {show(seen[key])} and {show(label)} came, expected one spelling for a class"
        seen[key] = label


def _no_whole_number(text: str) -> bool:
    return text not in MISSING and not float(text).is_integer()


def _constant_target(where: str, labels: Sequence[str]) -> Iterator[str]:
    if len({float(label) for label in labels}) == 1:
        yield f"{where}: {labels[0]} came in every row, expected a target that varies"


def _refuse(file: str, problems: Iterator[str]) -> None:
    """Raise an error that tells the first problems, if there are any."""
    told = list(islice(problems, MAX_TOLD + 1))  # each costs a slow walk through the file
    if len(told) > MAX_TOLD:
        told[-1] = f"{file}: there are more problems; these are the first {MAX_TOLD}"
    if told:
        raise InputError(*told)


def _digest(files: Iterable[bytes]) -> str:
    first, *others = map(sha256, files)
    return sha256("\n".join([first, *others]).encode()) if others else first


def _check_different(data: dict[str, bytes]) -> None:
    for key in data.keys() - {"path"}:
        if data[key] == data["path"]:
            message = f"data.{key}: the file holds the same bytes as data.path, expected other rows"
            raise SettingError(("data", key), message)


def _without_gaps(sheet: _Sheet) -> _Sheet:
    gaps = np.any([_gap_rows(column) for column in sheet.columns.values()], axis=0)
    if gaps.all():
        raise InputError(
            f"{sheet.source.file}: every row has a missing cell, so data.missing: drop leaves none"
        )
    keep = np.flatnonzero(~gaps)
    return replace(sheet, columns={name: _take(column, keep) for name, column in sheet.columns.items()})


def _take(column: Column, rows: NDArray[np.intp]) -> Column:
    if not isinstance(column, Texts):
        return column[rows]
    used, codes = np.unique(column.codes[rows], return_inverse=True)
    return Texts(codes.astype(np.int64), tuple(column.values[i] for i in used))


def _category(text: str) -> str:
    return MISSING_CATEGORY if text in MISSING else text


def _categories(columns: Sequence[Column]) -> list[str]:
    return sorted({_category(v) for column in columns if isinstance(column, Texts) for v in column.values})


def _encode(sheets: Sequence[_Sheet], target: str, task: Task) -> list[Table]:
    """The sheets as tables that share columns, categories and classes."""
    names: list[str] = []
    blocks: list[list[Numbers]] = [[] for _ in sheets]
    for name in sheets[0].columns:
        if name == target:
            continue
        columns = [sheet.columns[name] for sheet in sheets]
        categories = _categories(columns)
        names += [f"{name}={category}" for category in categories] or [name]
        for block, column in zip(blocks, columns, strict=True):
            block.append(_one_hot(column, categories) if isinstance(column, Texts) else column[:, None])
    labels = _labels(sheets, target)
    classes = () if task == "regression" else tuple(sorted(labels, key=_label_order(labels)))
    return [
        Table(
            np.concatenate(block, axis=1),
            _target(sheet.columns[target], classes),
            tuple(names),
            task,
            classes,
        )
        for block, sheet in zip(blocks, sheets, strict=True)
    ]


def _label_order(labels: Sequence[str]) -> Callable[[str], float] | None:
    return None if numbers(labels) is None else float


def _one_hot(column: Texts, categories: Sequence[str]) -> Numbers:
    return np.eye(len(categories))[_recoded(column, categories, _category)]


def _recoded(column: Texts, order: Sequence[str], rename: Callable[[str], str] = str) -> NDArray[np.int64]:
    """The rows of the column as indexes into `order`."""
    at = {value: i for i, value in enumerate(order)}
    return np.array([at[rename(value)] for value in column.values], dtype=np.int64)[column.codes]


def _target(column: Column, classes: Sequence[str]) -> NDArray[np.float64] | NDArray[np.int64]:
    assert isinstance(column, Texts), "the target is always read as texts"
    if classes:
        return _recoded(column, classes)
    return np.array([float(value) for value in column.values])[column.codes][:, None]


def _notes(table: Table, file: str, dropped: int) -> tuple[str, ...]:
    notes = [f"{file}: {dropped} rows with missing cells are left out"] if dropped else []
    for name, column in zip(table.feature_names, table.features.T, strict=True):
        if np.nanmin(column) == np.nanmax(column):
            notes.append(f"{file}: column {show(name)} is the same in every row")
        elif len(column) > 2 and (np.diff(column) == 1).all():
            notes.append(
                f"{file}: column {show(name)} counts the rows; if it is an id, list it under data.drop"
            )
    return tuple(notes)
