"""`nnlab train`: one run, its metrics, and where they are stored."""

from pathlib import Path
from typing import Annotated

import typer

from nnlab.cli import options
from nnlab.cli.output import say, tell
from nnlab.cli.progress import Bar


def train(
    config: options.ConfigPath,
    sets: options.Set = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Everything random follows from it.")
    ] = None,
    name: options.Name = None,
    output: options.OutputFolder = options.RUNS,
    checkpoint: options.Checkpoint = options.CHECKPOINT_SECONDS,
    dry_run: options.DryRun = False,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> int:
    """Train one network and print what came of it."""
    from nnlab.cli import session
    from nnlab.execute import Tick
    from nnlab.plan import plan_train
    from nnlab.render.numbers import number

    overrides = options.overrides(sets, "--set")
    overrides += options.override("seed", seed, "--seed") + options.override("name", name, "--name")
    job = session.prepare(config, overrides, output, plan_train, quiet)
    run = job.plan.runs[0]
    options.tell_notes(job.notes(), quiet)
    means = session.Means(checkpoint_seconds=checkpoint)
    if dry_run:
        say(session.dry_run(job, means))
        return 0

    def describe(tick: Tick) -> str:
        if tick.latest is None:
            return ""
        losses = ", ".join(f"{key} {number(value)}" for key, value in tick.latest.losses.items())
        return f"epoch {tick.latest.epoch}/{tick.latest.epochs}, {losses}"

    trained = session.run(job, Bar(job.file.config.name, quiet), describe, means, overwrite)
    return _tell(job.folder, run.id, trained, quiet)


def _tell(folder: Path, run_id: str, trained: int, quiet: bool) -> int:
    from nnlab.cli.outcome import describe_outcome
    from nnlab.cli.session import COMPLETED_WITH_FAILURES
    from nnlab.store.reading import read_run

    row = read_run(folder, run_id)
    say(f"{describe_outcome(row, folder)}\nstored in {folder} as run {run_id}\n")
    if not trained and not quiet:
        tell("this run was trained before; --overwrite trains it anew")
    return 0 if row.values["status"] == "completed" else COMPLETED_WITH_FAILURES
