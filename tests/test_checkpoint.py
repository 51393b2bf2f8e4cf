"""Checkpoints: a population that goes on from any epoch ends with the bits of one that was left alone."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnlab import checkpoint
from nnlab.checkpoint import Keeper, Snapshot
from nnlab.errors import EnvironmentFault
from nnlab.nn.optimizers import OPTIMIZERS
from nnlab.plan import Run, populations
from nnlab.train import Population, Progress, train
from tests.cli import Desk
from tests.conftest import PlanRuns
from tests.test_cli import without_seconds
from tests.test_population import digest
from tests.test_schedules import PAIRS as SCHEDULES

pytestmark = pytest.mark.usefixtures("deadline")

NEVER = 1e9  # seconds


class Album(Keeper):
    """Keeps the checkpoint of every epoch, each in a folder of its own."""

    def save(self, snapshot: Snapshot) -> None:
        (self.folder / f"{snapshot.facts['epoch']}").mkdir(parents=True)
        Keeper(self.folder / f"{snapshot.facts['epoch']}" / "checkpoints").save(snapshot)


def bits(runs: Sequence[Run], keeper: Keeper | None = None) -> list[str]:
    return [digest(result) for result in train(runs, keeper=keeper)]


def config(**sections: Any) -> dict[str, Any]:
    return {
        "data": {"source": "moons", "samples": 80},
        "model": {"hidden": [9, 6]},
        "training": {"epochs": 8, "batch_size": 7},
        "sweep": {"seeds": 6},
        **sections,
    }


LEAVING = {"seeds": 2, "grid": {"regularization.early_stopping": [1, 3, 6, 99]}}  # one after the other
WILD = {"seeds": 2, "grid": {"optimizer.learning_rate": [0.01, 20, 1e6]}}
BOTH = {"seeds": 2, "grid": {**WILD["grid"], **LEAVING["grid"]}}
LONGER = {"epochs": 16, "batch_size": 7}
RESTLESS = {"name": "adam", "learning_rate": 0.2}
QUICK = {"name": "momentum", "learning_rate": 0.1}

# Each changes what a population carries from epoch to epoch.
CASES: dict[str, dict[str, Any]] = {
    **{name: config(optimizer={"name": name}) for name in OPTIMIZERS},
    **{
        f"schedule {name}": config(schedule={"name": name, **settings[-1]}, training=LONGER)
        for name, settings in SCHEDULES.items()
    },
    "full batch": config(optimizer={"name": "momentum"}, training={"epochs": 8, "batch_size": "full"}),
    "one batch of all rows": config(training={"epochs": 8, "batch_size": 48}),
    "float64": config(model={"hidden": [9, 6], "dtype": "float64"}, regularization={"dropout": 0.4}),
    "l2 and dropout": config(regularization={"l2": 1.0, "dropout": 0.4}),
    "dropout, sgd": config(optimizer={"name": "sgd", "learning_rate": 0.1}, regularization={"dropout": 0.4}),
    "no hidden layer": config(model={"hidden": []}, regularization={"dropout": 0.4}),
    "early stopping": config(training=LONGER, sweep=LEAVING, optimizer=RESTLESS),
    "early stopping and dropout": config(
        training=LONGER, sweep=LEAVING, optimizer=RESTLESS, regularization={"dropout": 0.4}
    ),
    "early stopping, momentum": config(training=LONGER, sweep=LEAVING, optimizer=QUICK),
    "divergence": config(optimizer={"name": "sgd"}, sweep=WILD),
    "divergence, early stopping, momentum": config(
        training=LONGER, optimizer={"name": "momentum"}, sweep=BOTH, regularization={"dropout": 0.4}
    ),
    "a row of curves every 3 epochs": config(
        training={**LONGER, "evaluate_every": 3}, sweep=LEAVING, optimizer=QUICK
    ),
    "a row of curves at the end": config(training={"epochs": 8, "evaluate_every": "last"}),
    "regression": config(data={"source": "friedman1", "samples": 80}, regularization={"dropout": 0.4}),
    "no validation rows": config(data={"source": "moons", "samples": 80, "validation": 0}),
    "predictions are kept, early stopping": config(
        data={"source": "moons", "samples": 80, "split_seed": 1},
        training=LONGER,
        sweep=LEAVING,
        optimizer=RESTLESS,
    ),
    "data seeds, predictions are kept": config(
        data={"source": "friedman1", "samples": 80, "split_seed": 1}, sweep={"seeds": 2, "data_seeds": 3}
    ),
    "noisy labels, drawn again": config(
        data={"source": "moons", "samples": 80, "label_noise": 0.2, "resample": "bootstrap"}
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_going_on_from_any_epoch_gives_the_same_bits(case: str, runs_of: PlanRuns, tmp_path: Path) -> None:
    runs = runs_of(CASES[case])
    assert len(populations(runs)) == 1
    whole = bits(runs)
    assert bits(runs, Album(tmp_path / "album", seconds=0)) == whole  # and keeping changes nothing
    epochs = sorted(int(folder.name) for folder in (tmp_path / "album").iterdir())
    assert len(epochs) >= 7
    for epoch in epochs:
        keeper = Keeper(tmp_path / "album" / f"{epoch}" / "checkpoints", NEVER)
        assert bits(runs, keeper) == whole, f"from epoch {epoch}"


@pytest.mark.parametrize("case", [name for name, raw in CASES.items() if "stopping" in name or "div" in name])
def test_runs_have_left_before_some_of_these_checkpoints(
    case: str, runs_of: PlanRuns, tmp_path: Path
) -> None:
    """Or the test above would not prove what it should."""
    runs = runs_of(CASES[case])
    statuses = {result.status for result in train(runs, keeper=Album(tmp_path / "album", seconds=0))}
    assert ("diverged" in statuses) is case.startswith("divergence")
    snapshots = [Keeper(folder / "checkpoints").load([run.id for run in runs]) for folder in album(tmp_path)]
    left = [len(snapshot.facts["results"]) for snapshot in snapshots if snapshot is not None]
    assert len(left) == len(snapshots)
    assert 0 < left[-1] < len(runs)


def album(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "album").iterdir(), key=lambda folder: int(folder.name))


def test_a_run_that_is_interrupted_again_and_again_ends_with_the_same_bits(
    runs_of: PlanRuns, tmp_path: Path
) -> None:
    runs = runs_of(CASES["early stopping and dropout"])
    keeper = Keeper(tmp_path / "checkpoints", seconds=0)
    lives = 0
    while True:
        lives += 1
        try:
            results = train(runs, _Interrupt(after=2), keeper)
        except KeyboardInterrupt:
            continue
        break
    assert lives == 8
    assert [digest(result) for result in results] == bits(runs)


class _Interrupt:
    """Lets a population train for some epochs, and no more."""

    def __init__(self, after: int) -> None:
        self._left = after

    def __call__(self, _: Progress) -> None:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt


# --- files ----------------------------------------------------------------------------------------


@pytest.fixture
def runs(runs_of: PlanRuns) -> tuple[Run, ...]:
    return runs_of(CASES["l2 and dropout"])


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path / "checkpoints", seconds=0)


def begin(runs: Sequence[Run], keeper: Keeper, epochs: int = 3) -> Path:
    """Trains for some epochs; returns the file of the checkpoint."""
    before = set(keeper.folder.glob("*"))
    with pytest.raises(KeyboardInterrupt):
        train(runs, _Interrupt(epochs), keeper)
    (path,) = set(keeper.folder.iterdir()) - before
    return path


def epochs_trained(runs: Sequence[Run], keeper: Keeper) -> int:
    trained: list[int] = []
    train(runs, lambda progress: trained.append(progress.epoch), keeper)
    return len(trained)


def test_a_checkpoint_spares_the_epochs_before_it(runs: tuple[Run, ...], keeper: Keeper) -> None:
    begin(runs, keeper, epochs=3)
    assert epochs_trained(runs, keeper) == 5


def test_zero_seconds_write_after_every_epoch_and_leave_one_file(
    runs: tuple[Run, ...], keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []

    def save(keeper: Keeper, snapshot: Snapshot) -> None:
        original(keeper, snapshot)
        saved.append(snapshot.facts["epoch"])
        assert [path.suffix for path in keeper.folder.iterdir()] == [".checkpoint"]

    original = Keeper.save
    monkeypatch.setattr(Keeper, "save", save)
    train(runs, keeper=keeper)
    assert saved == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_population_that_ends_sooner_never_writes(runs: tuple[Run, ...], tmp_path: Path) -> None:
    train(runs, keeper=Keeper(tmp_path / "checkpoints", seconds=60))
    assert not (tmp_path / "checkpoints").exists()


def test_time_counts_from_the_last_checkpoint(
    runs: tuple[Run, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])
    keeper = Keeper(tmp_path / "checkpoints", seconds=30)
    keeper.load(["a"])
    seen = []
    for now[0] in (10.0, 29.0, 30.0, 31.0, 59.0, 61.0):
        seen.append(keeper.is_due())
        if seen[-1]:
            keeper.save(Snapshot(("a",), {}, {}))
    assert seen == [False, False, True, False, False, True]


def test_forgetting_removes_the_file_and_what_a_kill_left(runs: tuple[Run, ...], keeper: Keeper) -> None:
    path = begin(runs, keeper)
    other = begin(runs[:2], keeper)
    path.with_suffix(".4711.tmp").touch()
    keeper.forget([run.id for run in runs])
    keeper.forget(["never", "seen"])
    assert list(keeper.folder.iterdir()) == [other]


@pytest.mark.parametrize("call", ["mkdir", "fsync", "replace"])
@pytest.mark.parametrize("crash", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_the_old_checkpoint_survives_a_failure_to_write_the_next(
    crash: BaseException, call: str, runs: tuple[Run, ...], keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = begin(runs, keeper).read_bytes()

    def fail(*_: object) -> None:
        raise crash

    owner = {"mkdir": Path, "fsync": os, "replace": Path}[call]
    with monkeypatch.context() as patch:
        patch.setattr(owner, call, fail if call != "mkdir" else lambda *_, **__: fail())
        with pytest.raises(EnvironmentFault if isinstance(crash, OSError) else KeyboardInterrupt) as caught:
            train(runs, keeper=keeper)
    if isinstance(crash, OSError):
        assert str(caught.value) == f"{keeper.folder}: no checkpoint can be written: No space left on device"
    (path,) = keeper.folder.iterdir()
    assert path.read_bytes() == content
    assert bits(runs, keeper) == bits(runs)


def test_a_worker_that_shares_no_disk_with_the_command_trains_all_the_same(
    runs: tuple[Run, ...], tmp_path: Path
) -> None:
    keeper = Keeper(tmp_path / "elsewhere" / "checkpoints", seconds=0)
    assert bits(runs, keeper) == bits(runs)
    assert not (tmp_path / "elsewhere").exists()


def test_checkpoints_stay_where_they_are_when_the_working_folder_changes(
    runs: tuple[Run, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    monkeypatch.chdir(tmp_path)
    keeper = Keeper(Path("runs/checkpoints"), seconds=0)
    monkeypatch.chdir("/")
    assert begin(runs, keeper).parent == tmp_path / "runs/checkpoints"


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(share * len(content))]


def flip(share: float) -> Callable[[bytes], bytes]:
    """One bit turned."""

    def flip(content: bytes) -> bytes:
        at = int(share * len(content))
        return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]

    return flip


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": cut(0),
    "a few bytes": lambda content: content[:20],
    "the digest alone": lambda content: content[:32],
    "half": cut(0.5),
    "all but the last byte": lambda content: content[:-1],
    "junk appended": lambda content: content + b"\0",
    "garbage": lambda content: np.random.default_rng(0).bytes(len(content)),
    "text": lambda _: b"not a checkpoint at all, but a letter to a friend, longer than any digest",
    **{f"a bit at {share:.0%}": flip(share) for share in np.linspace(0, 0.999, 23)},
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_means_starting_anew(damage: str, runs: tuple[Run, ...], keeper: Keeper) -> None:
    path = begin(runs, keeper)
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    assert keeper.groups() == []
    assert epochs_trained(runs, keeper) == 8


def test_a_checkpoint_that_is_a_folder_is_none(runs: tuple[Run, ...], keeper: Keeper) -> None:
    path = begin(runs, keeper)
    path.unlink()
    path.mkdir()
    assert keeper.groups() == []
    assert bits(runs, Keeper(keeper.folder, NEVER)) == bits(runs)


@pytest.mark.parametrize(("name", "value"), [("__version__", "1.99.0"), ("FORMAT", 0)])
def test_another_numpy_or_format_starts_anew(
    name: str, value: object, runs: tuple[Run, ...], keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(np if name == "__version__" else checkpoint, name, value)
        begin(runs, keeper)
        assert len(keeper.groups()) == 1
    assert keeper.groups() == []
    assert epochs_trained(runs, keeper) == 8


def test_the_checkpoint_of_other_runs_is_not_taken(runs: tuple[Run, ...], keeper: Keeper) -> None:
    begin(runs, keeper)
    assert keeper.load([run.id for run in runs[:-1]]) is None
    assert keeper.load([run.id for run in reversed(runs)]) is None


# --- which runs belong together ---------------------------------------------------------------------


def ids(stacks: Sequence[Sequence[Run]]) -> list[list[str]]:
    return [[run.id for run in stack] for stack in stacks]


def test_runs_that_began_together_go_on_together(runs: tuple[Run, ...], keeper: Keeper) -> None:
    begun = (runs[4], runs[1], runs[3])
    begin(begun, keeper)
    assert keeper.groups() == [tuple(run.id for run in begun)]
    stacks = populations(runs, together=keeper.groups())
    assert ids(stacks) == ids([begun, [runs[0], runs[2], runs[5]]])
    assert [digest(result) for stack in stacks for result in train(stack, keeper=keeper)] == [
        digest(result) for stack in stacks for result in train(stack)
    ]
    assert epochs_trained(begun, Keeper(keeper.folder, NEVER)) == 0  # the last checkpoint was of the end


def test_runs_that_began_with_one_that_is_no_longer_asked_for_start_anew(
    runs: tuple[Run, ...], keeper: Keeper
) -> None:
    begin(runs, keeper)
    assert ids(populations(runs[1:], together=keeper.groups())) == ids([runs[1:]])


def test_a_run_with_two_checkpoints_is_trained_once(runs: tuple[Run, ...], keeper: Keeper) -> None:
    """A population that killed its workers left one, and its runs one by one left theirs."""
    begin(runs, keeper)
    begin(runs[2:3], keeper)
    begin(runs[3:5], keeper)
    stacks = populations(runs, together=keeper.groups())
    assert sorted(run.id for stack in stacks for run in stack) == sorted(run.id for run in runs)


# --- the commands, killed -------------------------------------------------------------------------

SLOW = """
data: {source: moons, samples: 400}
model: {hidden: [32, 32]}
training: {epochs: 60, batch_size: 16}
regularization: {dropout: 0.2, early_stopping: {patience: 40}}
sweep: {seeds: 4, grid: {regularization.l2: [0, 0.1], model.hidden: [[32, 32], [24]]}}
"""


def kill_in_the_middle(desk: Desk, *arguments: str, after: int) -> dict[tuple[str, ...], int]:
    """Kills the command once a population has trained for so many epochs.

    Returns:
        The populations that have a checkpoint, and its epoch.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "nnlab", *arguments, "--checkpoint", "0", "-q"], cwd=desk.folder
    )
    keeper = Keeper(desk.folder / "runs/config/checkpoints", NEVER)
    while max(epochs_of(keeper).values(), default=0) < after:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.5 if "-j" in arguments else 0)  # workers notice, and write no more
    return epochs_of(keeper)


