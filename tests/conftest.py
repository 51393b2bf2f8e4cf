"""What all tests share: one BLAS thread, strict floating point, and runs planned from a plain dict."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"  # read once, when NumPy is imported

import numpy as np  # noqa: E402
import pytest  # noqa: E402

from nnlab.config.load import load  # noqa: E402
from nnlab.plan import Run, plan_sweep  # noqa: E402
from tests.cli import Desk  # noqa: E402

PlanRuns = Callable[[dict[str, Any]], tuple[Run, ...]]


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
def desk(tmp_path: Path) -> Desk:
    """An empty folder to call `nnlab` in."""
    return Desk(tmp_path)
