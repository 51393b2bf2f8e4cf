"""Output: results to stdout, messages to stderr; a reader that went away is no reason to stop working."""

import os
import sys
from pathlib import Path
from typing import TextIO

from nnlab.errors import EnvironmentFault
from nnlab.text import one_line


def say(text: str) -> None:
    """Write a result to stdout.

    Raises:
        EnvironmentFault: it cannot be written, and not because the reader has seen enough.
    """
    try:
        _write(sys.stdout, text)
    except BrokenPipeError:
        # Python would complain once more at exit, when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise EnvironmentFault(f"the results cannot be written: {error.strerror or error}") from error


def save(path: Path, content: str | bytes) -> None:
    """Write a result to a file, as a whole or not at all.

    Raises:
        EnvironmentFault: it cannot be written.
    """
    from nnlab.store.files import write_atomically

    try:
        write_atomically(path, content)
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be written: {error.strerror or error}") from error


def check_file(option: str, path: Path | None) -> None:
    """Refuse a file in a folder that is not there, before any work is done.

    Raises:
        EnvironmentFault: with the folder.
    """
    if path is not None and not path.parent.is_dir():
        raise EnvironmentFault(f"{option} {path}: there is no folder {path.parent}, expected one that exists")


def tell(line: str) -> None:
    """Write a message of one line to stderr, if anybody is there."""
    try:
        _write(sys.stderr, one_line(line) + "\n")
    except OSError:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for the rest of the process


def can_show(text: str) -> bool:
    """Whether stdout has all characters of a text."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def is_terminal() -> bool:
    """Whether a person watches stderr."""
    return sys.stderr is not None and sys.stderr.isatty()


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:  # closed before we came
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, errors="replace").decode(encoding))
    stream.flush()
