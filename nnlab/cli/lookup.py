"""What a user names: a run by its id or the beginning of it, an experiment by its folder or name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from nnlab.cli import options
from nnlab.errors import InputError

Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATH]...", help="Folders of experiments, or the folder that holds them [runs]."),
]
FormatName = Annotated[str, typer.Option("-f", "--format", help="table or json.")]


def check_format(name: str) -> None:
    """Refuse what is neither a table nor JSON.

    Raises:
        InputError: with a suggestion.
    """
    from nnlab.registry import did_you_mean

    if name not in ("table", "json"):
        raise InputError(f"--format {name}: expected table, json{did_you_mean(name, ('table', 'json'))}")


def experiments_in(paths: Sequence[Path] | None) -> list[Path]:
    """The folders of all experiments at some paths, each once.

    Raises:
        InputError: there are none.
    """
    from nnlab.store.reading import folders

    asked = [folder for path in paths or [options.RUNS] for folder in folders(path)]
    found = list({folder.resolve(): folder for folder in asked}.values())
    if not found:
        raise InputError(
            f"{(paths or [options.RUNS])[0]}: no results here, expected a folder that `nnlab train` or "
            "`nnlab sweep` wrote, or one of such folders"
        )
    return found


def find_run(text: str, paths: Sequence[Path] | None) -> tuple[Path, str]:
    """The folder and the id of a run.

    Args:
        text: its id, or enough of its beginning.
        paths: where to look.

    Raises:
        InputError: there is none, or more than one.
    """
    from nnlab.registry import did_you_mean, show
    from nnlab.store.reading import find_runs

    if not text:
        raise InputError("no id came, expected that of a run, or its beginning; report --per-seed lists them")
    experiments = experiments_in(paths)
    found = [(run, folder) for folder in experiments for run in find_runs(folder, text)]
    ids = list(dict.fromkeys(run for run, _ in found))
    if text in ids or len(ids) == 1:  # a run that several experiments have is the same in all
        return next((folder, run) for run, folder in found if run == text or len(ids) == 1)
    if ids:
        some = ", ".join(ids[:4]) + (", ..." if len(ids) > 4 else "")
        raise InputError(f"{show(text)}: {len(ids)} runs begin so ({some}), expected more of the id")
    hint = did_you_mean(text, [run for folder in experiments for run in find_runs(folder)])
    where = experiments[0] if len(experiments) == 1 else f"{len(experiments)} experiments"
    raise InputError(f"{show(text)}: no run of {where} begins so{hint}; report --per-seed lists them")


def find_experiment(text: str, output: Path) -> Path | None:
    """The folder of an experiment: a path, or its name in the folder that experiments go into."""
    from nnlab.store.files import DATABASE

    return next((path for path in (Path(text), output / text) if (path / DATABASE).is_file()), None)
