"""`nnlab report`: one line for each strategy or setting, best first."""

from dataclasses import replace
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnlab.cli import options
from nnlab.cli.lookup import Paths, experiments_in
from nnlab.cli.output import check_file, save, say
from nnlab.cli.plot import check_picture, draw
from nnlab.errors import InputError
from nnlab.metrics import COMPARABLE
from nnlab.text import one_line

if TYPE_CHECKING:
    from nnlab.store.experiment import Experiment

MOST_NAMES = 20  # of strategies in a message of one line


def report(
    paths: Paths = None,
    baseline: Annotated[
        str | None, typer.Option("--baseline", metavar="NAME", help="The strategy to compare with.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", help="What decides which is best [val_loss].")
    ] = None,
    sort_by: Annotated[
        str | None,
        typer.Option("--sort-by", metavar="COL", help="Order by a metric, best first, or by a setting."),
    ] = None,
    cols: Annotated[
        str | None,
        typer.Option(
            "--cols", metavar="NAME,NAME", help="What to show: metrics, settings, e.g. l2,test_loss,gap."
        ),
    ] = None,
    condition: Annotated[
        str | None,
        typer.Option(
            "-F", "--filter", metavar="EXPR", help='Only these runs, e.g. "test_loss < 0.3 and l2 > 0".'
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every setting, not only the chosen ones of the latest sweep.")
    ] = False,
    decompose: Annotated[
        bool, typer.Option("--decompose", help="Split errors into bias^2, variance and noise.")
    ] = False,
    domingos: Annotated[
        bool, typer.Option("--domingos", help="The same, with the 0-1 loss as Domingos splits it.")
    ] = False,
    per_seed: Annotated[bool, typer.Option("--per-seed", help="Every run instead of means.")] = False,
    top: Annotated[
        int | None,
        typer.Option("-n", "--top", min=1, help="Only the first lines: of each experiment, or of --sort-by."),
    ] = None,
    format_name: Annotated[
        str, typer.Option("-f", "--format", help="table, md, csv, json, latex or html.")
    ] = "table",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to a file.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw it, too: FILE.png, .svg or .pdf.")
    ] = None,
    figure: Annotated[
        str | None, typer.Option("--figure", metavar="NAME", help="What to draw: one picture, or all.")
    ] = None,
) -> int:
    """Compare what experiments have stored: means over seeds with 95 % intervals."""
    from nnlab.analysis.frames import runs_frame
    from nnlab.analysis.report import make_report
    from nnlab.analysis.view import View, arranged, filtered, with_columns
    from nnlab.registry import did_you_mean
    from nnlab.render.formats import FORMATS
    from nnlab.store.reading import read

    check_picture(plot, figure)
    check_file("--plot", plot)
    check_file("--output", output)
    if format_name not in FORMATS:
        raise InputError(
            f"--format {format_name}: expected {', '.join(FORMATS)}{did_you_mean(format_name, FORMATS)}"
        )
    if metric is not None and metric not in COMPARABLE:
        raise InputError(
            f"--metric {metric}: expected one that says which is better, "
            f"{', '.join(COMPARABLE)}{did_you_mean(metric, COMPARABLE)}"
        )
    found = experiments_in(paths)
    experiments = _told_apart([(folder, read(folder)) for folder in found])
    runs = runs_frame(experiments)
    if runs.empty:
        raise InputError(f"{(paths or [options.RUNS])[0]}: no run has ended here yet")
    if metric is not None and runs[metric].isna().all():
        known = ", ".join(name for name in COMPARABLE if runs[name].notna().any())
        raise InputError(f"--metric {metric}: these runs do not have it, expected one of {known or 'none'}")
    view = View(cols, sort_by, top)
    shown = with_columns(runs if everything else runs[runs["chosen"] & runs["current"]], view)
    if condition is not None:
        shown, notes = filtered(shown, condition, len(runs))
        options.tell_notes(notes, quiet=False)
    if baseline is not None:
        if baseline not in set(shown["strategy"]):
            hint = _hint(baseline, list(map(one_line, shown["strategy"].unique())))
            raise InputError(f"--baseline {baseline}: not a strategy of these runs{hint}")
        shown = shown.assign(baseline=baseline)
    folders_by_name = {one.name: folder for one, folder in zip(experiments, found, strict=True)}
    made = make_report(shown, folders_by_name, metric or "val_loss", per_seed, runs)
    if decompose or domingos:
        from nnlab.analysis.parts import with_parts

        made = with_parts(made, domingos)
    made = arranged(made, view)
    _emit(FORMATS[format_name].write(made), output)
    if plot is not None:
        draw(made, plot, figure)
    return 0


def _hint(name: str, known: list[str]) -> str:
    """The name that was meant, or the names there are."""
    from nnlab.registry import did_you_mean

    rest = f" and {len(known) - MOST_NAMES:,} more" if len(known) > MOST_NAMES else ""
    return did_you_mean(name, known) or f", expected one of {', '.join(known[:MOST_NAMES])}{rest}"


def _told_apart(experiments: "list[tuple[Path, Experiment]]") -> "list[Experiment]":
    """The experiments, with their folders as names where two have the same."""
    names = [experiment.name for _, experiment in experiments]
    return [
        experiment if names.count(experiment.name) == 1 else replace(experiment, name=relpath(folder))
        for folder, experiment in experiments
    ]


def _emit(text: str, output: Path | None) -> None:
    if output is None or str(output) == "-":
        say(text)
    else:
        save(output, text)
