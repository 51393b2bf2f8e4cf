"""One contract for all executors: this process, worker processes, and a real Dask cluster on this machine."""

import contextlib
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from multiprocessing import connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import nnlab
from nnlab import cluster
from nnlab.cargo import LARGE, Loader, redeem
from nnlab.config.load import load
from nnlab.errors import EnvironmentFault, InputError
from nnlab.executors import (
    BLAS_THREADS,
    Cluster,
    Executor,
    InProcess,
    Processes,
    WorkerDied,
    _as_workers_begin,
)
from nnlab.plan import Run, Setting, plan_sweep, populations
from nnlab.result import Result, failed
from nnlab.train import train
from tests.conftest import PlanRuns
from tests.test_population import digest

pytestmark = pytest.mark.usefixtures("deadline")

AT_ONCE = 2.0  # seconds
LARGE_RESULT = 50 << 20

# --- what tasks do: the id of the first run says it, as "verb argument" ------------------------


class Odd(Exception):
    """Cannot be unpickled: its constructor wants more than it passes on."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def act(runs: Sequence[Run], watch: object = None) -> list[Any]:
    """The work of all tasks here; workers find it by its name."""
    verb, _, argument = runs[0].id.partition(" ")
    return ACTIONS[verb](runs, argument)


def answer(runs: Sequence[Run], _: str) -> list[Any]:
    return [failed(run.id, f"{run.seed}") for run in runs]


def note(runs: Sequence[Run], path: str) -> list[Any]:
    with open(path, "a") as file:
        file.write("once\n")
    return answer(runs, path)


def meet(_: Sequence[Run], paths: str) -> list[Any]:
    """Ends when it has seen another task at work."""
    mine, other = map(Path, paths.split())
    mine.write_text(f"{os.getpid()}")
    while not other.exists():
        time.sleep(0.01)
    return [os.getpid()]


def sleep(_: Sequence[Run], path: str) -> list[Any]:
    Path(path).write_text(f"{os.getpid()}")
    time.sleep(60)
    return []


def fail(_: Sequence[Run], name: str) -> list[Any]:
    raise {"key": KeyError("layer9"), "memory": MemoryError(), "odd": Odd("one", "two")}[name]


def die(_: Sequence[Run], _path: str) -> list[Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    return []


def tear(runs: Sequence[Run], path: str) -> list[Any]:
    """Dies in the middle of sending its result."""

    def send_half(pipe: Any, content: Any) -> None:
        os.write(pipe.fileno(), bytes(content)[: len(content) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    connection.Connection._send = send_half
    return answer(runs, path)


def large(_: Sequence[Run], _path: str) -> list[Any]:
    return [np.arange(LARGE_RESULT // 8)]


def look(runs: Sequence[Run], paths: str) -> list[Any]:
    """What a worker sees of its settings and of itself."""
    if paths:
        meet(runs, paths)
    features = arrays(runs[0].setting)[0]
    blas = [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]
    file = features.filename if isinstance(features, np.memmap) else None
    return [{"pid": os.getpid(), "array": id(features), "file": file, "sum": features.sum(), "blas": blas}]


ACTIONS: dict[str, Callable[[Sequence[Run], str], list[Any]]] = {
    action.__name__: action for action in (answer, note, meet, sleep, fail, die, tear, large, look)
}


def arrays(setting: Setting) -> list[np.ndarray[Any, Any]]:
    """The large arrays of a setting's data."""
    table = setting.material.main
    found = [] if table is None else [table.features, table.target]
    return [array for array in found if array.nbytes >= LARGE]


# --- executors ------------------------------------------------------------------------------------

