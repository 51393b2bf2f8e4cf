"""Interruptions: signals and kills at real processes; what is left of a sweep is whole, and it goes on."""

import contextlib
import csv
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from filelock import FileLock
from safetensors.numpy import load_file

from nnlab.checkpoint import Keeper
from tests.cli import Desk
from tests.test_checkpoint import assert_same, epochs_of

pytestmark = pytest.mark.usefixtures("deadline")

ENDS_WITHIN = 2.0  # seconds
DASK_ENDS_WITHIN = 5.0  # after a signal: it waits for a worker that is on its way up
GOES_ON = "every run that had finished is saved, and the same command trains the rest"

# Sixteen populations, each a fraction of a second.
SWEEP = """
data: {source: moons, samples: 200}
training: {epochs: 120, batch_size: 16}
sweep:
  seeds: 2
  grid:
    model.hidden: [[4], [5], [6], [7], [8], [9], [10], [11], [12], [13], [14], [15], [16], [17], [18], [19]]
"""
RUNS = 32


@dataclass
class Command:
    """`nnlab` as a process group of its own, as a terminal starts it; all its processes bear a mark."""

    folder: Path
    arguments: tuple[str, ...]
    mark: str = field(default_factory=lambda: f"NNLAB_TEST={uuid.uuid4().hex}")

    def __post_init__(self) -> None:
        self.temporary.mkdir(exist_ok=True)
        name, _, value = self.mark.partition("=")
        self.process = subprocess.Popen(
            # An interrupt may strike between the opening of a file and its `with`: that is no one's fault.
            [sys.executable, "-Werror", "-Wignore::ResourceWarning", "-m", "nnlab", *self.arguments],
            cwd=self.folder,
            env={**os.environ, name: value, "TMPDIR": str(self.temporary), "PYTHONFAULTHANDLER": "1"},
            start_new_session=True,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    def end(self, timeout: float = 60) -> str:
        """Waits for the end of the parent; returns what it, and all its children, said on stderr."""
        try:
            return self.process.communicate(timeout=timeout)[1]
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, signal.SIGABRT)  # it tells where it hangs
            return self.process.communicate()[1]

    def processes(self) -> list[int]:
        """All that bear the mark and are alive."""
        return [pid for pid in pids() if self.mark.encode() in read(pid, "environ").split(b"\0")]

    def workers(self) -> list[int]:
        return [pid for pid in self.processes() if b"spawn_main" in read(pid, "cmdline")]

    def seconds_until_all_are_gone(self) -> float:
        began = time.monotonic()
        while self.processes():
            if time.monotonic() - began > 10 * ENDS_WITHIN:
                break
            time.sleep(0.01)
        return time.monotonic() - began


def pids() -> Iterator[int]:
    for path in Path("/proc").iterdir():
        if path.name.isdecimal() and b") Z " not in read(int(path.name), "stat"):
            yield int(path.name)


def read(pid: int, name: str) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_bytes()
    return b""


@pytest.fixture
def start(desk: Desk) -> Iterator[Callable[..., Command]]:
    """Starts commands, and leaves none behind."""
    commands: list[Command] = []

    def start(*arguments: str) -> Command:
        commands.append(Command(desk.folder, arguments))
        return commands[-1]

    yield start
    for command in commands:
        for pid in command.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        command.process.communicate()


def wait_until(condition: Callable[[], object], command: Command) -> None:
    while not condition():
        assert command.process.poll() is None, f"it ended before that: {command.end()}"
        time.sleep(0.01)


def stored(folder: Path) -> int:
    return len(list((folder / "weights").glob("*.safetensors")))


