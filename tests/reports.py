"""Reports made by hand for tests: strategies and their losses in, a `Report` out."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from nnlab.analysis.frames import runs_frame
from nnlab.analysis.report import Report, make_report
from tests.experiments import Line, experiment_of

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
    rows = [
        _row(strategy, number, seed, loss)
        for number, (strategy, losses) in enumerate(strategies.items())
        for seed, loss in enumerate(losses)
    ]
    baseline = next(iter(strategies)) if compared else None
    found = experiment_of(rows, experiment, baseline=baseline)
    return make_report(runs_frame([found]), {experiment: Path("runs") / "none"})


def _row(strategy: str, number: int, seed: int, loss: float) -> Line:
    settings = {"data.source": "moons", "data.class": strategy, "regularization.l2": float(number)}
    values = {
        "run": f"{number:03}{seed:03}",
        "strategy": strategy,
        "seed": seed,
        "data_seed": seed,
        "status": "completed",
        "epochs": 10,
        "best_epoch": 9,
        "seconds": 0.5,
        "parameters": 100,
        "train_loss": loss / 2,
        "val_loss": loss,
        "test_loss": loss,
        "gap": loss / 2,
        "test_accuracy": 1 / (1 + loss),
        "test_share": 0.2,
    }
    return Line(settings, values)
