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

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\x1b[31mred\x1b[0m \x9b2J",
    "[red]x[/red] [/] [link=https://example.org]y[/link]",
    "[x](javascript:alert(1)) ![y](https://example.org/z.png)",
    '"onload="alert(1)',
    "' onfocus='alert(1)' autofocus='",
    "{{7*7}} {% raw %} ${7*7}",
    "a|b`c`*d*_e_~f~&amp;&lt;",
    "two\nlines\r\nand\u2028more",
    "\u202eright to left\u2066",
    "\\input{/etc/passwd} $x^2$ #1 %",
    "*[1em]",
    "naïve λ = 中",
    "n" * 300,
)


def rows_of(strategy: str, metrics: Metrics, settings: Mapping[str, Any] | None = None) -> list[Line]:
    """The runs of one setting, seed 0 first; a run whose train_loss is None has diverged."""
    everything = {**USUAL, **(settings or {})}
    found = []
    for seed, numbers in enumerate(zip(*metrics.values(), strict=True)):
        values: dict[str, Any] = dict.fromkeys(RUN_METRICS) | dict(zip(metrics, numbers, strict=True))
        if values["test_loss"] is not None and values["train_loss"] is not None:
            values["gap"] = values["test_loss"] - values["train_loss"]
        status = "completed" if values["train_loss"] is not None else "diverged"
        values |= {"run": f"{strategy}-{everything}-{seed}", "strategy": strategy, "status": status}
        values |= {"seed": seed, "data_seed": seed, "test_share": 0.2}
        values |= {"epochs": 10, "best_epoch": 10, "seconds": 0.1, "parameters": 9}
        found.append(Line(everything, values))
    return found


def report_by_metric(
    strategies: Mapping[str, Metrics],
    baseline: str | None = None,
    rows: Sequence[Line] = (),
    experiment: str = "experiment",
) -> Report:
    """A report of strategies that do not differ in their settings, and of further rows."""
    own = [row for name, metrics in strategies.items() for row in rows_of(name, metrics)]
    found = experiment_of([*own, *rows], experiment, baseline=baseline)
    return make_report(runs_frame([found]), {experiment: Path("runs") / "none"})


def report_of(
    strategies: Mapping[str, Sequence[float]], experiment: str = "made up", compared: bool = True
) -> Report:
    """A report of one experiment.

    Args:
        strategies: name of each -> its test loss for each seed; the first is the baseline. The training
            loss is half of it, validation the same.
        experiment: its name.
        compared: whether there is a baseline.
    """
    rows = []
    for number, (strategy, losses) in enumerate(strategies.items()):
        metrics = {
            "train_loss": [loss / 2 for loss in losses],
            "val_loss": losses,
            "test_loss": losses,
            "test_accuracy": [1 / (1 + loss) for loss in losses],
        }
        settings = {"data.class": strategy, "regularization.l2": float(number)}
        rows += rows_of(strategy, metrics, settings)
    return report_by_metric({}, next(iter(strategies)) if compared else None, rows, experiment)
