"""Read one CSV file strictly: what is not plainly a table with numbers or texts is refused.

Most cells are numbers, and there may be tens of millions, so columns are converted a chunk at a
time by C code. Line numbers are not kept on the way: when something is wrong, the file is walked
again slowly, and the message says where.
"""

import codecs
import csv
import hashlib
import io
import math
import pathlib
import re
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nnlab.errors import InputError, SettingError
from nnlab.registry import did_you_mean, show

T = TypeVar("T")
Numbers = NDArray[np.float64]  # NaN: the cell is missing

MISSING = frozenset({"", "NA", "N/A", "n/a", "NaN", "NAN", "nan", "null", "NULL", "?"})
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
NUMBER_CHARACTERS = b"0123456789+-.eE"
CHUNK = 512  # rows: their cells stay in the cache

MAGIC = {
    b"\x1f\x8b": "gzip; unpack it first",
    b"BZh": "bzip2; unpack it first",
    b"\xfd7zXZ\x00": "xz; unpack it first",
    b"\x28\xb5\x2f\xfd": "zstd; unpack it first",
    b"PK\x03\x04": "zip or xlsx; unpack it, or save the sheet as CSV, first",
    b"\xd0\xcf\x11\xe0": "an Excel sheet; save it as CSV first",
    b"PAR1": "Parquet; convert it to CSV first",
    b"%PDF": "PDF; a CSV file is needed",
    b"SQLite format 3\x00": "an SQLite database; export the table as CSV first",
    b"\x89HDF": "HDF5; convert it to CSV first",
}


@dataclass(frozen=True)
class Texts:
    """A column of texts, each different text stored once.

    Args:
        codes: shape (rows,), int64, indexes `values`.
        values: the different texts, as written.
    """

    codes: NDArray[np.int64]
    values: tuple[str, ...]

    def counts(self) -> NDArray[np.int64]:
        """How often each value stands in the column."""
        return np.bincount(self.codes, minlength=len(self.values)).astype(np.int64)

    def where(self, test: Callable[[str], bool]) -> NDArray[np.bool_]:
        """Which rows hold a text that passes the test."""
        passed = np.fromiter(map(test, self.values), np.bool_, len(self.values))
        return passed[self.codes]


Column = Numbers | Texts


@dataclass(frozen=True)
class CsvFile:
    """The text of one table, checked as far as that goes without reading its columns.

    Args:
        file: the path as the user wrote it, for messages.
        data: the table in UTF-8, without byte order mark and without empty lines at the end.
        delimiter: one character.
        header: the names of the columns.
    """

    file: str
    data: bytes
    delimiter: str
    header: tuple[str, ...]

    def columns(self, names: Collection[str], texts: Collection[str]) -> dict[str, Column]:
        """The columns `names`, those in `texts` as texts whatever they hold.

        A column that turns out not to be all numbers comes as texts if its first chunk shows it
        already, and is left out otherwise: ask again with its name in `texts`.

        Args:
            names: columns to read.
            texts: those of them to keep as texts.

        Raises:
            InputError: ragged rows, quotes that do not match, no rows.
        """
        positions = {name: i for i, name in enumerate(self.header) if name in names}
        builders: dict[str, Any] = {name: _TextBuilder() for name in positions if name in texts}
        rows = 0
        for chunk in self._chunks():
            cells = list(zip(*chunk, strict=True))
            for name, i in positions.items():
                if rows == 0 and name not in builders:
                    builders[name] = [] if numbers(cells[i]) is not None else _TextBuilder()
                if name in builders and not _add(builders[name], cells[i]):
                    del builders[name]
            rows += len(chunk)
        if rows == 0:
            raise InputError(f"{self.file}: a line of column names and no rows came, expected rows")
        return {name: _column(builders[name]) for name in positions if name in builders}

    def cells_at(self, rows: Sequence[int], name: str) -> list[tuple[int, str]]:
        """Line number and text of one column's cells in these rows, which count from 0, rising."""
        i, wanted = self.header.index(name), set(rows)
        body = islice(self._numbered(), 1, max(wanted) + 2)
        return [(line, cells[i]) for row, (line, cells) in enumerate(body) if row in wanted]

    def _chunks(self) -> Iterator[list[list[str]]]:
        reader = _reader(self.data, self.delimiter)
        try:
            next(reader)
            while chunk := list(islice(reader, CHUNK)):
                if set(map(len, chunk)) != {len(self.header)}:
                    self._tell_fault()
                yield chunk
        except csv.Error:
            self._tell_fault()

    def _tell_fault(self) -> None:
        for _ in self._numbered():
            pass
        raise AssertionError("the slow walk met no fault")

    def _numbered(self) -> Iterator[tuple[int, list[str]]]:
        """All rows with the physical line on which they start, checked one by one."""
        reader, line, width = _reader(self.data, self.delimiter), 1, len(self.header)
        while True:
            try:
                row = next(reader, None)
            except csv.Error as error:
                raise InputError(f"{self.file}:{line}: {_csv_words(error)}") from None
            if row is None:
                return
            if len(row) != width:
                came = f"{len(row)} cell{'s' if len(row) > 1 else ''} came" if row else "an empty line came"
                hint = f" (a {self.delimiter!r} inside a cell? put the cell in quotes)"
                raise InputError(
                    f"{self.file}:{line}: {came}, expected {width} cells as in line 1"
                    + (hint if len(row) > width else "")
                )
            yield line, row
            line = reader.line_num + 1


