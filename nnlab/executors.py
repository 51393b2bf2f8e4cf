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
from concurrent.futures import Future
from multiprocessing import connection, get_context, parent_process, resource_tracker
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from nnlab.cargo import Cargo, Loader, redeem
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
        self._folder = tempfile.TemporaryDirectory(prefix="nnlab-", ignore_cleanup_errors=True)
        self._loader = Loader(runs, Path(self._folder.name))
        self._free: list[_Worker] = []
        self._all: list[_Worker] = []

    def submit(self, runs: Sequence[Run]) -> "Future[Results]":
        future: Future[Results] = Future()
        task = pickle.dumps((self._work, self._loader.tickets(runs)))
        threading.Thread(target=self._carry_out, args=(task, self._worker(), future), daemon=True).start()
        return future

    def close(self) -> None:
        workers = list(self._all)
        with _signals_go_to(signal.SIG_IGN):  # this ends at once; halfway it would leave workers
            for worker in workers:
                worker.process.kill()
            for worker in workers:
                worker.process.join()
            self._folder.cleanup()

    def _worker(self) -> "_Worker":
        """One that is free, or a new one."""
        while self._free:
            worker = self._free.pop()
            if worker.process.is_alive():  # it may have been killed while it had nothing to do
                return worker
            self._all.remove(worker)
        assert len(self._all) < self.workers
        with _as_workers_begin():
            self._all.append(_Worker(self._loader.cargo, self._folder.name))
        return self._all[-1]

    def _carry_out(self, task: bytes, worker: "_Worker", future: "Future[Results]") -> None:
        """Hands a task to a worker and waits for its results: a thread for each task."""
        answer = worker.ask(task)
        if answer is None:
            worker.process.kill()
            worker.process.join()
            self._all.remove(worker)
            future.set_exception(WorkerDied("its worker process was killed or crashed"))
            return
        self._free.append(worker)
        try:
            results, error = pickle.loads(answer)
        except Exception as unreadable:  # too large for this process, say
            results, error = None, unreadable
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(results)


class _Worker:
    """A worker process and the pipe to it.

    Not the standard library's pool: that waits for ever when a worker dies halfway through sending its
    results, and takes all other workers' tasks along.
    """

    def __init__(self, cargo: Cargo, folder: str) -> None:
        context = get_context("spawn")
        self._pipe, end = context.Pipe()
        self.process = context.Process(target=_serve, args=(end, cargo, folder), daemon=True)
        self.process.start()
        end.close()  # now the worker alone has it: when it dies, the pipe ends

    def ask(self, task: bytes) -> bytes | None:
        """The worker's answer; None if it died instead."""
        try:
            self._pipe.send_bytes(task)
            return self._pipe.recv_bytes()
        except (EOFError, OSError):
            return None


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


def _serve(pipe: "connection.Connection[bytes, bytes]", cargo: Cargo, folder: str) -> None:
    """The life of a worker: one task after the other."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, args=(folder,), daemon=True).start()
    settings = functools.cache(cargo.unpack)  # by the first task: if it fails, the task can say why
    with contextlib.suppress(EOFError, OSError):  # the parent is gone
        while True:
            pipe.send_bytes(_answer(pipe.recv_bytes(), settings))


def _answer(task: bytes, settings: Callable[[], Sequence[Setting]]) -> bytes:
    """The results of a task or its exception, pickled."""
    try:
        work, tickets = pickle.loads(task)
        return pickle.dumps((work(redeem(tickets, settings()), None), None), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        with contextlib.suppress(Exception):
            answer = pickle.dumps((None, error))
            pickle.loads(answer)  # some can be pickled, but not unpickled
            return answer
        return pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}")))


def _die_with_parent(folder: str) -> None:
    """Workers outlive a parent that was killed, unless one of their threads watches it."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        shutil.rmtree(folder, ignore_errors=True)  # the parent cannot do it any more
        os._exit(1)


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
