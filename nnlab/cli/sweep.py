"""`nnlab sweep`: every setting with every seed, then the comparison."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnlab.cli import options
from nnlab.cli.output import say, tell
from nnlab.cli.progress import Bar
from nnlab.errors import InputError
from nnlab.text import count_of

if TYPE_CHECKING:
    from nnlab.execute import Tick
    from nnlab.plan import Run
    from nnlab.result import Result


def sweep(
    config: options.ConfigPath,
    sets: options.Set = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            "--grid", metavar="KEY=[A,B]", help="Add or replace an axis, e.g. regularization.l2=[0,1]."
        ),
    ] = None,
    strategies: Annotated[
        str | None,
        typer.Option(
            "--strategies", metavar="NAME", help="Ready-made strategies: cabinet, or a YAML file of yours."
        ),
    ] = None,
    seeds: Annotated[str | None, typer.Option("--seeds", help="How many, or a list such as 0,1,2.")] = None,
    name: options.Name = None,
    output: options.OutputFolder = options.RUNS,
    jobs: Annotated[
        int | None,
        typer.Option("-j", "--jobs", help="Worker processes: 1 is none but this, -1 all cores."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="ADDRESS", help="A Dask cluster: tcp://, tls://, or local:N."),
    ] = None,
    checkpoint: options.Checkpoint = options.CHECKPOINT_SECONDS,
    dry_run: options.DryRun = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Train failed and diverged runs again.")
    ] = False,
    max_runs: Annotated[
        int, typer.Option("--max-runs", min=1, metavar="N", help="Refuse sweeps of more runs than this.")
    ] = options.MAX_RUNS,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> int:
    """Train every setting of the config's sweep with every seed, and compare them.

    The same command again trains only what is missing.
    """
    from nnlab.cli import session
    from nnlab.plan import plan_sweep

    if jobs is not None and jobs < 1 and jobs != -1:
        raise InputError(f"--jobs {jobs}: expected 1 or more processes, or -1 for all cores")
    overrides = options.overrides(sets, "--set") + options.overrides(grid, "--grid", below="sweep.grid.")
    listed = f"[{seeds}]" if seeds is not None and "," in seeds else seeds
    overrides += options.override("sweep.seeds", listed, "--seeds") + options.override("name", name, "--name")
    if strategies is None:
        job = session.prepare(
            config, overrides, output, lambda file, data: plan_sweep(file, max_runs, data), quiet
        )
    else:
        if grid:
            raise InputError("--grid came beside --strategies, expected one of the two")
        job = session.prepare_with(strategies, config, overrides, output, max_runs, quiet)
    options.tell_notes(job.notes(), quiet)
    means = session.Means(jobs, cluster, checkpoint)
    if dry_run:
        say(session.dry_run(job, means))
        return 0
    leader = Leader()
    trained = session.run(
        job,
        Bar(job.file.config.name, quiet),
        leader.describe,
        means,
        overwrite,
        retry_failed,
        leader.note,
    )
    if not quiet:
        kept = len(job.plan.runs) - trained
        again = f", {kept} {'was' if kept == 1 else 'were'} there" if kept else ""
        tell(f"{count_of(trained, 'run')} trained{again}; stored in {job.folder}")
    return _tell(job.folder, {run.id for run in job.plan.runs})


class Leader:
    """The strategy that is best so far, by the mean of its validation loss."""

    def __init__(self) -> None:
        self._losses: dict[str, list[float]] = {}
        self._started = time.monotonic()

    def note(self, runs: "Sequence[Run]", results: "Sequence[Result]") -> None:
        """Takes in a finished population."""
        for run, result in zip(runs, results, strict=True):
            loss = result.metrics.get("val_loss")
            if loss is not None:
                self._losses.setdefault(run.setting.strategy, []).append(loss)

    def describe(self, tick: "Tick") -> str:
        """How far the sweep is, for the progress bar."""
        rate = tick.done / max(time.monotonic() - self._started, 1e-9)
        failed = f", {tick.failed} failed" if tick.failed else ""
        done = f"{tick.done:,}/{tick.total:,} runs, {tick.running} running{failed}, {rate:.3g} a second"
        return done + self._best()

    def _best(self) -> str:
        from nnlab.render.numbers import number

        if not self._losses:
            return ""
        means = {name: sum(losses) / len(losses) for name, losses in self._losses.items()}
        best = min(means, key=means.__getitem__)
        return f", best so far {best} (val_loss {number(means[best])})"


def _tell(folder: Path, planned: set[str]) -> int:
    from nnlab.analysis.frames import runs_frame
    from nnlab.analysis.report import make_report
    from nnlab.cli.session import COMPLETED_WITH_FAILURES
    from nnlab.render.terminal import write_table
    from nnlab.store.reading import read

    experiment = read(folder)
    runs = runs_frame([experiment])
    shown = runs[runs["chosen"] & runs["current"]]
    say(write_table(make_report(shown, {experiment.name: folder}, everything=runs)))
    stati = zip(experiment.columns["run"], experiment.columns["status"], strict=True)
    sound = all(status == "completed" for run, status in stati if run in planned)
    return 0 if sound else COMPLETED_WITH_FAILURES
