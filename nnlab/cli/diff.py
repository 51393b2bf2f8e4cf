"""`nnlab diff`: what differs between two runs, or between two experiments."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnlab.cli import options
from nnlab.cli.lookup import FormatName, check_format, find_experiment, find_run
from nnlab.cli.output import say
from nnlab.errors import InputError

if TYPE_CHECKING:
    from nnlab.analysis.differences import Differences


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A run by its id, or an experiment by its folder.")],
    b: Annotated[str, typer.Argument(metavar="B", help="What it is compared with.")],
    output: options.OutputFolder = options.RUNS,
    format_name: FormatName = "table",
) -> int:
    """Show what differs: settings side by side, metrics with B - A."""
    from nnlab.render.differences import describe_differences, write_differences

    check_format(format_name)
    folders = [find_experiment(name, output) for name in (a, b)]
    if folders[0] is not None and folders[1] is not None:
        found = _between_experiments(folders[0], folders[1])
    elif folders[0] is folders[1] is None:
        found = _between_runs(a, b, output)
    else:
        experiment, other = (a, b) if folders[1] is None else (b, a)
        raise InputError(f"{experiment} is an experiment and {other} is none, expected two of one kind")
    say(write_differences(found) if format_name == "json" else describe_differences(found))
    return 0


def _between_runs(a: str, b: str, output: Path) -> "Differences":
    from nnlab.analysis.differences import between_runs
    from nnlab.store.reading import read_run

    found = [find_run(name, [output]) for name in (a, b)]
    rows = [read_run(folder, run) for folder, run in found]
    (folder_a, id_a), (folder_b, id_b) = found
    return between_runs((id_a, id_b), rows[0], rows[1], (folder_a.name, folder_b.name))


def _between_experiments(a: Path, b: Path) -> "Differences":
    from nnlab.analysis.differences import between_experiments
    from nnlab.analysis.frames import runs_frame
    from nnlab.analysis.summary import summarize
    from nnlab.store.reading import read

    experiments = [read(folder) for folder in (a, b)]
    summaries = []
    for folder, experiment in zip((a, b), experiments, strict=True):
        runs = runs_frame([experiment])
        if runs.empty:
            raise InputError(f"{folder}: no run has ended here yet")
        summaries.append(summarize(runs[runs["chosen"] & runs["current"]]))
    return between_experiments(experiments[0], experiments[1], summaries)
