"""Executors: where populations train: in this process, in worker processes, or on a Dask cluster.

    executor.workers              how many tasks it works on at a time
    executor.submit(runs)         a future of the runs' results
    executor.close()              ends it at once, whatever it is doing

All of them keep one contract, which `tests/test_executors.py` asks of each: a task's results, or its
exception, come exactly once; a worker that dies costs its own task only, whose future then raises
`WorkerDied`.
"""

import contextlib
import functools
import os
import pickle
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process, resource_tracker
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from nnlab.cargo import Cargo, Loader, Ticket, redeem
from nnlab.errors import EnvironmentFault
from nnlab.plan import Run, Setting
from nnlab.result import Result
from nnlab.train import Progress, train

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")  # read as NumPy is imported

Results = list[Result]
Watch = Callable[[Progress], None]


class WorkerDied(Exception):
    """The worker of a task is gone: killed, out of memory, or crashed."""


class Executor(Protocol):
    """What `execute` needs."""

    @property
    def workers(self) -> int:
        """How many tasks it works on at a time; a cluster may grow and shrink."""

    where: str  # for people: "in this process", "in 2 worker processes", ...
    aside: bool  # whether it works while this process does something else

    def submit(self, runs: Sequence[Run]) -> "Future[Results]":
        """Train runs of one shape."""

    def close(self) -> None:
        """End all workers now; tasks that are not done are lost."""


class InProcess:
    """Trains in this process, when `submit` is called; the only one that can show progress inside a task.

    Args:
        work: what a task does, `train` unless a test says otherwise.
        watch: told after every recorded epoch.
    """

    workers = 1
    where = "in this process"
    aside = False

    def __init__(self, watch: Watch | None = None, work: Callable[..., Any] = train) -> None:
        self._watch, self._work = watch, work

    def submit(self, runs: Sequence[Run]) -> "Future[Results]":
        future: Future[Results] = Future()
        try:
            future.set_result(self._work(runs, self._watch))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        pass


class Processes:
    """Worker processes of this machine, each with one BLAS thread.

    Every worker is a pool of its own: where one dies, the futures of the others live on.

    Args:
        runs: all runs that tasks will be about.
        workers: how many processes.
        work: what a task does, `train` unless a test says otherwise.
    """

    aside = True

    def __init__(self, runs: Sequence[Run], workers: int, work: Callable[..., Any] = train) -> None:
        self.workers = workers
        self.where = f"in {workers} worker processes"
        self._work = work
        self._closed = False
        self._folder = tempfile.TemporaryDirectory(prefix="nnlab-", ignore_cleanup_errors=True)
        self._loader = Loader(runs, Path(self._folder.name))
        self._free: list[ProcessPoolExecutor] = [self._start() for _ in range(workers)]
        self._busy: set[ProcessPoolExecutor] = set()

    def submit(self, runs: Sequence[Run]) -> "Future[Results]":
        pool, inner = self._hand_in(self._loader.tickets(runs))
        outer: Future[Results] = Future()
        inner.add_done_callback(lambda done: self._hand_over(pool, done, outer))
        return outer

    def close(self) -> None:
        self._closed = True
        with _signals_go_to(signal.SIG_IGN):  # this ends at once; halfway it would leave workers
            for pool in (*self._free, *self._busy):
                _kill(pool)
            self._folder.cleanup()

    def _start(self) -> ProcessPoolExecutor:
        initial = (self._loader.cargo, self._folder.name)
        return ProcessPoolExecutor(1, get_context("spawn"), _begin_worker, initial)

    def _hand_in(self, tickets: Sequence[Ticket]) -> tuple[ProcessPoolExecutor, "Future[Results]"]:
        while True:
            pool = self._free.pop()
            self._busy.add(pool)
            try:
                with _as_workers_begin():
                    return pool, pool.submit(_in_worker, self._work, tickets)
            except BrokenProcessPool:  # its worker was killed while it had nothing to do
                self._replace(pool)

    def _replace(self, pool: ProcessPoolExecutor) -> None:
        self._busy.discard(pool)
        pool.shutdown(wait=False)
        if not self._closed:
            self._free.append(self._start())

    def _hand_over(
        self, pool: ProcessPoolExecutor, done: "Future[Results]", outer: "Future[Results]"
    ) -> None:
        error = done.exception()
        if isinstance(error, BrokenProcessPool):
            self._replace(pool)
            outer.set_exception(WorkerDied("its worker process was killed or crashed"))
            return
        self._busy.discard(pool)
        self._free.append(pool)
        if error is not None:
            outer.set_exception(error)
        else:
            outer.set_result(done.result())


