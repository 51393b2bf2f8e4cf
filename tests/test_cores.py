"""Cores: what the system, a container and the environment leave to this process."""

import os
from pathlib import Path

import pytest

from nnlab import cores as module
from nnlab.cores import cores, threads_allowed
from nnlab.memory import available_memory


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, 8),
        ({"OMP_NUM_THREADS": "3"}, 3),
        ({"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "5"}, 2),
        ({"OMP_NUM_THREADS": "6,2"}, 6),
        ({"OMP_NUM_THREADS": "100"}, 8),
        ({"OMP_NUM_THREADS": "0", "MKL_NUM_THREADS": "many"}, 8),
    ],
    ids=str,
)
def test_threads_are_the_cores_or_what_the_environment_allows(
    environment: dict[str, str], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "cores", lambda: 8)
    for name in module.LIMITS:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert threads_allowed() == expected


@pytest.mark.parametrize(
    ("quota", "expected"), [("max 100000", 8), ("150000 100000", 2), ("50000 100000", 1), ("what", 8)]
)
def test_a_container_may_have_fewer_cores_than_its_machine(
    quota: str, expected: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(module, "QUOTA", tmp_path / "cpu.max")
    module.QUOTA.write_text(quota)
    assert cores() == expected


def test_a_system_that_tells_no_affinity_or_free_memory_is_asked_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As macOS: without sched_getaffinity, without /proc, and sysconf knows no SC_AVPHYS_PAGES.
    def sysconf(name: str) -> int:
        return {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}[name] if name != "SC_AVPHYS_PAGES" else refuse()

    def refuse() -> int:
        raise ValueError("unrecognized configuration name")

    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    monkeypatch.setattr(module, "QUOTA", Path("nowhere"))
    monkeypatch.setattr(os, "sysconf", sysconf)
    monkeypatch.setattr("nnlab.memory._number_in", lambda *_: None)
    assert cores() == 6
    assert available_memory() == 500 * 4096
