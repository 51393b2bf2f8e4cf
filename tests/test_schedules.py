"""Schedules: what each does to the learning rate of every run; test_against_torch has the scales."""

from typing import Any

import numpy as np
import pytest

from nnlab.arrays import Array
from nnlab.errors import InputError
from nnlab.nn.learner import Learner
from nnlab.nn.schedules import SCHEDULES, Cosine, OneCycle, ReduceOnPlateau, Schedule, Span, Step, Warmup
from nnlab.nn.stacking import stack, take
from nnlab.plan import populations
from nnlab.train import Population, train
from tests.conftest import PlanRuns
from tests.test_population import assert_same_alone, config, crowd, digest, peak_of_an_epoch, wide

EVERY = pytest.mark.parametrize("cls", SCHEDULES.values(), ids=list(SCHEDULES))
SPAN = Span(epochs=12, steps=5)

# Two settings of each that may train side by side.
PAIRS: dict[str, list[dict[str, Any]]] = {
    "constant": [{}],
    "step": [{"factor": 0.5, "every": 1}, {"factor": 0.1, "every": 2}],
    "exponential": [{"factor": 0.5}, {"factor": 0.9}],
    "cosine": [{"period": 2, "least": 0.1}, {"period": 3, "least": 0.5}],
    "warmup": [{"epochs": 1, "start": 0.1}, {"epochs": 3, "start": 0.5}],
    "one_cycle": [{"rise": 0.2}, {"rise": 0.6, "start": 0.3}],
    "reduce_on_plateau": [{"patience": 0, "min_delta": 0.01}, {"patience": 1, "factor": 0.5}],
}


def scales(schedule: Schedule, span: Span = SPAN) -> Array:
    """Of every step of a training."""
    state = schedule.init(1)
    steps = range(span.epochs * span.steps)
    return np.array([np.ravel(schedule.scale(taken, span, state))[0] for taken in steps])


@EVERY
def test_scales_never_leave_the_range_from_0_to_1(cls: type[Schedule]) -> None:
    drawn = scales(cls())
    assert drawn.min() >= 0
    assert drawn.max() <= 1


@EVERY
def test_what_changes_within_an_epoch_says_so(cls: type[Schedule]) -> None:
    rows = scales(cls()).reshape(SPAN.epochs, SPAN.steps)
    assert bool((rows != rows[:, :1]).any()) is cls.by_step


@EVERY
def test_a_run_has_the_same_scale_alone_and_beside_others(cls: type[Schedule]) -> None:
    entries = [cls(**settings) for settings in PAIRS[cls.name]] * 9
    column = stack(entries)
    state = column.init(len(entries))
    for taken in range(60):
        beside = np.broadcast_to(column.scale(taken, SPAN, state), (len(entries), 1))
        for i, entry in enumerate(entries[:2]):
            for alone in (entry, stack([entry])):
                assert beside[i, 0] == np.ravel(alone.scale(taken, SPAN, entry.init(1)))[0]


def test_a_cosine_starts_again_after_each_period() -> None:
    drawn = scales(Cosine(period=4, least=0.2))
    assert np.array_equal(drawn[:20], drawn[20:40])
    assert drawn[0] == 1
    assert drawn[10] == pytest.approx(0.6)
    assert drawn[19] == pytest.approx(0.2 + 0.8 * np.sin(np.pi / 40) ** 2)


@pytest.mark.parametrize("epochs", [1, 2, 3])
@pytest.mark.parametrize("steps", [1, 2])
def test_one_cycle_is_finite_in_the_shortest_training(epochs: int, steps: int) -> None:
    drawn = scales(OneCycle(), Span(epochs, steps))
    assert np.isfinite(drawn).all()
    assert 0 <= drawn.min() <= drawn.max() <= 1


def plateau(schedule: Schedule, metric: str, values: Array) -> list[list[float]]:
    """The scale of each run after each epoch, (epochs, runs)."""
    state, after = schedule.init(values.shape[1]), []
    for epoch, row in enumerate(values, start=1):
        schedule.see(epoch, {metric: row}, state)
        after.append(np.ravel(schedule.scale(0, SPAN, state)).tolist())
    return after


def test_each_run_has_a_plateau_of_its_own() -> None:
    rule = stack([ReduceOnPlateau(0.5, patience=1), ReduceOnPlateau(0.1, patience=2)])
    falling, flat = [5.0, 4.0, 3.0, 2.0, 1.0], [5.0] * 5
    first_is_flat = [[1, 1], [1, 1], [0.5, 1], [0.5, 1], [0.25, 1]]
    second_is_flat = [[1, 1], [1, 1], [1, 1], [1, 0.1], [1, 0.1]]
    assert plateau(rule, "val_loss", np.array([flat, falling]).T) == first_is_flat
    assert plateau(rule, "val_loss", np.array([falling, flat]).T) == second_is_flat


def test_an_accuracy_should_rise_and_a_metric_that_is_not_defined_does_not_count() -> None:
    rule = stack([ReduceOnPlateau(0.5, patience=0, metric="val_accuracy")] * 3)
    values = np.array([[0.5, 0.5, 0.5], [0.6, 0.4, np.nan]])
    assert plateau(rule, "val_accuracy", values)[-1] == [1, 0.5, 0.5]


