"""The command line: reads the options, does the work, turns errors into one line and an exit code."""

import functools
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, NoReturn

import typer

from nnlab import __version__
from nnlab.cli import clean, diff, report, show, sweep, train
from nnlab.cli.output import say, tell
from nnlab.errors import NnlabError

app = typer.Typer(
    help="My network overfits: which fix really works? Trains populations of small networks and compares.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def later(command: Callable[..., int]) -> Callable[..., Callable[[], int]]:
    """The command as work to be done once its options are read.

    Typer has its own ideas of what interrupts and closed pipes mean.
    """

    @functools.wraps(command)
    def read(**options: Any) -> Callable[[], int]:
        return functools.partial(command, **options)

    return read


for _command in (train.train, sweep.sweep, report.report, show.show, diff.diff, clean.clean):
    app.command()(later(_command))

UsageError: Any = typer.BadParameter.__bases__[0]  # typer does not export it
GOES_ON = "every run that had finished is saved, and the same command trains the rest"


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version."),
) -> None:
    if version:
        say(f"{__version__}\n")
    elif context.invoked_subcommand is None:
        say(context.get_help() + "\n")


class Terminated(BaseException):
    """SIGTERM; not an Exception, so that nothing on the way takes it for an error of its own."""


def main() -> NoReturn:
    """Run the command line and exit.

    The first signal ends the work in good order; a second one ends the process at once, which is
    safe, too: what is stored is stored, and workers do not outlive their parent.
    """
    seen: list[int] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if seen:
            os._exit(128 + number)
        seen.append(number)
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated

    signal.signal(signal.SIGTERM, on_signal)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as in the background of a shell script
        signal.signal(signal.SIGINT, on_signal)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    try:
        if list(arguments) == ["--version"]:  # before typer reads options, for which it imports pydantic
            say(f"{__version__}\n")
            return 0
        work: Callable[[], int] | int | None = app(
            args=list(arguments), prog_name="nnlab", standalone_mode=False
        )
        return work() if callable(work) else work or 0
    except UsageError as error:
        command = error.ctx.command_path if error.ctx is not None else "nnlab"
        return _fail(2, f"nnlab: {error.format_message()} ({command} --help lists what is known)")
    except NnlabError as error:
        return _fail(error.exit_code, *error.lines)
    except Terminated:
        return _fail(143, f"terminated; {GOES_ON}")
    except (KeyboardInterrupt, typer.Abort):
        return _fail(130, f"interrupted; {GOES_ON}")
    except OSError as error:
        return _fail(4, f"nnlab: {error.strerror or error}")
    except Exception:
        return _fail(1, f"nnlab: this is a bug, please report it; its traceback is in {_keep_traceback()}")


def _fail(code: int, *lines: str) -> int:
    for line in lines:
        tell(line)
    return code


def _keep_traceback() -> str:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="nnlab-", suffix=".log", delete=False) as file:
        traceback.print_exc(file=file)
    return file.name
