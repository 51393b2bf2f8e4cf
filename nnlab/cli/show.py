"""`nnlab show`: one run, its settings, its numbers, and where its weights are."""

from typing import Annotated

import typer

from nnlab.cli.lookup import FormatName, Paths, check_format, find_run
from nnlab.cli.output import say


def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The id of a run, or its beginning.")],
    paths: Paths = None,
    everything: Annotated[bool, typer.Option("--all", help="Every setting, also the defaults.")] = False,
    format_name: FormatName = "table",
) -> int:
    """Show one run: what was set, what came of it, where its weights are."""
    from nnlab.cli.outcome import describe_outcome
    from nnlab.render.sheet import describe_sheet, write_sheet
    from nnlab.store.reading import read_run

    check_format(format_name)
    folder, found = find_run(run, paths)
    row = read_run(folder, found)
    if format_name == "json":
        say(write_sheet(row, folder))
    else:
        say(describe_sheet(row, folder, describe_outcome(row, folder), everything))
    return 0
