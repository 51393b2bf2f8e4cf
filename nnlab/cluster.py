"""The Dask side of a cluster: connect, compare versions, ship the cargo once to each worker."""

import importlib
import platform
from collections.abc import Callable, Sequence
from typing import Any

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
    return dask.LocalCluster(
        n_workers=int(workers),
        threads_per_worker=1,
        host="127.0.0.1",  # whoever reaches a scheduler runs code: never listen to the outside
        dashboard_address=None,
        silence_logs="ERROR",
    )


def _compare_versions(client: Any, address: str) -> None:
    """Other versions may give other bits."""
    here = versions()
    for worker, there in client.run(versions).items():
        for name, version in here.items():
            if there[name] != version:
                client.close()
                raise EnvironmentFault(
                    f"--cluster {address}: worker {worker} has {name} {there[name]}, this machine {version}; "
                    "expected the same"
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
        self._cargo = cargo

    def setup(self, worker: Any) -> None:
        """Called by Dask on every worker."""
        worker.nnlab_settings = self._cargo.unpack()


def ship(client: Any, cargo: Cargo) -> None:
    """Send the cargo to every worker."""
    plugin = type("Delivery", (Delivery, _dask().WorkerPlugin), {})
    client.register_plugin(plugin(cargo), name="nnlab")


def in_worker(work: Callable[..., list[Result]], tickets: Sequence[Ticket]) -> list[Result]:
    """A task on a worker of the cluster."""
    return work(redeem(tickets, _dask().get_worker().nnlab_settings), None)