def test_a_plateau_does_not_fall_below_the_least() -> None:
    rule = ReduceOnPlateau(0.1, patience=0, least=0.05)
    assert [row[0] for row in plateau(rule, "val_loss", np.ones((4, 1)))] == [1, 0.1, 0.05, 0.05]


# --- in training ----------------------------------------------------------------------------------


def scheduled(name: str, **settings: Any) -> dict[str, Any]:
    return config(schedule={"name": name, **settings}, training={"epochs": 4, "batch_size": 7})


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_run_has_the_same_bits_alone_and_in_company(name: str, runs_of: PlanRuns) -> None:
    runs = [
        run
        for i, settings in enumerate(PAIRS[name] * 3)
        for run in runs_of({**scheduled(name, **settings), "seed": i, "sweep": {"seeds": [i]}})
    ]
    assert [len(stack) for stack in populations(runs)] == [len(runs)]
    assert_same_alone(runs, member=2)


def test_runs_that_leave_take_their_schedule_with_them(runs_of: PlanRuns) -> None:
    raw = scheduled("reduce_on_plateau", patience=0) | {
        "regularization": {"early_stopping": {"patience": 3}},
        "training": {"epochs": 40, "batch_size": 7},
    }
    results = assert_same_alone(crowd(runs_of, raw, [0.02] * 64))
    assert len({result.epochs for result in results}) > 3


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name != "constant"])
def test_a_schedule_changes_the_run(name: str, runs_of: PlanRuns) -> None:
    (plain,) = runs_of(config())
    (run,) = runs_of(scheduled(name, **PAIRS[name][0]))
    assert digest(train([run])[0]) != digest(train([plain])[0])


def rates(population: Population) -> list[float]:
    """The learning rate of each step of the first run, as the steps take it."""
    used = []
    original = Learner.step

    def step(learner: Learner, *arguments: Any) -> None:
        original(learner, *arguments)
        used.append(float(np.ravel(learner._rule.learning_rate)[0]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learner, "step", step)
        population.train(lambda _: None)
    return used


def test_the_learning_rate_of_every_step_is_the_scheduled_one(runs_of: PlanRuns) -> None:
    # 48 training rows in batches of 7 are 7 steps an epoch.
    for entry in (Step(0.5, 2), Warmup(2, 0.5), Cosine()):
        settings = {name: value for name, value in vars(entry).items() if value is not None}
        (run,) = runs_of(scheduled(entry.name, **settings))
        expected = run.config.optimizer.learning_rate * scales(entry, Span(4, 7))
        np.testing.assert_allclose(rates(Population([run])), expected, rtol=1e-15)


def test_a_constant_rate_is_the_very_number(runs_of: PlanRuns) -> None:
    (run,) = runs_of(config(optimizer={"name": "adam", "learning_rate": 0.3}))
    assert set(rates(Population([run]))) == {0.3}


def test_a_scheduled_step_allocates_next_to_nothing_either(runs_of: PlanRuns) -> None:
    population = Population(runs_of({**wide("relu"), "schedule": "cosine"}))
    assert peak_of_an_epoch(population) < 0.1 * population.learner.layers[1].nbytes


def test_taking_runs_keeps_their_schedule() -> None:
    assert np.ravel(take(stack([Step(0.1), Step(0.2), Step(0.3)]), np.array([2])).factor).tolist() == [0.3]


# --- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"schedule": {"name": "warmup", "epochs": 4}},
            "schedule.epochs: 4 came for training.epochs 4, expected fewer: "
            "the learning rate would not be reached",
        ),
        (
            {"schedule": {"name": "one_cycle", "start": 1.5}},
            "schedule.start: 1.5 came, expected a number between 0 and 1",
        ),
        (
            {"schedule": {"name": "step", "factor": 2}},
            "schedule.factor: 2 came, expected a number between 0 and 1",
        ),
        (
            {"schedule": {"name": "cosine", "least": 1}},
            "schedule.least: 1 came, expected a number from 0 up to, not including, 1",
        ),
        ({"schedule": "cosin"}, "schedule: 'cosin' is not a schedule (did you mean 'cosine'?)"),
        (
            {"schedule": "reduce_on_plateau", "training": {"evaluate_every": "last"}},
            "training.evaluate_every: last came with reduce on plateau, which looks more often; "
            "expected auto",
        ),
        (
            {"schedule": {"name": "reduce_on_plateau", "metric": "val_rmse"}},
            "schedule.metric: val_rmse came for classification, expected val_loss or val_accuracy",
        ),
        (
            {"schedule": "reduce_on_plateau", "data": {"source": "moons", "validation": 0}},
            "schedule: val_loss is watched but data.validation is 0, expected validation rows, "
            "or metric: train_loss",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused_with_the_reason(
    sections: dict[str, Any], message: str, runs_of: PlanRuns
) -> None:
    with pytest.raises(InputError) as caught:
        runs_of(config(**sections))
    assert message in str(caught.value)


def test_a_plateau_is_looked_at_often_enough_for_its_patience(runs_of: PlanRuns) -> None:
    (run,) = runs_of(scheduled("reduce_on_plateau", patience=10) | {"training": {"epochs": 1000}})
    assert run.config.training.evaluate_every == 2
