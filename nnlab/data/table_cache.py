"""The cache of large tables: each is converted once, into files that commands and workers map.

    <cache>/<key>/          one conversion; the key is a hash of content and settings
        about.json          what the numbers mean
        path.features.npy   float64, (rows, features); validation_path and test_path likewise
        path.target.npy     as `Table.target` has it
        path.ranges.npy     what is known of every column

A conversion is made beside its place and renamed as a whole, so that two commands at the same time do not
disturb each other, and nothing half made is ever found. What does not look right is made anew.
"""

import contextlib
import errno
import hashlib
import json
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.data.ranges import Ranges
from nnlab.data.table import Table, Task

FOLDER = ".cache"  # in the folder that experiments go into
VERSION = 1  # of what is written: raise it when a change makes other numbers of the same file
HALF_MADE = ".half-made"
ABOUT = "about.json"
ENTRY = re.compile(rf"[0-9a-f]{{32}}({re.escape(HALF_MADE)})?")


@dataclass(frozen=True)
class Kept:
    """What is in the cache of one table.

    Args:
        tables: by the settings that name their files.
        dropped: rows left out since a cell is missing.
    """

    tables: Mapping[str, Table]
    dropped: int


@dataclass(frozen=True)
class TableCache:
    """A folder of converted tables.

    Args:
        folder: need not exist.
        tell: says to the user what takes a while.
    """

    folder: Path
    tell: Callable[[str], None] = lambda words: None

    def find(self, key: str) -> Kept | None:
        """What is kept under a key, if it is there and whole."""
        try:
            return _load(self.folder / key)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError):
            return None

    def may_hold(self, settings: Mapping[str, Any]) -> bool:
        """Whether something was read with these settings; quickly, and false only if nothing was."""
        return any(self.folder.glob(f"{_hash(settings)[:8]}*"))

    @contextlib.contextmanager
    def place(self, key: Callable[[], str]) -> Iterator[Path]:
        """An empty folder to put a conversion into; it goes to its place at the end, if there is no error.

        Args:
            key: asked for at the end.

        Raises:
            OSError: it cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f"{uuid.uuid4().hex}{HALF_MADE}"
        temporary.mkdir()
        try:
            yield temporary
            name = key()
            if self.find(name) is None:  # another command may have been faster
                shutil.rmtree(self.folder / name, ignore_errors=True)
                _put_in_place(temporary, self.folder / name)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def key_of(settings: Mapping[str, Any], digest: str) -> str:
    """The name of a conversion.

    Args:
        settings: all that decides how the content is read; where the files lie is no part of it.
        digest: of the content.
    """
    return _hash(settings)[:8] + _hash([settings, digest])[:24]


def _hash(facts: Any) -> str:
    return hashlib.sha256(json.dumps([VERSION, facts], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Entry:
    """A folder in the cache.

    Args:
        size: bytes of its files.
        whole: false for what an interrupted conversion left behind.
    """

    path: Path
    size: int
    whole: bool


def entries(cache: Path) -> list[Entry]:
    """What conversions have left in a cache; nothing else that may be there.

    Raises:
        OSError: it cannot be read.
    """
    try:
        found = sorted(path for path in cache.iterdir() if ENTRY.fullmatch(path.name) and path.is_dir())
    except FileNotFoundError:
        return []
    return [Entry(path, _size(path), not path.name.endswith(HALF_MADE)) for path in found]


def remove(cache: Path, found: Sequence[Entry]) -> None:
    """Remove entries; whoever has mapped their files keeps reading them.

    Raises:
        OSError: one cannot be removed.
    """
    for entry in found:
        with contextlib.suppress(FileNotFoundError):  # somebody else was faster
            shutil.rmtree(entry.path)
    with contextlib.suppress(OSError):  # something else is there, or nothing
        cache.rmdir()


def _size(folder: Path) -> int:
    total = 0
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # a conversion that ends just now
            total += path.stat().st_size
    return total


def write_about(
    folder: Path,
    tables: Sequence[str],
    feature_names: Sequence[str],
    task: Task,
    classes: Sequence[str],
    dropped: int,
) -> None:
    """Say what the numbers mean that were put into a folder.

    Args:
        tables: the settings that name their files.
    """
    about = {
        "tables": tables,
        "feature_names": feature_names,
        "class_names": classes,
        "task": task,
        "dropped": dropped,
    }
    (folder / ABOUT).write_text(json.dumps(about))


def write_ranges(folder: Path, key: str, ranges: Ranges) -> None:
    """Say what is known of the columns of one table that was put into a folder."""
    rows = [getattr(ranges, field.name).astype(np.float64) for field in fields(Ranges)[1:]]
    np.save(folder / f"{key}.ranges.npy", np.stack(rows))


def _load(folder: Path) -> Kept:
    about = json.loads((folder / ABOUT).read_text())
    tables = {}
    for key in about["tables"]:
        path = folder / f"{key}.features.npy"
        features = np.load(path, mmap_mode="r")
        target = np.load(folder / f"{key}.target.npy", mmap_mode="r")
        columns = np.load(folder / f"{key}.ranges.npy")
        names, classes = tuple(about["feature_names"]), tuple(about["class_names"])
        lowest, highest, gaps, counts, first, last = columns
        ranges = Ranges(len(features), lowest, highest, gaps != 0, counts != 0, first, last)
        sound = features.shape == (len(target), len(names)) and columns.shape[1] == len(names)
        if not sound or features.dtype != np.float64 or target.ndim != (1 if classes else 2):
            raise ValueError(f"{path} is not what {ABOUT} says")
        tables[key] = Table(features, target, names, about["task"], classes, ranges=ranges)
    return Kept(tables, about["dropped"])


def _put_in_place(temporary: Path, place: Path) -> None:
    try:
        temporary.rename(place)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):  # as another command has done
            raise
