"""The columns of a large and plain CSV file, many times faster than `strict_csv` reads them.

Pandas' parser is fast and forgiving. It is used only where the bytes prove that there is nothing to
forgive: no quotes, no white space, the same number of cells in every row. The numbers it gives
are those of Python's `float`, and a test compares both ways of reading.
"""

import codecs
import csv
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from nnlab.data.strict_csv import Column, CsvFile, Texts, numbers

LARGE = 1_000_000  # bytes: below, importing pandas takes longer than reading strictly
NEVER_PLAIN = (b'"', b" ", b"\t", b"\v", b"\f", b"\r")  # beside what separates cells


def quick_columns(
    file: CsvFile, names: Collection[str], texts: Collection[str], large: int = LARGE
) -> dict[str, Column] | None:
    """What `file.columns(names, texts)` gives, or None if the file is small or not plain.

    A column may be left out, which asks for reading it as texts.

    Args:
        file: the file, opened and checked.
        names: columns to read.
        texts: those of them to keep as texts.
        large: bytes from which on a file is read this way.
    """
    if len(file.data) < large:
        return None
    head, _, body = file.data.partition(b"\n")
    return None if b'"' in head else quick_body(file, body, names, texts)


def quick_body(
    file: CsvFile, body: bytes, names: Collection[str], texts: Collection[str]
) -> dict[str, Column] | None:
    """The columns of some lines of a file, or None if they are not plain.

    Args:
        body: the lines, without an end of line behind the last one.
    """
    if b"\r" in body:  # looking for one character is many times faster than for two
        body = body.replace(b"\r\n", b"\n")
    if not body or not _is_plain(body, file.delimiter, len(file.header)):
        return None
    frame = _frame(file, body, names, texts)
    columns = {name: _column(frame[name], name in texts) for name in file.header if name in names}
    return {name: column for name, column in columns.items() if column is not None}


def _is_plain(body: bytes, delimiter: str, width: int) -> bool:
    cut = delimiter.encode()
    if width < 2 or len(cut) > 1 or body.endswith(b"\n") or body.startswith(codecs.BOM_UTF8):
        return False  # the parser would skip what looks like a byte order mark
    if any(byte in body for byte in NEVER_PLAIN if byte != cut):
        return False
    text = np.frombuffer(body, np.uint8)
    starts = np.append(0, np.flatnonzero(text == ord("\n")) + 1)
    cuts = (text == cut[0]).view(np.uint8)
    # Counted in 8 bits, which is fast, a row might be 256 too wide; the sum over all rows would show it.
    each = np.add.reduceat(cuts, starts, dtype=np.uint8 if width <= 256 else np.uint32)
    return bool((each == width - 1).all()) and np.count_nonzero(cuts) == (width - 1) * len(starts)


def _frame(file: CsvFile, body: bytes, names: Collection[str], texts: Collection[str]) -> Any:
    import pandas as pd

    # Until 3.1 pandas' own way of reading numbers could be off in the last digit.
    old = tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1)
    exact: dict[str, Any] = {"float_precision": "round_trip"} if old else {}
    reader: Any = _Reader(body)
    return pd.read_csv(
        reader,
        sep=file.delimiter,
        header=None,
        names=list(file.header),
        usecols=list(names),
        index_col=False,
        dtype=dict.fromkeys(texts, object),
        na_filter=False,
        quoting=csv.QUOTE_NONE,
        low_memory=False,
        **exact,
    )


class _Reader:
    """A file of bytes that pandas' parser takes as they are; a BytesIO it would decode and encode first."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int = -1) -> bytes:
        """All bytes, whatever size is asked for: the parser takes more than it asks for."""
        data, self._data = self._data, b""
        return data

    def __iter__(self) -> Iterator[bytes]:  # that there is one makes it a file
        return iter(())


def _column(series: Any, as_text: bool) -> Column | None:
    import pandas as pd

    if series.dtype.kind in "fiu":
        values = series.to_numpy(dtype=np.float64)
        return values if np.isfinite(values).all() else None
    if series.dtype.kind == "b":
        return None  # read as true and false: how it was written is lost
    codes, uniques = pd.factorize(series)
    values = [str(value) for value in uniques]
    found = None if as_text else numbers(values)  # numbers with gaps come as texts
    return Texts(codes.astype(np.int64), tuple(values)) if found is None else found[codes]