def assert_whole(folder: Path) -> int:
    """What an interruption has left: a sound database that its files agree with, and a free lock.

    Returns:
        How many runs are stored.
    """
    with contextlib.closing(sqlite3.connect(folder / "results.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        completed = {run for (run,) in database.execute("SELECT run FROM runs WHERE status = 'completed'")}
        curves = {run for (run,) in database.execute("SELECT DISTINCT run FROM curves")}
    assert completed == curves
    for run in completed:
        assert load_file(folder / "weights" / f"{run}.safetensors")
    with FileLock(folder / ".lock", blocking=False):
        return len(completed)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the sweep, in this process."""
    desk = Desk(tmp_path_factory.mktemp("undisturbed"))
    assert desk.nnlab("sweep", desk.write(SWEEP), "-q").code == 0
    return desk.folder / "runs/config"


# --- signals --------------------------------------------------------------------------------------

PRESS = {
    "Ctrl-C": ([(os.killpg, signal.SIGINT)], 130, "interrupted"),
    "SIGINT to the parent": ([(os.kill, signal.SIGINT)], 130, "interrupted"),
    "Ctrl-C twice": ([(os.killpg, signal.SIGINT)] * 2, 130, "interrupted"),
    "SIGTERM": ([(os.kill, signal.SIGTERM)], 143, "terminated"),
    "SIGTERM to all": ([(os.killpg, signal.SIGTERM)], 143, "terminated"),
    "SIGTERM twice": ([(os.kill, signal.SIGTERM)] * 2, 143, "terminated"),
}
MEANS = {"-j 2": ["-j", "2"], "-j 1": ["-j", "1"], "cluster": ["--cluster", "local:2"]}


@pytest.mark.parametrize(
    ("press", "means"),
    [
        *((press, "-j 2") for press in PRESS if press != "SIGTERM twice"),
        pytest.param("SIGTERM twice", "-j 2", marks=pytest.mark.slow),
        ("Ctrl-C", "cluster"),
        pytest.param("SIGTERM to all", "cluster", marks=pytest.mark.slow),
        ("Ctrl-C twice", "-j 1"),
    ],
)
def test_a_signal_ends_a_sweep_at_once_and_the_same_command_finishes_it(
    press: str, means: str, desk: Desk, start: Callable[..., Command], undisturbed: Path
) -> None:
    config, folder = desk.write(SWEEP), desk.folder / "runs/config"
    command = start("sweep", config, "-q", *MEANS[means])
    wait_until(lambda: stored(folder) >= 6, command)
    blows, code, word = PRESS[press]
    for strike, number in blows:
        strike(command.process.pid, number)
        time.sleep(0.02)
    began = time.monotonic()
    stderr = command.end()
    assert time.monotonic() - began < (DASK_ENDS_WITHIN if means == "cluster" else ENDS_WITHIN)
    assert command.seconds_until_all_are_gone() < ENDS_WITHIN
    # A second one may meet Python on its way out, without handlers; to a shell that is the same code.
    assert command.process.returncode in (code, 128 - code)[: len(blows)]
    told = f"{word}; {GOES_ON}\n"
    assert stderr == told or (len(blows) > 1 and stderr == "")  # the second ends it in the middle of a word
    kept = assert_whole(folder)
    assert 4 <= kept < RUNS  # weights are written first: of one population they may be all there is
    if len(blows) == 1:
        with (folder / "runs.csv").open() as file:
            assert len(list(csv.DictReader(file))) == kept
    assert list(command.temporary.glob("nnlab-*")) == []
    again = desk.nnlab("sweep", config)
    assert again.code == 0
    assert f"{RUNS - kept} runs trained, {kept} were there" in again.stderr
    assert_same(folder, undisturbed)


@pytest.mark.parametrize("means", ["-j 2", "cluster"])
def test_ctrl_c_while_workers_are_still_starting(
    means: str, desk: Desk, start: Callable[..., Command]
) -> None:
    command = start("sweep", desk.write(SWEEP), "-q", *MEANS[means])
    wait_until(command.workers, command)
    os.killpg(command.process.pid, signal.SIGINT)
    stderr = command.end()
    assert command.seconds_until_all_are_gone() < ENDS_WITHIN
    assert command.process.returncode == 130
    assert stderr == f"interrupted; {GOES_ON}\n"
    assert_whole(desk.folder / "runs/config")


# --- kills ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("means", ["-j 2", pytest.param("cluster", marks=pytest.mark.slow)])
def test_workers_do_not_outlive_a_parent_that_is_killed(
    means: str, desk: Desk, start: Callable[..., Command], undisturbed: Path
) -> None:
    config, folder = desk.write(SWEEP), desk.folder / "runs/config"
    command = start("sweep", config, "-q", *MEANS[means])
    wait_until(lambda: stored(folder) >= 4, command)
    assert len(command.workers()) == 2
    os.kill(command.process.pid, signal.SIGKILL)
    command.process.wait()
    assert command.seconds_until_all_are_gone() < ENDS_WITHIN
    assert_whole(folder)
    assert list(command.temporary.glob("nnlab-*")) == []
    assert desk.nnlab("sweep", config).code == 0
    assert_same(folder, undisturbed)


def test_workers_that_are_just_starting_do_not_outlive_a_parent_that_is_killed(
    desk: Desk, start: Callable[..., Command]
) -> None:
    command = start("sweep", desk.write(SWEEP), "-q", "-j", "2")
    wait_until(lambda: len(command.workers()) == 2, command)
    os.kill(command.process.pid, signal.SIGKILL)
    command.process.wait()
    assert command.seconds_until_all_are_gone() < ENDS_WITHIN


@pytest.mark.parametrize("means", ["-j 2", "cluster"])
def test_a_sweep_does_not_mind_a_worker_that_is_killed(
    means: str, desk: Desk, start: Callable[..., Command], undisturbed: Path
) -> None:
    config, folder = desk.write(SWEEP), desk.folder / "runs/config"
    command = start("sweep", config, "-q", *MEANS[means])
    for count in (2, 8):
        wait_until(lambda count=count: stored(folder) >= count and command.workers(), command)
        os.kill(command.workers()[0], signal.SIGKILL)
    assert command.end() == ""
    assert command.process.returncode == 0
    assert command.seconds_until_all_are_gone() < ENDS_WITHIN
    assert_same(folder, undisturbed)


# --- the soak -------------------------------------------------------------------------------------

# 60 runs of six shapes; about 8 s of work on one core.
SOAK = """
data: {source: moons, samples: 600, label_noise: 0.1}
training: {epochs: 300, batch_size: 16}
optimizer: {name: adam, learning_rate: 0.02}
regularization: {early_stopping: {patience: 60}}
sweep:
  seeds: 5
  grid:
    model.hidden: [[12], [24, 12], [32, 32]]
    regularization.dropout: [0, 0.3]
    regularization.l2: [0, 1]
"""
SOAK_RUNS = 60


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the soak's sweep, in one process that nothing disturbs."""
    folder = tmp_path_factory.mktemp("soak")
    Desk(folder).write(SOAK)
    command = Command(folder, ("sweep", "config.yaml", "-q", "-j", "1"))
    assert command.end(300) == ""
    assert command.process.returncode == 0
    with (folder / "runs/config/runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == SOAK_RUNS
    assert len({row["epochs"] for row in rows}) > 5  # early stopping has struck
    return folder / "runs/config"


@pytest.mark.slow
@pytest.mark.parametrize("means", ["-j 2", "cluster"])
def test_workers_and_a_cluster_give_the_bits_of_one_process(
    means: str, desk: Desk, start: Callable[..., Command], soaked: Path
) -> None:
    command = start("sweep", desk.write(SOAK), "-q", *MEANS[means])
    assert command.end(300) == ""
    assert command.process.returncode == 0
    assert_same(desk.folder / "runs/config", soaked)


@pytest.mark.slow
@pytest.mark.parametrize(("means", "kills"), [("-j 2", 20), ("-j 1", 5), ("cluster", 8)])
def test_killed_at_random_moments_and_resumed_the_bits_are_the_same(
    means: str, kills: int, desk: Desk, start: Callable[..., Command], soaked: Path
) -> None:
    rng = random.Random(os.environ.get("NNLAB_SOAK", "0"))
    config, whole, struck, slowest = desk.write(SOAK), 0, {"parent": 0, "worker": 0}, 0.0
    while sum(struck.values()) < kills:
        whole += 1
        folder = desk.folder / f"runs/round{whole}"
        while True:  # lives of one sweep
            command = start("sweep", config, "-q", "-n", folder.name, "--checkpoint", "0.1", *MEANS[means])
            wait_until_alive(command, folder)
            target = strike(command, rng, means, kills - sum(struck.values()))
            for name in target:
                struck[name] += 1
            if "parent" not in target:
                stderr = command.end(300)
                if means == "cluster" and "worker" in target and command.process.returncode == 4:
                    assert "--cluster local:2: cannot be started" in stderr  # Dask gives up, nnlab says so
                    continue
                assert (command.process.returncode, stderr) == (0, "")
                break
            command.process.wait()
            slowest = max(slowest, command.seconds_until_all_are_gone())
            assert_whole(folder)
        assert_same(folder, soaked)
        assert list((folder / "checkpoints").glob("*.tmp")) == []
        assert epochs_of(Keeper(folder / "checkpoints")) == {}
    assert slowest < ENDS_WITHIN
    print(f"{means}: killed {struck}, {whole} sweeps, all processes gone after at most {slowest:.2f} s")


def wait_until_alive(command: Command, folder: Path) -> None:
    while not (folder / ".holder").exists() and command.process.poll() is None:
        time.sleep(0.01)


def strike(command: Command, rng: random.Random, means: str, left: int) -> list[str]:
    """Kills up to two workers and then, perhaps, the parent; returns what it killed."""
    struck: list[str] = []
    while len(struck) < left:
        time.sleep(rng.uniform(0.1, 1.5))
        if command.process.poll() is not None:
            return struck
        workers = command.workers()
        if workers and len(struck) < 2 and rng.random() < 0.4:
            os.kill(rng.choice(workers), signal.SIGKILL)
            struck.append("worker")
        elif rng.random() < 0.9:
            os.kill(command.process.pid, signal.SIGKILL)
            return [*struck, "parent"]
    return struck