def open_csv(data: bytes, path: str, delimiter: str, encoding: str) -> CsvFile:
    """Check the bytes of a table, and read its line of column names.

    Args:
        data: the bytes of the file.
        path: the file as the user wrote it, for messages.
        delimiter: the character between cells.
        encoding: a text encoding that Python knows.

    Raises:
        SettingError: the delimiter or the encoding cannot be used.
        InputError: the file is empty, no text, not in this encoding, or its names are at fault.

    >>> open_csv(b"a;b\\n1;2", "x.csv", ";", "utf-8").header
    ('a', 'b')
    """
    if len(delimiter) != 1 or delimiter in "\"'\r\n\0+-." or delimiter.isalnum():
        came = f"data.delimiter: {show(delimiter)} came"
        raise SettingError(("data", "delimiter"), f"{came}, expected one character such as ',' ';' or '\\t'")
    file = plain(path)
    data = _as_utf8(file, data, encoding).rstrip(b"\r\n")
    if not data:
        raise InputError(f"{file}: the file is empty, expected a line of column names and rows")
    if (at := data.find(b"\0")) >= 0:
        raise InputError(f"{file}:{_line(data, at)}: a NUL byte came, expected text")
    return CsvFile(file, data, delimiter, _header(file, data, delimiter))


def read_bytes(folder: pathlib.Path, path: str, key: str) -> bytes:
    """The bytes of the file that the setting `data.<key>` names.

    Raises:
        SettingError: nothing there, or no regular file, or no permission.
    """
    return with_file(folder, path, key, pathlib.Path.read_bytes)


def with_file(folder: pathlib.Path, path: str, key: str, use: Callable[[pathlib.Path], T]) -> T:
    """What `use` makes of the file that the setting `data.<key>` names.

    Raises:
        SettingError: nothing there, or no regular file, or no permission.
    """
    full, what = folder / path, f"data.{key}: {show(path)}"
    try:
        mode = full.stat().st_mode
        if stat.S_ISREG(mode):
            return use(full)
        fault = "is a directory" if stat.S_ISDIR(mode) else "is not a regular file"
        fault += ", expected a CSV file"
    except FileNotFoundError:
        fault = "does not exist" + did_you_mean(full.name, _neighbours(full))
        fault += "; download the file first" if "://" in path else ""
    except (OSError, ValueError) as error:
        fault = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    raise SettingError(("data", key), f"{what} {fault}")


