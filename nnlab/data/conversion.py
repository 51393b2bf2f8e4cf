"""Conversion: large CSV files into files of numbers, block by block, in little memory.

What is read is judged as always. Where anything is at fault, or a file is not what its first lines promise
again and again, `Unfit` is raised: reading it as a whole tells the user why.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.cores import threads_allowed
from nnlab.data import blocks
from nnlab.data.array_file import ArrayFile
from nnlab.data.encoding import Encoding, labels_of
from nnlab.data.judging import Judge
from nnlab.data.quick_csv import quick_body
from nnlab.data.ranges import Ranges
from nnlab.data.sheets import Sheet, read_sheets, texts_among
from nnlab.data.strict_csv import CsvFile, numbers, open_csv
from nnlab.data.summary import NoCells, Summary
from nnlab.errors import InputError, SettingError

SAMPLE = 1 << 20  # bytes at the beginning of a file, from which the rest is guessed
PASSES = 4  # each learns categories or texts that those before did not expect
MOST_TEXTS = 5000  # different ones in a column; more cannot be categories or classes
SURELY_NUMBERS = 20  # different numbers: `task: auto` never takes more for classes


class Unfit(Exception):
    """These files have to be read as a whole."""


@dataclass(frozen=True)
class Converted:
    """What was written.

    Args:
        encoding: what the numbers mean.
        ranges: of the features of each file.
        dropped: rows left out since a cell is missing.
    """

    encoding: Encoding
    ranges: Mapping[str, Ranges]
    dropped: int


@dataclass(frozen=True)
class Order:
    """What is to be read, and how.

    Args:
        paths: the files, by the settings that name them.
        heads: each file's name and line of column names, and its first lines.
        names: the columns to read.
        texts: those of them to read as texts.
        judge: who decides whether they can be used.
    """

    paths: Mapping[str, Path]
    heads: Mapping[str, CsvFile]
    names: Sequence[str]
    texts: frozenset[str]
    judge: Judge


def heads_of(
    paths: Mapping[str, Path], shown: Mapping[str, str], delimiter: str, encoding: str
) -> dict[str, CsvFile]:
    """The first lines of each file.

    Args:
        shown: the paths as the user wrote them.

    Raises:
        Unfit: there is something wrong with them.
    """
    if encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
        raise Unfit
    try:
        first = {key: next(blocks.lines(path, min(SAMPLE, blocks.BLOCK)), b"") for key, path in paths.items()}
        heads = {key: open_csv(data, shown[key], delimiter, encoding) for key, data in first.items()}
        tops = {key: open_csv(_top(head), shown[key], delimiter, encoding) for key, head in heads.items()}
    except (InputError, SettingError, ValueError):
        raise Unfit from None
    if any(b"\r" in _top(head) or head.header != tops[key].header for key, head in heads.items()):
        raise Unfit  # the names and the first line are not the same
    return heads


def _top(head: CsvFile) -> bytes:
    """The first line."""
    return head.data.partition(b"\n")[0].removesuffix(b"\r")


def convert(order: Order, folder: Path) -> Converted:
    """Write the features and the target of each file into files of the folder.

    Args:
        folder: `<key>.features.npy` and `<key>.target.npy` will be there.

    Raises:
        Unfit: reading the files as a whole will tell why.
        OSError: something cannot be written.
    """
    try:
        return _convert(order, folder)
    except (InputError, SettingError, NoCells, ValueError):
        raise Unfit from None


def _convert(order: Order, folder: Path) -> Converted:
    _keep_freed_memory()
    order, encoding = _expected(order)
    for _ in range(PASSES):
        done = _Pass(order, encoding, folder)
        before, after = done.run()
        if done.texts == order.texts:
            found = _judged(order, before, after)
            if found == encoding:
                rows = sum(summary.rows for summary in before.values())
                left = sum(summary.rows for summary in after.values())
                return Converted(encoding, done.ranges, rows - left)
            encoding = found
        order = replace(order, texts=done.texts)
    raise Unfit


def _keep_freed_memory() -> None:
    """Let the C library keep the memory of one block for the next, instead of returning it to the system.

    Pages that come back are cleared first, which took a fifth of the time. glibc goes by the largest piece
    that was ever freed, up to 32 MiB; other libraries do not mind.
    """
    np.empty(31 << 20, np.uint8)


def _expected(order: Order) -> tuple[Order, Encoding]:
    """What the first lines of the files let expect."""
    judge, files = order.judge, list(order.heads.values())
    sheets = read_sheets(files, order.names, order.texts)
    texts = order.texts.union(*(texts_among(sheet.columns, order.names) for sheet in sheets))
    if judge.task != "classification" and _are_numbers(labels_of(sheets, judge.target)):
        texts -= {judge.target}  # a million of them as texts would take their time
    order = replace(order, texts=texts)
    sheets = read_sheets(files, order.names, order.texts)
    if judge.missing == "drop":
        sheets = [sheet.without_gaps() for sheet in sheets]
    return order, Encoding.of(sheets, judge.target, judge.task_of(sheets))


def _are_numbers(labels: Sequence[str]) -> bool:
    """Whether a target is surely one of numbers, none of them missing."""
    values = numbers(labels)
    return values is not None and len(np.unique(values)) > SURELY_NUMBERS and not np.isnan(values).any()


def _judged(order: Order, before: Mapping[str, Summary], after: Mapping[str, Summary]) -> Encoding:
    """The encoding that fits all that was read, if there is nothing to complain about."""
    judge = order.judge
    read = [summary.sheet(order.heads[key]) for key, summary in before.items()]
    kept = [summary.sheet(order.heads[key]) for key, summary in after.items()]
    if any(judge.cell_problems(read)) or not all(map(len, kept)) or any(judge.column_problems(kept)):
        raise Unfit
    return Encoding.of(kept, judge.target, judge.task_of(kept))


@dataclass(frozen=True)
class _Stretch:
    """What became of some lines.

    Args:
        texts: columns that turned out to be no numbers; there is nothing else then.
        before: of all rows.
        after: of those that are kept.
        arrays: their features and target; None if something was not expected.
    """

    texts: frozenset[str]
    before: Summary | None = None
    after: Summary | None = None
    arrays: tuple[NDArray[np.float64], NDArray[Any]] | None = None
    ranges: Ranges | None = None


class _Pass:
    """All files once from front to back; parsing and encoding work on several cores."""

    def __init__(self, order: Order, encoding: Encoding, folder: Path) -> None:
        self._order, self._encoding, self._folder = order, encoding, folder
        self.texts = order.texts
        self.ranges: dict[str, Ranges] = {}
        self._expected = True  # so far

    def run(self) -> tuple[dict[str, Summary], dict[str, Summary]]:
        """What was read of each file, and what was kept; incomplete if there were unexpected texts."""
        before: dict[str, Summary] = {}
        after: dict[str, Summary] = {}
        for key, head in self._order.heads.items():
            with ExitStack() as files:
                features, target = (
                    files.enter_context(ArrayFile(self._folder / f"{key}.{what}.npy"))
                    for what in ("features", "target")
                )
                for stretch in self._stretches(key, head):
                    self.texts |= stretch.texts
                    if stretch.before is None or stretch.after is None:
                        continue
                    before[key] = before[key].with_more(stretch.before) if key in before else stretch.before
                    after[key] = after[key].with_more(stretch.after) if key in after else stretch.after
                    _refuse_many_texts(before[key])
                    if stretch.arrays is None or not self._expected:
                        self._expected = False
                    elif len(stretch.arrays[0]):
                        features.append(stretch.arrays[0])
                        target.append(stretch.arrays[1])
                        self._note(key, stretch.ranges)
        return before, after

    def _note(self, key: str, ranges: Ranges | None) -> None:
        assert ranges is not None
        self.ranges[key] = self.ranges[key].then(ranges) if key in self.ranges else ranges

    def _stretches(self, key: str, head: CsvFile) -> Iterator[_Stretch]:
        """The stretches of a file, in their order."""
        workers = threads_allowed()
        waiting: deque[Future[_Stretch]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            for body in _bodies(self._order.paths[key]):
                waiting.append(pool.submit(self._read, head, body))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _read(self, head: CsvFile, body: bytes) -> _Stretch:
        order = self._order
        if b"\0" in body or body.endswith(b"\r") or not _is_utf8(body):
            raise Unfit
        columns = quick_body(head, body, order.names, order.texts)
        if columns is None:
            columns = replace(head, data=_top(head) + b"\n" + body).columns(order.names, order.texts)
        if more := texts_among(columns, order.names) - order.texts:
            return _Stretch(frozenset(more))
        sheet = Sheet(head, {name: columns[name] for name in order.names})
        kept = sheet.without_gaps() if order.judge.missing == "drop" else sheet
        before = Summary.of(sheet)
        after = before if kept is sheet else Summary.of(kept)
        if not self._expected or not self._encoding.fits(kept):
            return _Stretch(frozenset(), before, after)
        features = self._encoding.features(kept)
        ranges = Ranges.of(features) if len(features) else None
        return _Stretch(frozenset(), before, after, (features, self._encoding.labels(kept)), ranges)


def _bodies(path: Path) -> Iterator[bytes]:
    """The lines of a file below that of the column names, in stretches."""
    for i, body in enumerate(blocks.lines(path, blocks.BLOCK)):
        below = body if i else body.partition(b"\n")[2]
        if below:
            yield below


def _is_utf8(data: bytes) -> bool:
    return data.isascii() or bool(data.decode("utf-8"))


def _refuse_many_texts(summary: Summary) -> None:
    if any(len(column.texts) > MOST_TEXTS for column in summary.columns.values() if column.texts):
        raise Unfit
