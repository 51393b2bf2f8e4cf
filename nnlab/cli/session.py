"""What train and sweep do alike: read the config, plan, train what is missing, store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os.path import relpath
from pathlib import Path
from typing import Any

from nnlab.cli.progress import Bar
from nnlab.config.load import ConfigFile, load
from nnlab.errors import SettingError
from nnlab.execute import Tick, execute
from nnlab.plan import Plan, Run
from nnlab.registry import write
from nnlab.store import Store
from nnlab.train import Result

COMPLETED_WITH_FAILURES = 3


@dataclass(frozen=True)
class Session:
    """One call of train or sweep.

    Args:
        file: the config.
        plan: its runs.
        folder: where its results are.
    """

    file: ConfigFile
    plan: Plan
    folder: Path

    def notes(self) -> list[str]:
        """What is odd about the data or the plan without being wrong, one sentence each."""
        notes = [note for run in self.plan.runs for note in run.setting.material.notes]
        if self.plan.duplicates:
            notes.append(f"{self.plan.duplicates} runs came up again; each is trained once")
        return list(dict.fromkeys(notes))


def prepare(
    config: str,
    overrides: Sequence[tuple[str, str]],
    output: Path,
    make_plan: Callable[[ConfigFile], Plan],
) -> Session:
    """Read and check everything; nothing is written.

    Raises:
        InputError: what the user wrote cannot be used.
    """
    file = load(config, overrides)
    try:
        plan = make_plan(file)
    except SettingError as error:
        raise file.at_fault(error) from None
    return Session(file, plan, output / file.config.name)


def run(
    session: Session,
    bar: Bar,
    describe: Callable[[Tick], str],
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
        members = [(run.id, run.setting.strategy) for run in session.plan.runs]
        store.begin(_resolved(session), members)
        known = store.finished(retry_failed)
        missing = [run for run in session.plan.runs if run.id not in known]
        try:
            with bar:
                for runs, results in execute(missing, lambda tick: bar.update(tick.share, describe(tick))):
                    store.save(runs, results)
                    trained += len(results)
                    on_results(runs, results)
        except SettingError as error:
            raise session.file.at_fault(error) from None
        finally:
            store.export()
    return trained


def _resolved(session: Session) -> dict[str, Any]:
    """The config with every default filled in; its paths start at the folder it is stored in."""
    config = write(replace(session.file.config))
    for key in ("path", "validation_path", "test_path"):
        if config["data"].get(key) is not None:
            config["data"][key] = relpath(session.file.folder / config["data"][key], session.folder)
    return config
