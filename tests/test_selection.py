"""Selection: which setting stands for a strategy."""

from collections.abc import Sequence

import pytest

from nnlab.analysis.selection import choose
from tests.experiments import Line, experiment_of


def row(
    strategy: str,
    settings: dict[str, object],
    seed: int,
    status: str = "completed",
    tuned: bool = True,
    **values: float,
) -> Line:
    known = {"strategy": strategy, "seed": seed, "status": status, "parameters": 10}
    return Line(settings, known | values, tuned)


def chosen(rows: Sequence[Line], select: str = "val_loss") -> list[str]:
    return [choice.settings for choice in choose(experiment_of(rows, select=select))]


L2 = "regularization.l2"


def test_the_setting_with_the_best_mean_over_seeds_stands_for_its_strategy() -> None:
    rows = [row("a", {L2: 1}, seed, val_loss=loss) for seed, loss in enumerate([0.1, 0.9])]
    rows += [row("a", {L2: 2}, seed, val_loss=loss) for seed, loss in enumerate([0.4, 0.4])]
    assert chosen(rows) == ['{"regularization.l2": 2}']
    assert [choice.tried for choice in choose(experiment_of(rows))] == [2]


@pytest.mark.parametrize(("metric", "best"), [("val_accuracy", 2), ("val_loss", 1)])
def test_the_direction_is_that_of_the_metric(metric: str, best: int) -> None:
    rows = [row("a", {L2: strength}, 0, val_accuracy=strength, val_loss=strength) for strength in (1, 2)]
    assert chosen(rows, metric) == [f'{{"regularization.l2": {best}}}']


def test_test_rows_decide_nothing() -> None:
    rows = [
        row("a", {L2: 1}, 0, val_loss=0.2, test_loss=0.1),
        row("a", {L2: 2}, 0, val_loss=0.1, test_loss=9),
    ]
    assert chosen(rows) == ['{"regularization.l2": 2}']


def test_ties_go_to_fewer_parameters_then_to_the_stronger_setting() -> None:
    rows = [row("a", {L2: strength}, 0, val_loss=0.5) for strength in (1, 3, 2)]
    assert chosen(rows) == ['{"regularization.l2": 3}']
    smaller = row("a", {L2: 0}, 0, val_loss=0.5, parameters=9)
    assert chosen([*rows, smaller]) == ['{"regularization.l2": 0}']


def test_a_setting_with_a_run_that_diverged_does_not_compete_while_another_is_whole() -> None:
    rows = [row("a", {L2: 1}, 0, val_loss=0.1), row("a", {L2: 1}, 1, status="diverged")]
    rows += [row("a", {L2: 2}, seed, val_loss=0.5) for seed in (0, 1)]
    assert chosen(rows) == ['{"regularization.l2": 2}']
    assert chosen(rows[:2]) == ['{"regularization.l2": 1}']


def test_without_validation_rows_the_training_loss_decides() -> None:
    rows = [row("a", {L2: strength}, 0, train_loss=strength) for strength in (2, 1)]
    assert chosen(rows) == ['{"regularization.l2": 1}']


def test_grid_points_and_single_runs_keep_all_their_settings() -> None:
    rows = [row("a", {L2: strength}, 0, tuned=False, val_loss=1.0) for strength in (1, 2)]
    assert len(chosen(rows)) == 2