def epochs_of(keeper: Keeper) -> dict[tuple[str, ...], int]:
    found = [keeper.load(group) for group in keeper.groups()]
    return {snapshot.runs: snapshot.facts["epoch"] for snapshot in found if snapshot is not None}


@pytest.fixture
def epochs_begun(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, ...], int]:
    """Population -> the first epoch that was trained in this process."""
    begun: dict[tuple[str, ...], int] = {}

    def train_epoch(population: Population) -> None:
        begun.setdefault(population.began_with, population.epoch)
        original(population)

    original = Population._train_epoch
    monkeypatch.setattr(Population, "_train_epoch", train_epoch)
    return begun


def assert_same(one: Path, other: Path) -> None:
    """Two experiments hold the same results, bit for bit."""
    assert [row | {"strategy": ""} for row in without_seconds(one / "runs.csv")] == [
        row | {"strategy": ""} for row in without_seconds(other / "runs.csv")
    ]  # a single run has the experiment's name for its strategy
    assert (one / "curves.csv").read_bytes() == (other / "curves.csv").read_bytes()
    weights = [{path.name: path.read_bytes() for path in (f / "weights").iterdir()} for f in (one, other)]
    assert weights[0] == weights[1]
    assert weights[0]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_checkpoint_that_cannot_be_written_is_the_machines_fault_not_the_runs(
    jobs: str, desk: Desk
) -> None:
    config = desk.write(SLOW)
    assert desk.nnlab("train", config, "-s", "training.epochs=1").code == 0
    (desk.folder / "runs/config/checkpoints").touch()  # where a folder should be
    answer = desk.nnlab("sweep", config, "-j", jobs, "-q", "--checkpoint", "0")
    assert answer.code == 4
    assert answer.stderr == (
        f"{desk.folder}/runs/config/checkpoints: no checkpoint can be written: File exists\n"
    )


