"""Files of an experiment: replaced as a whole, and their faults told in one line."""

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from nnlab.errors import EnvironmentFault

DATABASE = "results.sqlite"


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace a file as a whole: a reader, or a crash, finds the old content or the new.

    Raises:
        OSError: it cannot be written.
    """
    if path.is_dir():  # `/` and `.` have no name to begin with
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def environment(folder: Path) -> Iterator[None]:
    """Tells the faults of disks and databases in one line."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        reason = "the disk is full" if full else error.strerror or str(error)
        again = "; the same command goes on from what is stored" if full else ""
        raise EnvironmentFault(f"{folder} cannot be written: {reason}{again}") from error
    except sqlite3.Error as error:
        broken = any(words in str(error) for words in ("not a database", "malformed"))
        remedy = " (--overwrite starts anew)" if broken else ""
        raise EnvironmentFault(f"{folder}/{DATABASE} cannot be used: {error}{remedy}") from error
