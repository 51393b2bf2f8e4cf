"""The options that commands share, so that each is spelled and explained once."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnlab.cli.output import tell
from nnlab.errors import InputError

if TYPE_CHECKING:
    from nnlab.config.load import Override

RUNS = Path("runs")
CHECKPOINT_SECONDS = 30.0
MAX_RUNS = 100_000

ConfigPath = Annotated[str, typer.Argument(metavar="CONFIG", help="The YAML config.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "-s",
        "--set",
        metavar="KEY=VALUE",
        help="Set one value of the config, e.g. optimizer.learning_rate=0.1.",
    ),
]
Name = Annotated[str | None, typer.Option("-n", "--name", help="Folder under the output folder.")]
OutputFolder = Annotated[
    Path, typer.Option("-o", "--output", metavar="DIR", help="Folder that experiments go into.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be trained; train nothing.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Forget the experiment's earlier runs first.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress and no messages.")]
Checkpoint = Annotated[
    float,
    typer.Option("--checkpoint", metavar="SECONDS", min=0, help="How often a long training saves its state."),
]


def overrides(assignments: list[str] | None, option: str, below: str = "") -> "list[Override]":
    """The values that KEY=VALUE options give.

    Args:
        assignments: as typed.
        option: its name.
        below: what the keys begin with in the config.

    >>> overrides(["a.b=1=2"], "--set")[0]
    Override(key='a.b', text='1=2', origin='--set a.b=1=2')
    """
    from nnlab.config.load import Override

    found = []
    for text in assignments or []:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise InputError(f"{option} {text}: expected KEY=VALUE, e.g. {option} training.epochs=10")
        found.append(Override(below + key, value, f"{option} {text}"))
    return found


def override(key: str, value: object, option: str) -> "list[Override]":
    """The value that an option of its own gives, if it was given."""
    from nnlab.config.load import Override

    return [] if value is None else [Override(key, str(value), f"{option} {value}")]


def tell_notes(notes: Sequence[str], quiet: bool) -> None:
    """Say on stderr what the user should know; results go to stdout."""
    for note in () if quiet else notes:
        tell(f"note: {note}")