def test_train_that_was_killed_goes_on_from_its_checkpoint(
    desk: Desk, epochs_begun: dict[tuple[str, ...], int]
) -> None:
    config = desk.write(SLOW)
    ((runs, epoch),) = kill_in_the_middle(desk, "train", config, after=10).items()
    assert 10 <= epoch < 60
    assert desk.nnlab("train", config).code == 0
    assert epochs_begun == {runs: epoch + 1}
    assert list((desk.folder / "runs/config/checkpoints").iterdir()) == []
    assert desk.nnlab("train", config, "-n", "whole").code == 0
    assert_same(desk.folder / "runs/config", desk.folder / "runs/whole")


def test_a_sweep_that_was_killed_goes_on_from_its_checkpoints(
    desk: Desk, epochs_begun: dict[tuple[str, ...], int]
) -> None:
    config = desk.write(SLOW)
    killed = kill_in_the_middle(desk, "sweep", config, "-j", "2", after=10)
    assert 1 <= len(killed) <= 2
    folder = desk.folder / "runs/config"
    shutil.copytree(folder, desk.folder / "runs/workers")
    assert desk.nnlab("sweep", config).code == 0
    assert killed.items() <= {runs: epoch - 1 for runs, epoch in epochs_begun.items()}.items()
    assert desk.nnlab("sweep", config, "-n", "workers", "-j", "2").code == 0
    assert desk.nnlab("sweep", config, "-n", "whole").code == 0
    for name in ("config", "workers"):
        assert list((desk.folder / "runs" / name / "checkpoints").iterdir()) == []
        assert_same(desk.folder / "runs" / name, desk.folder / "runs/whole")
