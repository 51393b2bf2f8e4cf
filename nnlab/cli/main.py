"""The program `nnlab`: calls a command, turns errors into one line and an exit code."""

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

import typer

from nnlab import __version__
from nnlab.cli import report, sweep, train
from nnlab.errors import NnlabError
from nnlab.text import one_line

app = typer.Typer(
    help="My network overfits: which fix really works? Trains populations of small networks and compares.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(name="train")(train.train)
app.command(name="sweep")(sweep.sweep)
app.command(name="report")(report.report)

UsageError: Any = typer.BadParameter.__bases__[0]  # typer does not export it


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version."),
) -> None:
    if version:
        print(__version__)
    elif context.invoked_subcommand is None:
        print(context.get_help())


class Terminated(BaseException):
    """SIGTERM; not an Exception, so that nothing on the way takes it for an error of its own."""


def _on_sigterm(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, _on_sigterm)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    try:
        code = app(args=list(arguments), prog_name="nnlab", standalone_mode=False)
        sys.stdout.flush()
    except UsageError as error:
        return _fail(2, f"nnlab: {error.format_message()} (nnlab --help lists what is known)")
    except NnlabError as error:
        return _fail(error.exit_code, *error.lines)
    except Terminated:
        return _fail(143, "terminated; finished runs are saved, and the same command goes on from there")
    except (KeyboardInterrupt, typer.Abort):
        return _fail(130, "interrupted; finished runs are saved, and the same command goes on from there")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has seen enough
        return 0
    except OSError as error:
        return _fail(4, f"nnlab: {error.strerror or error}")
    except Exception:
        return _fail(1, f"nnlab: this is a bug, please report it; its traceback is in {_keep_traceback()}")
    return code if isinstance(code, int) else 0


def _fail(code: int, *lines: str) -> int:
    for line in lines:
        print(one_line(line), file=sys.stderr)
    return code


def _keep_traceback() -> str:
    with tempfile.NamedTemporaryFile("w", prefix="nnlab-", suffix=".log", delete=False) as file:
        traceback.print_exc(file=file)
    return file.name


if __name__ == "__main__":
    main()
