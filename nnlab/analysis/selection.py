"""Selection: the setting that stands for a strategy, chosen by validation rows, never by test rows.

A strategy's setting is chosen by the mean of a metric over all seeds. Only settings whose runs all
completed compete; if there is none, those with the most completed runs do. Ties go to the simpler
setting: fewer parameters, then the stronger regularization, then fewer epochs, then the first one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nnlab.metrics import higher_is_better
from nnlab.store.experiment import Experiment

SAME = 12  # digits: means of the same numbers may differ in the last ones


@dataclass(frozen=True)
class Choice:
    """What a strategy's settings were reduced to.

    Args:
        strategy: its name.
        settings: the key of the chosen setting.
        tried: how many settings there were to choose from: more find more, by luck too.
    """

    strategy: str
    settings: str
    tried: int


def choose(experiment: Experiment) -> list[Choice]:
    """The chosen setting of every strategy, in the order of the tables.

    A strategy that is no tuned one (a grid point, a single run) keeps all its settings. Runs that the
    latest sweep did not ask for stand aside.
    """
    columns, select = experiment.columns, chooser(experiment)
    strategies: dict[str, dict[str, Trial]] = {}
    wanted = ("strategy", "settings", "current", "tuned", "status", "parameters", select)
    for strategy, key, current, tuned, status, parameters, value in zip(
        *(columns[name] for name in wanted), strict=True
    ):
        if current:
            trials = strategies.setdefault(strategy, {})
            if (trial := trials.get(key)) is None:
                trial = trials[key] = Trial(parameters or 0)
            trial.add(tuned, status == "completed", value)
    choices = []
    for strategy, trials in strategies.items():
        if all(trial.is_tuned for trial in trials.values()):
            best = min(
                _competing(trials), key=lambda key: _rank(trials[key], experiment.settings[key], select)
            )
            choices.append(Choice(strategy, best, len(trials)))
        else:
            choices += [Choice(strategy, key, 1) for key in trials]
    return choices


def chooser(experiment: Experiment) -> str:
    """The metric that chooses; train_loss stands in where runs completed without it (no validation rows)."""
    values, status = experiment.columns[experiment.select], experiment.columns["status"]
    lacks_it = "completed" in status and all(value is None for value in values)
    return "train_loss" if lacks_it else experiment.select


def chosen_settings(choices: Iterable[Choice]) -> set[tuple[str, str]]:
    """Strategy and settings of every choice."""
    return {(choice.strategy, choice.settings) for choice in choices}


@dataclass
class Trial:
    """One setting of a strategy, over its seeds."""

    parameters: int
    runs: int = 0
    completed: int = 0
    is_tuned: bool = True
    values: list[float] = field(default_factory=list)  # what chooses, of the completed runs

    def add(self, tuned: int, completed: bool, value: float | None) -> None:
        """Takes in a run."""
        self.runs += 1
        self.completed += completed
        self.is_tuned = self.is_tuned and bool(tuned)
        if completed and value is not None:
            self.values.append(value)


def _competing(trials: Mapping[str, Trial]) -> list[str]:
    whole = [key for key, trial in trials.items() if trial.completed == trial.runs]
    most = max(trial.completed for trial in trials.values())
    return whole or [key for key, trial in trials.items() if trial.completed == most]


def _rank(trial: Trial, settings: Mapping[str, Any], select: str) -> tuple[float, ...]:
    """The smaller the better: the mean first, then how simple the setting is."""
    mean = round(sum(trial.values) / len(trial.values), SAME) if trial.values else float("inf")
    strength = sum(
        float(value)
        for key, value in settings.items()
        if key.startswith("regularization.") and isinstance(value, int | float)
    )
    simple = (float(trial.parameters), -strength, float(settings.get("training.epochs", 0)))
    return (-mean if higher_is_better(select) and trial.values else mean, *simple)
