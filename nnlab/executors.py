"""Executors: where populations train: in this process, in worker processes, or on a Dask cluster.

    executor.workers              how many tasks it works on at a time
    executor.submit(runs)         a future of the runs' results
    executor.close()              ends it at once, whatever it is doing

All of them keep one contract, which `tests/test_executors.py` asks of each: a task's results, or its
exception, come exactly once; a worker that dies costs its own task only, whose future then raises
`WorkerDied`.
"""

import contextlib
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Any, Protocol

from nnlab.cargo import Cargo, Loader, Ticket, redeem
from nnlab.plan import Run, Setting
from nnlab.result import Result
from nnlab.train import Progress, train

Results = list[Result]
Watch = Callable[[Progress], None]


class WorkerDied(Exception):
    """The worker of a task is gone: killed, out of memory, or crashed."""


class Executor(Protocol):
    """What `execute` needs."""

    workers: int
    where: str  # for people: "in this process", "in 2 worker processes", ...

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

    def __init__(self, runs: Sequence[Run], workers: int, work: Callable[..., Any] = train) -> None:
        self.workers = workers
        self.where = f"in {workers} worker processes"
        self._work = work
        self._folder = tempfile.TemporaryDirectory(prefix="nnlab-", ignore_cleanup_errors=True)
        self._loader = Loader(runs, Path(self._folder.name))
        self._free: list[ProcessPoolExecutor] = [self._start() for _ in range(workers)]
        self._busy: set[ProcessPoolExecutor] = set()

    def submit(self, runs: Sequence[Run]) -> "Future[Results]":
        pool = self._free.pop()
        self._busy.add(pool)
        with _interrupts_ignored():  # a new process inherits that, and Ctrl-C is the parent's affair
            inner = pool.submit(_in_worker, self._work, self._loader.tickets(runs))
        outer: Future[Results] = Future()
        inner.add_done_callback(lambda done: self._hand_over(pool, done, outer))
        return outer

    def close(self) -> None:
        for pool in (*self._free, *self._busy):
            _kill(pool)
        self._folder.cleanup()

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, get_context("spawn"), _begin_worker, (self._loader.cargo,))

    def _hand_over(
        self, pool: ProcessPoolExecutor, done: "Future[Results]", outer: "Future[Results]"
    ) -> None:
        self._busy.discard(pool)
        error = done.exception()
        if isinstance(error, BrokenProcessPool):
            pool.shutdown(wait=False)
            self._free.append(self._start())
            outer.set_exception(WorkerDied("its worker process was killed or crashed"))
            return
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

    def __init__(self, runs: Sequence[Run], address: str, work: Callable[..., Any] = train) -> None:
        from nnlab import cluster

        self._work = work
        self._loader = Loader(runs)
        self._client, self._cluster = cluster.connect(address)
        cluster.ship(self._client, self._loader.cargo)
        self._died = cluster.killed_worker()
        self._executor = self._client.get_executor(pure=False, retries=0)
        self.workers = max(1, sum(self._client.nthreads().values()))
        self.where = f"on {self.workers} threads of the cluster {address}"

    def submit(self, runs: Sequence[Run]) -> "Future[Results]":
        from nnlab import cluster

        inner = self._executor.submit(cluster.in_worker, self._work, self._loader.tickets(runs))
        outer: Future[Results] = Future()
        inner.add_done_callback(lambda done: self._hand_over(done, outer))
        return outer

    def close(self) -> None:
        for part in (self._client, self._cluster):
            if part is not None:
                part.close()

    def _hand_over(self, done: "Future[Results]", outer: "Future[Results]") -> None:
        error = done.exception()
        if isinstance(error, self._died):
            outer.set_exception(WorkerDied("its workers on the cluster were killed or crashed"))
        elif error is not None:
            outer.set_exception(error)
        else:
            outer.set_result(done.result())


# --- inside a worker process ------------------------------------------------------------------

_settings: tuple[Setting, ...] = ()


def _begin_worker(cargo: Cargo) -> None:
    global _settings
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _settings = cargo.unpack()


def _die_with_parent() -> None:
    """Workers outlive a parent that was killed, unless one of their threads watches it."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _in_worker(work: Callable[..., Results], tickets: Sequence[Ticket]) -> Results:
    return work(redeem(tickets, _settings), None)


# --- in the parent ----------------------------------------------------------------------------


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _kill(pool: ProcessPoolExecutor) -> None:
    # Python 3.14 has kill_workers(); before that the processes are only to be had by this name.
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.kill()
    for process in processes:
        process.join()
