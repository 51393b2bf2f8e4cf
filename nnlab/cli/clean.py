"""`nnlab clean`: remove what nnlab keeps of large tables to be faster the next time."""

from typing import Annotated

import typer

from nnlab.cli import options
from nnlab.cli.output import say


def clean(
    output: options.OutputFolder = options.RUNS,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be removed; remove nothing.")
    ] = False,
) -> int:
    """Remove the cache of large tables; results stay.

    The next command that needs a table reads it again. A command that is using the cache goes on.
    """
    from nnlab.data.table_cache import FOLDER, entries, remove
    from nnlab.errors import EnvironmentFault
    from nnlab.memory import size
    from nnlab.text import count_of

    cache = output / FOLDER
    try:
        found = entries(cache)
        if found and not dry_run:
            remove(cache, found)
    except OSError as error:
        raise EnvironmentFault(f"{cache} cannot be removed: {error.strerror or error}") from error
    if not found:
        say(f"{cache}: nothing to remove\n")
        return 0
    whole = sum(entry.whole for entry in found)
    what = [count_of(whole, "table")] if whole else []
    what += [count_of(len(found) - whole, "interrupted conversion")] if whole < len(found) else []
    done = "would remove" if dry_run else "removed"
    say(f"{cache}: {done} {' and '.join(what)}, {size(sum(entry.size for entry in found))}\n")
    return 0