class Cluster:
    """Workers of a Dask cluster; `local:N` starts one of N workers on this machine for a trial.

    Args:
        runs: all runs that tasks will be about.
        address: tcp://host:port, tls://host:port (certificates as Dask is configured), or local:N.
        work: what a task does, `train` unless a test says otherwise.

    Raises:
        EnvironmentFault: Dask is missing, nobody answers, or versions differ.
    """

    aside = True

    def __init__(self, runs: Sequence[Run], address: str, work: Callable[..., Any] = train) -> None:
        from nnlab import cluster

        self._work = work
        self._address = address
        self._loader = Loader(runs)
        self._client: Any = None
        try:
            with _as_workers_begin():
                self._client, self._cluster = cluster.connect(address)
                self._shipped = cluster.ship(self._client, self._loader.cargo)
            self._died = cluster.killed_worker()
            self._executor = self._client.get_executor(pure=False, retries=0)
            self.where = f"on {self.workers} threads of the cluster {address}"
        except BaseException:
            if self._client is not None:
                self.close()
            raise

    @property
    def workers(self) -> int:
        threads: int = sum(self._client.nthreads().values())
        return max(1, threads)  # what has to wait for the first worker waits in Dask

    def submit(self, runs: Sequence[Run]) -> "Future[Results]":
        from nnlab import cluster

        tickets = self._loader.tickets(runs)
        inner = self._executor.submit(cluster.in_worker, self._shipped, self._work, tickets)
        outer: Future[Results] = Future()
        inner.add_done_callback(lambda done: self._hand_over(done, outer))
        return outer

    def close(self) -> None:
        from nnlab import cluster

        with _signals_go_to(signal.SIG_IGN):
            cluster.leave(self._client, self._cluster, self._shipped)

    def _hand_over(self, done: "Future[Results]", outer: "Future[Results]") -> None:
        if done.cancelled():  # Dask does that when the scheduler is lost
            outer.set_exception(EnvironmentFault(f"--cluster {self._address}: the connection is lost"))
            return
        error = done.exception()
        if isinstance(error, self._died):
            outer.set_exception(WorkerDied("its workers on the cluster were killed or crashed"))
        elif error is not None:
            outer.set_exception(error)
        else:
            outer.set_result(done.result())


# --- inside a worker process ------------------------------------------------------------------

_cargo: Cargo | None = None


def _begin_worker(cargo: Cargo, folder: str) -> None:
    global _cargo
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, args=(folder,), daemon=True).start()
    _cargo = cargo


def _die_with_parent(folder: str) -> None:
    """Workers outlive a parent that was killed, unless one of their threads watches it."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        shutil.rmtree(folder, ignore_errors=True)  # the parent cannot do it any more
        os._exit(1)


@functools.cache
def _settings() -> tuple[Setting, ...]:
    # Unpacked by the first task, not on the way up: if it fails, the task can say why.
    assert _cargo is not None
    return _cargo.unpack()


def _in_worker(work: Callable[..., Results], tickets: Sequence[Ticket]) -> Results:
    try:
        return work(redeem(tickets, _settings()), None)
    except Exception as error:
        if _can_travel(error):
            raise
        raise RuntimeError(f"{type(error).__name__}: {error}") from None


def _can_travel(error: Exception) -> bool:
    """An exception that cannot be unpickled would break the pool of its worker."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return False
    return True


# --- in the parent ----------------------------------------------------------------------------


@contextlib.contextmanager
def _as_workers_begin() -> Iterator[None]:
    """What a worker process inherits: one BLAS thread from the start, and no Ctrl-C, the parent's affair."""
    resource_tracker.ensure_running()  # as it starts, it unblocks the signal that is blocked here
    before = {name: os.environ.get(name) for name in BLAS_THREADS}
    os.environ.update(dict.fromkeys(BLAS_THREADS, "1"))
    try:
        with _signals_go_to(held := _Held()):
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
            try:
                yield
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        held.release()


class _Held:
    """Keeps a signal for later: in the middle it would leave a half-started process behind."""

    def __init__(self) -> None:
        self._numbers: list[int] = []

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        self._numbers.append(number)

    def release(self) -> None:
        """Tell the first that came, now."""
        if self._numbers:
            signal.raise_signal(self._numbers[0])


@contextlib.contextmanager
def _signals_go_to(handler: Any) -> Iterator[None]:
    """Another handler of Ctrl-C and SIGTERM for a short while."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, own in before.items():
            signal.signal(number, own)


def _kill(pool: ProcessPoolExecutor) -> None:
    # Python 3.14 has kill_workers(); before that the processes are only to be had by this name.
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.kill()
    for process in processes:
        process.join()
