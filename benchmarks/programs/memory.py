"""The most memory that a program has held."""

from pathlib import Path


def peak_megabytes() -> float:
    """Of this program alone; getrusage would count what its parent held, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