def sha256(data: bytes) -> str:
    """The SHA-256 of the bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def numbers(cells: Sequence[str]) -> Numbers | None:
    """The cells as numbers, NaN where one is missing; None if one is neither.

    Python's `float` takes more than a table should hold (`1_000`, ` infinity`, digits of every
    script), so what may stand in a cell is checked for the whole column at once, before it.

    >>> numbers(["1", "-2.5e3"]).tolist()
    [1.0, -2500.0]
    >>> numbers(["1", "1_000"]) is None
    True
    """
    if not "".join(cells).encode().translate(None, NUMBER_CHARACTERS):
        try:
            values = np.fromiter(map(float, cells), np.float64, len(cells))
        except ValueError:
            pass  # an empty cell, or something like 1.2.3: the careful way knows
        else:
            if np.isfinite(values).all():
                return values
    if not all(cell in MISSING or is_number(cell) for cell in cells):
        return None
    return np.array([math.nan if cell in MISSING else float(cell) for cell in cells])


def is_number(cell: str) -> bool:
    """Whether the cell is written as a number that float64 can hold."""
    return NUMBER.fullmatch(cell) is not None and math.isfinite(float(cell))


def plain(text: str) -> str:
    """The text with everything escaped that could play tricks in a terminal."""
    return text if text.isprintable() else repr(text)[1:-1]


class _TextBuilder:
    """Collects the texts of one column chunk by chunk."""

    def __init__(self) -> None:
        self.index: dict[str, int] = {}
        self.codes: list[NDArray[np.int64]] = []

    def add(self, cells: Sequence[str]) -> None:
        index = self.index
        codes = (index.setdefault(cell, len(index)) for cell in cells)
        self.codes.append(np.fromiter(codes, np.int64, len(cells)))


def _add(builder: Any, cells: Sequence[str]) -> bool:
    if isinstance(builder, _TextBuilder):
        builder.add(cells)
        return True
    values = numbers(cells)
    builder.append(values)
    return values is not None


def _column(builder: Any) -> Column:
    if isinstance(builder, _TextBuilder):
        return Texts(np.concatenate(builder.codes), tuple(builder.index))
    joined: Numbers = np.concatenate(builder)
    return joined


def _reader(data: bytes, delimiter: str) -> Any:
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    return csv.reader(text, delimiter=delimiter, strict=True)


def _csv_words(error: csv.Error) -> str:
    words = str(error)
    if "unexpected end of data" in words:
        return "a quote is opened in this row and never closed"
    if "field larger than" in words:
        return f"a cell is longer than {csv.field_size_limit()} characters (is a quote never closed?)"
    if "expected after" in words:
        return "text stands after a closing quote (a quote inside a quoted cell is written twice)"
    return plain(words)


def _as_utf8(file: str, data: bytes, encoding: str) -> bytes:
    for magic, words in MAGIC.items():
        if data.startswith(magic):
            raise InputError(f"{file}: looks like {words}")
    try:
        if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig"):
            if not data.isascii():
                data.decode("utf-8")
            return data.removeprefix(codecs.BOM_UTF8)
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"{file}:{_line(data, error.start)}: {_encoding_words(data, error)}") from None
    except (LookupError, UnicodeError, ValueError):
        message = f"data.encoding: {show(encoding)} is not a text encoding; utf-8 and latin-1 are common"
        raise SettingError(("data", "encoding"), message) from None
    return text.removeprefix("\ufeff").encode("utf-8", errors="replace")


def _encoding_words(data: bytes, error: UnicodeDecodeError) -> str:
    guess = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1"
    return (
        f"byte {error.start} of the file, 0x{data[error.start]:02x}, is not {plain(error.encoding)}"
        f" (in another encoding? say which, such as data.encoding: {guess})"
    )


def _header(file: str, data: bytes, delimiter: str) -> tuple[str, ...]:
    try:
        names: list[str] = next(_reader(data, delimiter))
    except csv.Error as error:
        raise InputError(f"{file}:1: {_csv_words(error)}") from None
    if not names:
        raise InputError(f"{file}:1: an empty line came, expected column names")
    if len(names) == 1 and (other := next((c for c in ";\t,|" if c in names[0]), None)):
        message = f"data.delimiter: {show(delimiter)} makes one column of {file}, whose first line has"
        raise SettingError(("data", "delimiter"), f"{message} {show(other)} (set delimiter: {_yaml(other)})")
    faults = [f"{file}:1: column {i + 1} has no name" for i, name in enumerate(names) if not name.strip()]
    for i, name in enumerate(names):
        if name.strip() and name in names[:i]:
            first = names.index(name) + 1
            faults.append(f"{file}:1: column {show(name)} stands twice, as column {first} and column {i + 1}")
    if faults:
        raise InputError(*faults)
    return tuple(names)


def _yaml(character: str) -> str:
    return '"\\t"' if character == "\t" else f'"{character}"'


def _line(data: bytes, at: int) -> int:
    return data.count(b"\n", 0, at) + 1


def _neighbours(path: pathlib.Path) -> list[str]:
    try:
        return [plain(other.name) for other in path.parent.iterdir()]
    except OSError:
        return []
