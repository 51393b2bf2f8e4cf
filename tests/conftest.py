"""What all tests share: one BLAS thread, strict floating point, and runs planned from a plain dict."""

import faulthandler
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"  # read once, when NumPy is imported

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from _pytest.faulthandler import fault_handler_stderr_fd_key  # noqa: E402

from nnlab.config.load import load  # noqa: E402
from nnlab.errors import InputError  # noqa: E402
from nnlab.plan import Run, plan_sweep  # noqa: E402
from tests.cli import Desk  # noqa: E402

PlanRuns = Callable[[dict[str, Any]], tuple[Run, ...]]
Refused = Callable[[dict[str, Any]], str]


def pytest_configure() -> None:
    """In the background of a script Ctrl-C is ignored, and programs inherit that; ours shall hear it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def strict_floating_point() -> Iterator[None]:
    """Training lets a run diverge on purpose and says so; nothing else may divide by zero or overflow."""
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        yield


@pytest.fixture
def runs_of(tmp_path: Path) -> PlanRuns:
    """All runs of a config, by the way a user takes: a file, read, checked and planned.

    Without a `sweep` section that is the one run of the config's seed.
    """

    def plan(raw: dict[str, Any]) -> tuple[Run, ...]:
        path = tmp_path / "config.yaml"
        path.write_text(json.dumps({"sweep": {"seeds": 1}, **raw}))
        return plan_sweep(load(str(path))).runs

    return plan


@pytest.fixture
def deadline(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that hangs tells where, and ends."""
    seconds = 1800 if request.node.get_closest_marker("slow") else 90
    stderr = request.config.stash.get(fault_handler_stderr_fd_key, 2)  # 2 itself is captured
    faulthandler.dump_traceback_later(seconds, exit=True, file=stderr)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty folder to call `nnlab` in."""
    return Desk(tmp_path)


@pytest.fixture
def refused(runs_of: PlanRuns) -> Refused:
    """Plans a config that cannot work; returns what is said about it."""

    def answer(raw: dict[str, Any]) -> str:
        with pytest.raises(InputError) as caught:
            runs_of(raw)
        return str(caught.value)

    return answer
