"""Memory: how much is free, and how people read it."""

import os


def available_memory() -> int:
    """Bytes that may still be taken without swapping, of the machine or of its container."""
    found = [_number_in("/proc/meminfo", "MemAvailable:", 1024) or _free_pages() * os.sysconf("SC_PAGE_SIZE")]
    most, used = (_number_in(f"/sys/fs/cgroup/memory.{name}", "", 1) for name in ("max", "current"))
    if most is not None and used is not None:
        found.append(most - used)
    return max(0, min(found))


def _free_pages() -> int:
    try:
        return os.sysconf("SC_AVPHYS_PAGES")
    except ValueError:  # macOS does not tell: half of what there is
        return os.sysconf("SC_PHYS_PAGES") // 2


def _number_in(path: str, label: str, unit: int) -> int | None:
    try:
        with open(path) as file:
            line = next(line for line in file if line.startswith(label))
        return int(line.removeprefix(label).split()[0]) * unit
    except (OSError, StopIteration, ValueError):
        return None


def size(count: float) -> str:
    """Bytes as people read them.

    >>> size(2_500_000), size(8e12)
    ('2.5 MB', '8.0 TB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"
