"""What train and sweep do alike: read the config, plan, train what is missing, store."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from os.path import relpath
from pathlib import Path
from typing import Any

from nnlab.advice import advice
from nnlab.analysis.selection import choose, chosen_settings
from nnlab.bill import make_bill
from nnlab.checkpoint import SECONDS, Keeper
from nnlab.cli.output import tell
from nnlab.cli.progress import Bar
from nnlab.config.load import ConfigFile, Override, load
from nnlab.cores import cores, threads_allowed
from nnlab.data.table_cache import FOLDER, TableCache
from nnlab.errors import SettingError
from nnlab.execute import Execution, Tick
from nnlab.executors import Cluster, Executor, InProcess, Processes
from nnlab.plan import Materials, Plan, Run, cost, plan_sweep, populations
from nnlab.registry import write
from nnlab.render.bill import describe_bill
from nnlab.result import Result
from nnlab.store.reading import finished
from nnlab.store.writing import Store
from nnlab.strategies.adopt import adopt, read_set
from nnlab.text import count_of
from nnlab.train import train

COMPLETED_WITH_FAILURES = 3
WORTH_STARTING_PROCESSES = (
    3.0  # seconds of work, estimated: two workers then save a quarter; of 1.2 they save nothing
)


@dataclass(frozen=True)
class Session:
    """One call of train or sweep.

    Args:
        file: the config.
        plan: its runs.
        folder: where its results are.
        left_out: strategies that do not fit, and why, one sentence each.
    """

    file: ConfigFile
    plan: Plan
    folder: Path
    left_out: tuple[str, ...] = ()

    def notes(self) -> list[str]:
        """What is odd about the data or the plan without being wrong, one sentence each."""
        notes = [*self.left_out, *(note for run in self.plan.runs for note in run.setting.material.notes)]
        notes += advice(self.plan.runs)
        if self.plan.duplicates:
            notes.append(f"{count_of(self.plan.duplicates, 'run')} came up again; each is trained once")
        return list(dict.fromkeys(notes))


def prepare(
    config: str,
    overrides: Sequence[Override],
    output: Path,
    make_plan: Callable[[ConfigFile, Materials], Plan],
    quiet: bool,
) -> Session:
    """Read and check everything; nothing is written but the cache of a large table.

    Raises:
        InputError: what the user wrote cannot be used.
    """
    file = load(config, overrides)
    try:
        plan = make_plan(file, _materials(file, output, quiet))
    except SettingError as error:
        raise file.at_fault(error) from None
    return Session(file, plan, output / file.config.name)


def prepare_with(
    strategies: str, config: str, overrides: Sequence[Override], output: Path, max_runs: int, quiet: bool
) -> Session:
    """A sweep of ready-made strategies.

    Args:
        strategies: name of a set, or the YAML file of one.

    Raises:
        InputError: what the user wrote cannot be used.
    """
    chosen = read_set(strategies)
    file = load(config, overrides)
    materials = _materials(file, output, quiet)
    try:
        fitted, notes = adopt(file, chosen, materials)
        plan = plan_sweep(fitted, max_runs, materials)
    except SettingError as error:
        raise file.at_fault(error) from None
    return Session(fitted, plan, output / file.config.name, tuple(notes))


def _materials(file: ConfigFile, output: Path, quiet: bool) -> Materials:
    return Materials(file, TableCache(output / FOLDER, (lambda words: None) if quiet else tell))


@dataclass(frozen=True)
class Means:
    """With what a session is carried out; no bit of a result depends on it.

    Args:
        jobs: worker processes; 1 is this process, None leaves the choice to nnlab.
        cluster: address of a Dask cluster, or None.
        checkpoint_seconds: how long a population trains before its state is written again.
    """

    jobs: int | None = 1
    cluster: str | None = None
    checkpoint_seconds: float = SECONDS


def run(
    session: Session,
    bar: Bar,
    describe: Callable[[Tick], str],
    means: Means,
    overwrite: bool,
    retry_failed: bool = False,
    on_results: Callable[[Sequence[Run], Sequence[Result]], None] = lambda runs, results: None,
) -> int:
    """Train what is missing and store it; an interruption keeps all that has ended.

    Returns:
        How many runs were trained.
    """
    trained = 0
    with Store(session.folder, overwrite) as store:
        store.begin(_resolved(session), session.plan.members, session.plan.tuned, session.plan.is_sweep)
        known = store.finished(retry_failed)
        missing = [run for run in session.plan.runs if run.id not in known]
        try:
            with bar, closing(_carry_out(session, missing, bar, describe, means)) as finished:
                for runs, results in finished:
                    store.save(runs, results)
                    trained += len(results)
                    on_results(runs, results)
        except SettingError as error:
            raise session.file.at_fault(error) from None
        finally:
            if not store.is_exported():
                contents = store.contents()
                store.export(contents, chosen_settings(choose(contents)))
    return trained


def _carry_out(
    session: Session, missing: Sequence[Run], bar: Bar, describe: Callable[[Tick], str], means: Means
) -> Generator[tuple[Sequence[Run], Sequence[Result]], None, None]:
    if not missing:
        return
    keeper = Keeper(session.folder / "checkpoints", means.checkpoint_seconds)
    workers = _workers(missing, means)

    def tell(tick: Tick) -> None:
        bar.update(tick.share, describe(tick))

    work = partial(train, keeper=keeper, threads=_threads(workers, means))
    executor: Executor
    if means.cluster is not None:
        executor = Cluster(missing, means.cluster, work)
    elif workers > 1:
        executor = Processes(missing, workers, work)
    else:
        executor = InProcess(lambda progress: tell(execution.tick(progress)), work)
    stacks = populations(missing, executor.workers, keeper.groups())
    execution = Execution(stacks, tell)
    what = f"{count_of(len(missing), 'run')} in {count_of(len(stacks), 'population')}"
    bar.say(f"training {what} {executor.where}")
    try:
        for runs, results in execution.run(executor):
            yield runs, results
            keeper.forget([run.id for run in runs])
    finally:
        executor.close()


def dry_run(session: Session, means: Means) -> str:
    """What `run` would do, in words; nothing is written."""
    known = finished(session.folder)
    missing = [run for run in session.plan.runs if run.id not in known]
    bill = None
    if missing:
        workers = _workers(missing, means)
        bill = make_bill(populations(missing, workers), workers, _threads(workers, means))
    asked = len(session.plan.runs)
    done = asked - len(missing)
    return describe_bill(asked, session.plan.duplicates, done, bill, str(session.folder))


def _workers(missing: Sequence[Run], means: Means) -> int:
    """How many processes: as asked for; otherwise all cores if the work is worth starting them."""
    if means.jobs is None:
        worth = sum(map(cost, missing)) > WORTH_STARTING_PROCESSES
        return min(cores(), len(missing)) if worth else 1
    jobs = cores() if means.jobs == -1 else means.jobs
    return max(1, min(jobs, len(missing)))


def _threads(workers: int, means: Means) -> int:
    """How many threads share a wide layer out in each worker; on a cluster that is the cluster's affair."""
    return 1 if means.cluster is not None else max(1, threads_allowed() // workers)


def _resolved(session: Session) -> dict[str, Any]:
    """The config with every default filled in; its paths start at the folder it is stored in."""
    config = write(session.file.config)
    for key in ("path", "validation_path", "test_path"):
        if config["data"].get(key) is not None:
            config["data"][key] = relpath(session.file.folder / config["data"][key], session.folder)
    return config