KINDS = ("in this process", "processes", "cluster")
PARALLEL = KINDS[1:]
parallel = pytest.mark.parametrize("running", PARALLEL, indirect=True)


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    """The handwritten digits: an array that is large enough to travel on its own."""
    path = tmp_path_factory.mktemp("digits") / "config.yaml"
    path.write_text("data: {source: digits}")
    return plan_sweep(load(str(path))).runs[0].setting


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A Dask cluster of two workers."""
    pytest.importorskip("distributed", reason="Dask is not installed")
    client, local = cluster.connect("local:2")
    local.scheduler.allowed_failures = 1  # a task may kill 2 workers, not 4: each takes a second to come back
    yield local.scheduler_address
    cluster.leave(client, local, "")


@pytest.fixture(scope="module")
def start(request: pytest.FixtureRequest, setting: Setting) -> Callable[..., Executor]:
    """Starts an executor of a kind."""

    def start(kind: str, runs: Sequence[Run] = (), work: Callable[..., Any] = act) -> Executor:
        runs = runs or [Run("", 0, setting)]
        if kind == "processes":
            return Processes(runs, 2, work)
        if kind == "cluster":
            return Cluster(runs, request.getfixturevalue("address"), work)
        return InProcess(work=work)

    return start


@pytest.fixture(scope="module", params=KINDS)
def running(request: pytest.FixtureRequest, start: Callable[..., Executor]) -> Iterator[Executor]:
    """One executor for all tests of its kind."""
    executor = start(request.param)
    yield executor
    executor.close()


@pytest.fixture
def executor(running: Executor) -> Executor:
    """Whatever the test before did to it, it is at work again."""
    while running.workers < (1 if isinstance(running, InProcess) else 2):
        time.sleep(0.01)  # Dask takes a moment to start a worker anew
    return running


@pytest.fixture
def tasks(setting: Setting) -> Callable[[str], list[Run]]:
    return lambda order: [Run(order, 7, setting)]


Tasks = Callable[[str], list[Run]]


def appears(path: Path) -> Path:
    while not path.exists() or not path.read_text():
        time.sleep(0.01)
    return path


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


# --- the contract -------------------------------------------------------------------------------


def test_every_task_is_done_once_and_its_results_come_once(
    executor: Executor, tasks: Tasks, tmp_path: Path
) -> None:
    orders = [f"note {tmp_path / str(i)}" for i in range(12)]
    waiting, flying, came = list(orders), set(), []
    while waiting or flying:
        while waiting and len(flying) < executor.workers:
            flying.add(executor.submit(tasks(waiting.pop())))
        ended, flying = wait(flying, return_when=FIRST_COMPLETED)
        came += [result for future in ended for result in future.result()]
    assert sorted(result.run for result in came) == sorted(orders)
    assert {result.error for result in came} == {"7"}  # the seed has travelled along
    assert [path.read_text() for path in tmp_path.iterdir()] == ["once\n"] * 12


def test_a_task_that_is_handed_in_again_is_done_again(
    executor: Executor, tasks: Tasks, tmp_path: Path
) -> None:
    path = tmp_path / "note"
    futures = []
    for _ in range(2):
        futures += [executor.submit(tasks(f"note {path}")) for _ in range(executor.workers)]
        wait(futures)
    assert path.read_text() == "once\n" * len(futures)


def test_results_are_in_the_order_of_the_runs(executor: Executor, setting: Setting) -> None:
    ids = ["answer", *(f"{i}" for i in reversed(range(20)))]
    results = executor.submit([Run(run_id, 0, setting) for run_id in ids]).result()
    assert [result.run for result in results] == ids


def test_an_exception_comes_as_itself(executor: Executor, tasks: Tasks) -> None:
    for name, kind, text in (("key", KeyError, "'layer9'"), ("memory", MemoryError, "")):
        error = executor.submit(tasks(f"fail {name}")).exception()
        assert type(error) is kind
        assert str(error) == text
    assert executor.submit(tasks("answer")).result()[0].run == "answer"


def test_an_exception_that_cannot_travel_sends_its_text(executor: Executor, tasks: Tasks) -> None:
    error = executor.submit(tasks("fail odd")).exception()
    assert not isinstance(error, WorkerDied)
    assert "one and two" in str(error)
    assert executor.submit(tasks("answer")).result()


def test_a_result_of_50_mb_arrives_whole(executor: Executor, tasks: Tasks) -> None:
    (array,) = executor.submit(tasks("large")).result()
    assert np.array_equal(array, np.arange(LARGE_RESULT // 8))


@parallel
def test_tasks_are_done_at_the_same_time(executor: Executor, tasks: Tasks, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    futures = [executor.submit(tasks(f"meet {mine} {other}")) for mine, other in ((one, two), (two, one))]
    pids = [future.result()[0] for future in futures]
    assert len({*pids, os.getpid()}) == 3


@parallel
def test_a_quick_task_does_not_wait_for_a_slow_one(executor: Executor, tasks: Tasks, tmp_path: Path) -> None:
    go = tmp_path / "go"
    slow = executor.submit(tasks(f"meet {tmp_path / 'slow'} {go}"))
    for _ in range(3):
        assert executor.submit(tasks("answer")).result()[0].run == "answer"
    assert not slow.done()
    go.touch()
    assert slow.result()


@parallel
def test_a_worker_that_dies_costs_its_own_task_only(executor: Executor, tasks: Tasks, tmp_path: Path) -> None:
    go = tmp_path / "go"
    neighbour = executor.submit(tasks(f"meet {tmp_path / 'there'} {go}"))
    victim = executor.submit(tasks("die"))
    threading.Timer(0.5, go.touch).start()  # Dask tries the victim elsewhere: behind the neighbour
    with pytest.raises(WorkerDied, match="killed or crashed"):
        victim.result()
    assert neighbour.result()
    for _ in range(4):
        assert executor.submit(tasks("answer")).result()[0].run == "answer"


@pytest.mark.parametrize("running", ["processes"], indirect=True)
def test_a_worker_that_dies_while_it_sends_its_result_is_no_end_of_all(
    executor: Executor, tasks: Tasks
) -> None:
    with pytest.raises(WorkerDied):  # and nobody waits for the other half
        executor.submit(tasks("tear")).result(timeout=20)
    assert executor.submit(tasks("answer")).result()


@parallel
def test_a_worker_that_is_killed_while_it_is_idle_is_replaced(executor: Executor, tasks: Tasks) -> None:
    (seen,) = executor.submit(tasks("look")).result()
    os.kill(seen["pid"], signal.SIGKILL)
    while is_alive(seen["pid"]):
        time.sleep(0.01)
    time.sleep(0.1)  # so that the executor has noticed, too
    assert executor.submit(tasks("look")).result()[0]["pid"] != seen["pid"]


@pytest.mark.parametrize("running", ["processes"], indirect=True)
def test_ctrl_c_is_not_the_affair_of_workers(executor: Executor, tasks: Tasks, tmp_path: Path) -> None:
    go, there = tmp_path / "go", tmp_path / "there"
    future = executor.submit(tasks(f"meet {there} {go}"))
    pid = int(appears(there).read_text())
    os.kill(pid, signal.SIGINT)
    time.sleep(0.1)
    go.touch()
    assert future.result() == [pid]


@pytest.mark.parametrize("kind", ["processes", "local:2"])
def test_closing_ends_sleeping_tasks_at_once(
    kind: str, setting: Setting, tasks: Tasks, tmp_path: Path, start: Callable[..., Executor]
) -> None:
    if kind == "local:2":
        pytest.importorskip("distributed", reason="Dask is not installed")
    executor = start(kind) if kind == "processes" else Cluster(tasks(""), kind, act)
    paths = [tmp_path / "one", tmp_path / "two"]
    for path in paths:
        executor.submit(tasks(f"sleep {path}"))
    pids = [int(appears(path).read_text()) for path in paths]
    assert len(set(pids)) == 2
    began = time.monotonic()
    executor.close()
    assert time.monotonic() - began < AT_ONCE
    assert not any(map(is_alive, pids))


def test_worker_processes_have_one_blas_thread(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in BLAS_THREADS:
        monkeypatch.delenv(name, raising=False)  # conftest has set them
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    executor = Processes(tasks(""), 1, act)
    try:
        (seen,) = executor.submit(tasks("look")).result()
    finally:
        executor.close()
    assert set(seen["blas"]) == {1}
    assert [os.environ.get(name) for name in BLAS_THREADS] == ["2", None, None]


def test_a_signal_while_a_worker_starts_is_told_afterwards() -> None:
    reached = False
    with pytest.raises(KeyboardInterrupt), _as_workers_begin():  # noqa: PT012
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        reached = True
    assert reached


def mixed(runs_of: PlanRuns) -> list[Run]:
    """Three shapes; generated data and a table; dropout, early stopping and divergence."""
    training = {"epochs": 5, "batch_size": 16}
    stopping = {"early_stopping": 2, "dropout": 0.3}
    grids: list[dict[str, Any]] = [
        {"model.hidden": [[8], [6, 5]], "regularization.l2": [0, 1]},
        {"optimizer.learning_rate": [0.01, 1e6]},
    ]
    moons, friedman = {"source": "moons", "samples": 90}, {"source": "friedman1", "samples": 90}
    runs = [
        *runs_of({"data": moons, "training": training, "sweep": {"seeds": 2, "grid": grids[0]}}),
        *runs_of({"data": friedman, "training": training, "sweep": {"seeds": 2, "grid": grids[1]}}),
        *runs_of({"data": {"source": "digits"}, "training": training, "regularization": stopping}),
    ]
    assert len(runs) == 13
    return runs


@pytest.mark.parametrize("kind", PARALLEL)
def test_training_gives_the_same_bits_everywhere(
    kind: str, runs_of: PlanRuns, start: Callable[..., Executor]
) -> None:
    runs = mixed(runs_of)
    here = {result.run: digest(result) for stack in populations(runs) for result in train(stack)}
    executor = start(kind, runs, train)
    try:
        there: dict[str, str] = {}
        for stack in populations(runs, workers=2):
            there |= {result.run: digest(result) for result in executor.submit(stack).result()}
    finally:
        executor.close()
    assert there == here


# --- cargo --------------------------------------------------------------------------------------


def test_cargo_comes_out_as_it_went_in(runs_of: PlanRuns, tmp_path: Path) -> None:
    runs = mixed(runs_of)
    for folder in (None, tmp_path):
        loader = Loader(runs, folder)
        again = redeem(loader.tickets(runs), pickle.loads(pickle.dumps(loader.cargo)).unpack())
        for before, after in zip(runs, again, strict=True):
            assert (after.id, after.seed, after.config) == (before.id, before.seed, before.config)
            assert after.setting.material.digest == before.setting.material.digest
            for one, other in zip(arrays(before.setting), arrays(after.setting), strict=True):
                assert one.tobytes() == other.tobytes()
                assert isinstance(other, np.memmap) is (folder is not None)


def test_an_array_that_settings_share_is_packed_once(runs_of: PlanRuns, tmp_path: Path) -> None:
    raw = {"data": {"source": "digits"}, "sweep": {"seeds": 3, "grid": {"regularization.l2": [0, 1, 2]}}}
    runs = runs_of(raw)
    large = arrays(runs[0].setting)
    loader = Loader(runs, tmp_path)
    assert len(loader.cargo.arrays) == len(large) == len(list(tmp_path.glob("*.npy")))
    assert len(loader.cargo.pack) < LARGE
    assert len(pickle.dumps(loader.tickets(runs))) < 60 * len(runs)  # all that a task brings along
    unpacked = loader.cargo.unpack()
    assert len(unpacked) == 3
    assert len({id(array) for setting in unpacked for array in arrays(setting)}) == len(large)


def seen_by_both_workers(executor: Executor, tasks: Tasks, tmp_path: Path) -> list[dict[str, Any]]:
    """What each of two workers sees in each of two tasks."""
    seen = []
    for turn in "ab":
        one, two = tmp_path / f"{turn}1", tmp_path / f"{turn}2"
        futures = [executor.submit(tasks(f"look {mine} {other}")) for mine, other in ((one, two), (two, one))]
        seen += [sight for future in futures for sight in future.result()]
    assert len({sight["pid"] for sight in seen}) == 2
    return seen


def test_worker_processes_map_large_arrays_into_memory(
    tasks: Tasks, setting: Setting, tmp_path: Path
) -> None:
    executor = Processes(tasks(""), 2, act)
    try:
        seen = seen_by_both_workers(executor, tasks, tmp_path)
    finally:
        executor.close()
    (file,) = {sight["file"] for sight in seen}  # the same one in every worker
    assert file is not None
    assert not Path(file).parent.exists()  # closing leaves nothing behind
    assert {sight["sum"] for sight in seen} == {arrays(setting)[0].sum()}
    assert len({(sight["pid"], sight["array"]) for sight in seen}) == 2  # and unpacked there once


@pytest.mark.parametrize("running", ["cluster"], indirect=True)
def test_large_arrays_travel_once_to_each_worker_of_a_cluster(
    executor: Executor, tasks: Tasks, setting: Setting, tmp_path: Path
) -> None:
    seen = seen_by_both_workers(executor, tasks, tmp_path)
    assert len({(sight["pid"], sight["array"]) for sight in seen}) == 2
    assert {sight["sum"] for sight in seen} == {arrays(setting)[0].sum()}


def test_a_cargo_that_cannot_be_unpacked_is_told_by_the_task(tasks: Tasks) -> None:
    executor = Processes(tasks(""), 1, act)
    try:
        for path in Path(executor._folder.name).iterdir():
            path.unlink()
        assert isinstance(executor.submit(tasks("look")).exception(), FileNotFoundError)
    finally:
        executor.close()


# --- a cluster's own affairs ----------------------------------------------------------------------


def test_two_commands_on_one_cluster_do_not_mix_their_settings(
    address: str, setting: Setting, runs_of: PlanRuns
) -> None:
    (other,) = runs_of({"data": {"source": "digits"}, "training": {"epochs": 1}})
    mine = Run("mine", 0, setting)
    first, second = Cluster([mine], address, train_rows), Cluster([other], address, train_rows)
    try:
        for executor, run in ((first, mine), (second, other), (first, mine)):
            assert executor.submit([run]).result() == [run.config.training.epochs]
        first.close()
        assert second.submit([other]).result() == [1]
    finally:
        second.close()


def train_rows(runs: Sequence[Run], watch: object = None) -> list[Any]:
    return [run.config.training.epochs for run in runs]


def test_what_a_command_sent_is_taken_back_when_it_ends(address: str, tasks: Tasks) -> None:
    executor = Cluster(tasks(""), address, act)
    name = executor._shipped
    executor.close()
    client, _ = cluster.connect(address)
    there = client.run(lambda dask_worker: list(dask_worker.plugins))
    client.close()
    assert all(name not in plugins for plugins in there.values())


def test_a_lost_cluster_is_told_in_one_line(tasks: Tasks, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed")
    client, local = cluster.connect("local:1")
    executor = Cluster(tasks(""), local.scheduler_address, act)
    future = executor.submit(tasks(f"sleep {tmp_path / 'there'}"))
    appears(tmp_path / "there")
    cluster.leave(client, local, "")
    with pytest.raises(
        EnvironmentFault, match=f"^--cluster {local.scheduler_address}: the connection is lost"
    ):
        future.result(timeout=20)
    executor.close()


class Answers:
    """A client whose workers answer as told."""

    def __init__(self, **answers: object) -> None:
        self.answers, self.closed = answers, False

    def run(self, *_: object, on_error: str) -> dict[str, object]:
        return self.answers

    def close(self) -> None:
        self.closed = True


def test_a_worker_that_dies_while_it_is_asked_is_no_reason_to_stop() -> None:
    client = Answers(one=cluster.versions(), other=OSError("stream is closed"))
    cluster._compare_versions(client, "local:2")
    assert not client.closed


def test_a_worker_without_nnlab_is_told() -> None:
    client = Answers(one=ModuleNotFoundError("No module named 'nnlab'"))
    with pytest.raises(EnvironmentFault, match="worker one: No module named 'nnlab'"):
        cluster._compare_versions(client, "tcp://somewhere:8786")
    assert client.closed


def test_a_cluster_of_other_versions_is_refused(
    address: str, tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nnlab, "__version__", "0.0.7")
    with pytest.raises(EnvironmentFault, match=r"has nnlab 0\.1\.0, this machine 0\.0\.7; expected the same"):
        Cluster(tasks(""), address, act)


def test_a_worker_of_another_version_that_joins_late_is_refused(
    address: str, tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_compare_versions", lambda *_: None)
    monkeypatch.setattr(nnlab, "__version__", "0.0.7")
    executor = Cluster(tasks(""), address, act)
    try:
        with pytest.raises(EnvironmentFault, match=r"has nnlab 0\.1\.0, this machine 0\.0\.7"):
            executor.submit(tasks("answer")).result()
    finally:
        executor.close()


def test_a_cluster_that_does_not_answer_is_told(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed")
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    with pytest.raises(EnvironmentFault, match=r"--cluster tcp://127\.0\.0\.1:9: no answer"):
        Cluster(tasks(""), "tcp://127.0.0.1:9", act)


def test_a_local_cluster_that_cannot_start_is_told(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")

    def give_up(**_: object) -> None:
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr(distributed, "LocalCluster", give_up)
    with pytest.raises(
        EnvironmentFault, match=r"^--cluster local:2: cannot be started: Nanny failed to start"
    ):
        Cluster(tasks(""), "local:2", act)


@pytest.mark.parametrize("wrong", ["local:", "local:0", "local:x", "local:-1"])
def test_a_local_cluster_wants_a_number_of_workers(wrong: str, tasks: Tasks) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed")
    with pytest.raises(InputError, match=r"expected a number of workers, e\.g\. local:2"):
        Cluster(tasks(""), wrong, act)


def test_a_worker_of_many_threads_keeps_one_blas_thread_for_good(tasks: Tasks) -> None:
    with threadpool_limits(2, "blas"):
        cluster.Delivery(Loader(tasks("")).cargo).setup(None)
        assert {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"} == {
            1
        }


def test_results_are_typed(executor: Executor, tasks: Tasks) -> None:
    assert isinstance(executor.submit(tasks("answer")).result()[0], Result)
