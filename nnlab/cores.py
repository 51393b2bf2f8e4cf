"""Cores: how many there are for this process."""

import os
from pathlib import Path

LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # as users limit other programs
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # microseconds of all cores together, and of how many; or `max`


def cores() -> int:
    """The cores that this process may use, 1 at least: by its affinity, and by the quota of its container."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux has it, macOS does not
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = map(int, QUOTA.read_text().split())
    except (OSError, ValueError):
        return count
    return max(1, min(count, -(-quota // period)))


def threads_allowed() -> int:
    """The cores that this process may use, or fewer if the environment says so (OMP_NUM_THREADS, ...)."""
    limits = [cores()]
    for name in LIMITS:
        first = os.environ.get(name, "").partition(",")[0].strip()  # a list is one number for each level
        if first.isdecimal() and int(first) > 0:
            limits.append(int(first))
    return min(limits)
