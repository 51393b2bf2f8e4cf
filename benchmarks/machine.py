"""The machine: what a measurement was made on, and the environment that each program gets."""

import os
import platform
import subprocess
from datetime import date
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "benchmarks" / ".venv" / "bin" / "python"
# Some systems force an older BLAS kernel on every program: nobody would be measured at his best.
FORCED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def environment(threads: int) -> dict[str, str]:
    """The environment of a program that may use so many threads."""
    clean = {name: value for name, value in os.environ.items() if name not in FORCED}
    clean |= dict.fromkeys(THREADS, str(threads))
    if threads == 1:
        clean["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    return clean


def describe() -> str:
    """Processor, cores, kernel of NumPy's BLAS, versions and date, in a few lines."""
    kernel = "from threadpoolctl import threadpool_info as i; import numpy; print(i()[0]['architecture'])"
    answer = subprocess.run(
        [PEERS, "-c", kernel], env=environment(1), capture_output=True, text=True, check=True
    )
    names = ("numpy", "scikit-learn", "torch", "jax", "jaxlib", "optax")
    code = f"from importlib.metadata import version as v; print(*(n + ' ' + v(n) for n in {names}), sep=', ')"
    peers = subprocess.run([PEERS, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    return (
        f"{_processor()}, {cores()} cores; OpenBLAS kernel {answer.stdout.strip()}; "
        f"Python {platform.python_version()}, NumPy {version('numpy')} for nnlab; peers: {peers}; "
        f"{date.today().isoformat()}."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "?")
