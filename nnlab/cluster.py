"""The Dask side of a cluster: connect, compare versions, ship the cargo once to each worker."""

import contextlib
import importlib
import logging
import os
import platform
import signal
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from threadpoolctl import threadpool_limits

import nnlab
from nnlab.cargo import Cargo, Ticket, redeem
from nnlab.errors import EnvironmentFault, InputError
from nnlab.result import Result

CONNECT_SECONDS = 10


def connect(address: str) -> tuple[Any, Any]:
    """A client, and the cluster behind it if it was started here.

    Raises:
        InputError: `local:` without a number of workers.
        EnvironmentFault: Dask is missing, nobody answers, or versions differ.
    """
    dask = _dask()
    for handler in logging.getLogger("distributed").handlers:
        handler.setLevel(logging.CRITICAL)  # it tells at length what nnlab tells in a line
    cluster = _start_local(dask, address) if address.startswith("local:") else None
    try:
        client = dask.Client(cluster or address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise EnvironmentFault(f"--cluster {address}: no answer ({str(error) or 'timed out'})") from None
    _compare_versions(client, address)
    return client, cluster


def _dask() -> Any:
    try:
        return importlib.import_module("distributed")  # has no types
    except ImportError:
        raise EnvironmentFault("--cluster needs Dask: pip install 'nnlab[dask]'") from None


def _start_local(dask: Any, address: str) -> Any:
    workers = address.removeprefix("local:")
    if not workers.isdecimal() or int(workers) < 1:
        raise InputError(f"--cluster {address}: expected a number of workers, e.g. local:2")
    try:
        return dask.LocalCluster(
            n_workers=int(workers),
            threads_per_worker=1,
            host="127.0.0.1",  # whoever reaches a scheduler runs code: never listen to the outside
            dashboard_address="127.0.0.1:0",  # None would take port 8787, where another may be
            silence_logs="CRITICAL",
        )
    except RuntimeError as error:  # a worker was killed, or crashed, on its way up
        raise EnvironmentFault(f"--cluster {address}: cannot be started: {error}") from None


def _compare_versions(client: Any, address: str) -> None:
    """Other versions may give other bits."""
    try:
        for worker, there in client.run(versions, on_error="return").items():
            if isinstance(there, OSError):  # it died; who comes in its place is asked with its first task
                continue
            if isinstance(there, Exception):  # nnlab cannot be imported there
                raise EnvironmentFault(f"--cluster {address}: worker {worker}: {there}")
            _check_versions(f"--cluster {address}: worker {worker}", versions(), there)
    except EnvironmentFault:
        client.close()
        raise


def _check_versions(who: str, here: Mapping[str, str], there: Mapping[str, str]) -> None:
    for name, version in here.items():
        if there[name] != version:
            raise EnvironmentFault(
                f"{who} has {name} {there[name]}, this machine {version}; expected the same"
            )


def versions() -> dict[str, str]:
    """What decides a run's bits, besides the machine."""
    import numpy as np

    return {"Python": platform.python_version(), "NumPy": np.__version__, "nnlab": nnlab.__version__}


def killed_worker() -> type[Exception]:
    """What Dask raises for a task whose workers died again and again."""
    died: type[Exception] = _dask().KilledWorker
    return died


class Delivery:
    """Keeps the unpacked settings on a worker; a worker that joins later gets them, too."""

    def __init__(self, cargo: Cargo) -> None:
        self.versions = versions()
        self._cargo = cargo

    def setup(self, worker: Any) -> None:
        """Called by Dask on every worker."""
        # For good: as a limit around each task, the end of one would lift it from another in the next thread.
        threadpool_limits(1, "blas")
        self.settings = self._cargo.unpack()


def ship(client: Any, cargo: Cargo) -> str:
    """Send the cargo to every worker.

    Returns:
        The name it goes by there, its own: two commands may work on one cluster.
    """
    name = f"nnlab-{uuid.uuid4().hex}"
    plugin = type("Delivery", (Delivery, _dask().WorkerPlugin), {})
    client.register_plugin(plugin(cargo), name=name)
    return name


def leave(client: Any, local: Any, name: str) -> None:
    """Take the cargo from the workers again; a cluster that was started here ends at once."""
    if local is None:
        if client.status == "running":
            client.unregister_worker_plugin(name)
        client.close()
        return
    for nanny in local.workers.values():  # closing would wait for tasks
        nanny.auto_restart = False
        if nanny.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(nanny.pid, signal.SIGKILL)
    client.close()
    local.close()


def in_worker(name: str, work: Callable[..., list[Result]], tickets: Sequence[Ticket]) -> list[Result]:
    """A task on a worker of the cluster."""
    worker = _dask().get_worker()
    delivery = worker.plugins[name]
    _check_versions(f"worker {worker.address}", delivery.versions, versions())  # it may have joined late
    return work(redeem(tickets, delivery.settings), None)
