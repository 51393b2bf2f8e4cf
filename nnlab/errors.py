"""The errors that a user can cause or meet, and their exit codes.

NnlabError              anything below; the command line prints its lines and exits
|-- InputError      2   a config, table or option is wrong
`-- EnvironmentFault 4  disk, permission, lock: the machine, not the input

SettingError is for code below the config: it names the setting that is at fault, and
whoever knows the file turns it into an InputError with line and column.
"""

from collections.abc import Sequence

Path = tuple[str | int, ...]  # where a setting stands: ("regularization", "l2")


class NnlabError(Exception):
    """An error that is told in words, one line for each problem, without a traceback."""

    exit_code = 1

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines: Sequence[str] = lines

    def __reduce__(self) -> tuple[type["NnlabError"], tuple[str, ...]]:
        return type(self), tuple(self.lines)


class InputError(NnlabError):
    """What the user wrote cannot be used: nothing was trained, nothing was written."""

    exit_code = 2


class EnvironmentFault(NnlabError):
    """The machine does not allow what was asked: disk full, no permission, folder in use."""

    exit_code = 4


class SettingError(Exception):
    """The setting at `path` cannot work, found out after the config was read."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(path, message)
        self.path = path
        self.message = message


def dotted(path: Path) -> str:
    """The path as users write it.

    >>> dotted(("sweep", "grid", "regularization.l2", 0))
    'sweep.grid.regularization.l2[0]'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
