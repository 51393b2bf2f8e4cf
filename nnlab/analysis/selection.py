"""Selection: the setting that stands for a strategy, chosen by validation rows, never by test rows.

A strategy's setting is chosen by the mean of a metric over all seeds. Only settings whose runs all
completed compete; if there is none, those with the most completed runs do. Ties go to the simpler
setting: fewer parameters, then the stronger regularization, then fewer epochs, then the first one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nnlab.metrics import higher_is_better
from nnlab.store import Row

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


def choose(rows: Sequence[Row], select: str) -> list[Choice]:
    """The chosen setting of every strategy, in the order of the rows.

    A strategy that is no tuned one (a grid point, a single run) keeps all its settings.

    Args:
        rows: the runs of one experiment; those that the latest sweep did not ask for stand aside.
        select: the metric; train_loss stands in where no run has it (no validation rows).
    """
    if all(row.values.get(select) is None for row in rows):
        select = "train_loss"
    strategies: dict[str, dict[str, list[Row]]] = {}
    for row in filter(lambda row: row.current, rows):
        settings = strategies.setdefault(row.values["strategy"], {})
        settings.setdefault(row.key, []).append(row)
    choices = []
    for strategy, settings in strategies.items():
        if _is_tuned(settings):
            best = min(_competing(settings), key=lambda key: _rank(settings[key], select))
            choices.append(Choice(strategy, best, len(settings)))
        else:
            choices += [Choice(strategy, key, 1) for key in settings]
    return choices


def _is_tuned(settings: Mapping[str, list[Row]]) -> bool:
    return all(row.tuned for runs in settings.values() for row in runs)


def chosen_members(rows: Iterable[Row], choices: Iterable[Choice]) -> set[tuple[str, str]]:
    """Run id and strategy of every run of a chosen setting."""
    chosen = {(choice.strategy, choice.settings) for choice in choices}
    return {
        (row.values["run"], row.values["strategy"])
        for row in rows
        if (row.values["strategy"], row.key) in chosen
    }


def _competing(settings: Mapping[str, list[Row]]) -> list[str]:
    completed = {key: sum(map(_completed, runs)) for key, runs in settings.items()}
    whole = [key for key, runs in settings.items() if completed[key] == len(runs)]
    return whole or [key for key in settings if completed[key] == max(completed.values())]


def _completed(row: Row) -> bool:
    return bool(row.values["status"] == "completed")


def _rank(runs: list[Row], select: str) -> tuple[float, ...]:
    """The smaller the better: the mean first, then how simple the setting is."""
    values = [row.values[select] for row in runs if _completed(row) and row.values[select] is not None]
    mean = round(sum(values) / len(values), SAME) if values else float("inf")
    settings = runs[0].settings
    strength = sum(
        float(value)
        for key, value in settings.items()
        if key.startswith("regularization.") and isinstance(value, int | float)
    )
    simple = (float(runs[0].values["parameters"] or 0), -strength, float(settings.get("training.epochs", 0)))
    return (-mean if higher_is_better(select) and values else mean, *simple)
