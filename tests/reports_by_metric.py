"""Reports for tests, made from numbers alone: nothing is trained."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnlab.analysis.frames import runs_frame
from nnlab.analysis.report import Report, make_report
from nnlab.metrics import RUN_METRICS
from tests.experiments import Line, experiment_of

Metrics = Mapping[str, Sequence[float | None]]  # metric -> its value for each seed
USUAL = {"data.source": "moons", "training.epochs": 10, "training.batch_size": 32}


def rows_of(strategy: str, metrics: Metrics, settings: Mapping[str, Any] | None = None) -> list[Line]:
    """The runs of one setting, seed 0 first; a run whose train_loss is None has diverged."""
    everything = {**USUAL, **(settings or {})}
    found = []
    for seed, numbers in enumerate(zip(*metrics.values(), strict=True)):
        values: dict[str, Any] = dict.fromkeys(RUN_METRICS) | dict(zip(metrics, numbers, strict=True))
        values["test_share"] = 0.2
        if values["test_loss"] is not None and values["train_loss"] is not None:
            values["gap"] = values["test_loss"] - values["train_loss"]
        status = "completed" if values["train_loss"] is not None else "diverged"
        values |= {"run": f"{strategy}-{seed}", "strategy": strategy, "status": status}
        values |= {"seed": seed, "data_seed": seed}
        values |= {"epochs": 10, "best_epoch": 10, "seconds": 0.1, "parameters": 9}
        found.append(Line(everything, values))
    return found


def report_of(
    strategies: Mapping[str, Metrics], baseline: str | None = None, rows: Sequence[Line] = ()
) -> Report:
    """A report of strategies that do not differ in their settings, and of further rows."""
    found = [row for name, metrics in strategies.items() for row in rows_of(name, metrics)]
    experiment = experiment_of([*found, *rows], baseline=baseline)
    return make_report(runs_frame([experiment]), {"experiment": Path("nowhere")})
