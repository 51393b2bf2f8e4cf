"""A large file block by block: its digest, and its lines without having all of them in memory."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

BLOCK = 4 << 20  # bytes: large enough for fast parsing, small enough to have some in memory at a time
LONGEST_LINE = 64 << 20  # bytes: more is no line


def digest_file(path: Path) -> str:
    """The SHA-256 over the bytes of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lines(path: Path, block: int) -> Iterator[bytes]:
    """The lines of a file, in stretches of `block` bytes and what is left of the line there.

    Empty lines at the end of the file are left out, and so is the end of the last line of each stretch.

    Raises:
        ValueError: something is too long for a line.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "t").write_bytes(b"a\\nb\\nc\\n\\n")
    ...     list(lines(Path(folder, "t"), block=3))
    [b'a\\nb', b'c']
    """
    with path.open("rb") as file:
        left = _length_without_empty_lines(file)
        file.seek(0)
        while left > 0 and (chunk := file.read(min(block, left))):
            left -= len(chunk)
            rest = file.readline(min(left, LONGEST_LINE)) if left else b""
            left -= len(rest)
            if left and not rest.endswith(b"\n"):
                raise ValueError(f"a line of {path} is longer than {LONGEST_LINE} bytes")
            if rest == b"\n":  # only the end of a line was left
                yield chunk.removesuffix(b"\r")
            else:
                yield chunk + rest.removesuffix(b"\n").removesuffix(b"\r")


def _length_without_empty_lines(file: BinaryIO) -> int:
    end = file.seek(0, 2)
    while end > 0:
        start = max(0, end - 4096)
        file.seek(start)
        if tail := file.read(end - start).rstrip(b"\r\n"):
            return start + len(tail)
        end = start
    return 0
