"""The diagnosis: verdicts by arithmetic on paper, its promise by simulation, and the way a user takes."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nnlab.analysis.diagnosis import Diagnoses, Diagnosis, diagnose
from nnlab.analysis.evidence import METRICS, Evidence
from nnlab.analysis.judgement import Part, judge, yardsticks
from nnlab.analysis.lines import Lines
from nnlab.analysis.next_steps import steps_against
from nnlab.analysis.relatives import KINDS, Relatives
from nnlab.analysis.report import make_report
from nnlab.analysis.target import Target, target_of
from nnlab.analysis.trouble import signs_of
from nnlab.metrics import RUN_METRICS
from nnlab.nn.regularizers import REGULARIZERS
from nnlab.render.diagnosis import SIGNS, STEPS, WIDTH, describe_diagnosis, diagnosis_section
from nnlab.render.machine import rows
from tests.cli import Desk

SETTINGS = {
    "data.source": "moons",
    "model.hidden": [8],
    "model.activation": "relu",
    "optimizer.name": "adam",
    "training.epochs": 100,
}
Errors = list[float]


def evidence(
    train: Errors, unseen: Errors, settings: dict[str, Any] | None = None, **metrics: float | Errors
) -> Evidence:
    """Runs of one setting with these shares of wrong answers, and further metrics, on 100 rows each."""
    values = {name: np.full(len(train), np.nan) for name in METRICS}
    values |= {"train_accuracy": 1 - np.array(train), "test_accuracy": 1 - np.array(unseen)}
    rows = {"train_rows": 100, "test_rows": 100, "epochs": 100, "train_loss_fall": 0.0}
    for name, value in {**rows, **metrics}.items():
        values[name] = np.broadcast_to(np.asarray(value, dtype=float), len(train))
    return Evidence(SETTINGS | (settings or {}), values, 0, Target(0.0, "assumed"))


def numbers(
    train: Errors, unseen: Errors, variance: float, outputs: int = 1, target: float = 0.0
) -> Evidence:
    """Runs of a regression with these squared errors, summed over outputs, of targets with this variance."""
    values = {name: np.full(len(train), np.nan) for name in METRICS}
    for split, errors in (("train", np.array(train)), ("test", np.array(unseen))):
        values |= {f"{split}_rmse": np.sqrt(errors / outputs), f"{split}_r2": 1 - errors / variance}
        values[f"{split}_rows"] = np.full(len(train), 100.0)
    return Evidence(SETTINGS, values, 0, Target(target, "known", outputs))


# --- one part -----------------------------------------------------------------------------------


def part(values: Errors, error: float = 0.01, **options: float) -> Part:
    stack, errors = np.array([values]), np.full((1, len(values)), error)
    return judge(stack, np.array([0.02]), errors, **options).at(0)  # type: ignore[arg-type]


def test_a_part_beyond_noise_and_above_the_yardstick_is_high() -> None:
    # Three times 4 and 6 points: mean 5, s = sqrt(6/5), half width 2.5706 * s / sqrt(6) = 1.1496 points.
    high = part([0.04, 0.06] * 3)
    assert (high.mean, high.low, high.high) == pytest.approx((0.05, 0.038504, 0.061496), abs=1e-6)
    assert high.size == "high"


def test_a_part_that_is_beyond_noise_but_negligible_is_small() -> None:
    small = part([0.009, 0.011] * 3)
    assert small.low > 0
    assert small.size == "small"


def test_a_part_whose_interval_covers_nothing_and_much_is_unclear_until_there_are_enough_seeds() -> None:
    values = [
        -0.05,
        0.07,
    ] * 3  # mean 1 point, s = 6.57; twice the yardstick is 4 points
    unclear = part(values)
    assert (unclear.size, unclear.matters) == ("unclear", False)
    n, s = int(unclear.seeds_needed), np.std(values, ddof=1)
    assert stats.t.ppf(0.975, n - 1) * s / n**0.5 < 0.03 <= stats.t.ppf(0.975, n - 2) * s / (n - 1) ** 0.5


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_few_seeds_tell_large_and_clear_parts_only(seeds: int) -> None:
    assert part([0.12] * seeds).size == "high"
    assert part([0.09] * seeds).size == "unclear"  # below 5 yardsticks
    assert part([0.12] * seeds, error=0.05).size == "unclear"  # below 3 standard errors
    assert part([0.12] * (seeds - 1) + [0.01]).size == "unclear"
    assert part([0.0] * seeds).seeds_needed == 6


def test_seeds_that_split_one_table_have_wider_intervals() -> None:
    values = [0.01, 0.07] * 5
    alone, split = part(values), part(values, overlap=0.25)
    assert (split.high - split.low) / (alone.high - alone.low) == pytest.approx((0.35 / 0.1) ** 0.5)
    assert (alone.size, split.size) == ("high", "unclear")
    assert part([0.0, 0.1, -0.1] * 4, overlap=0.25).seeds_needed == float("inf")


# --- verdicts -----------------------------------------------------------------------------------


def verdict(train: Errors, unseen: Errors) -> str:
    return diagnose(evidence(train, unseen)).verdict


def test_each_verdict_has_its_errors() -> None:
    wobble = np.array([-0.005, 0.005] * 5)

    def errors(mean: float) -> Errors:
        return list(mean + wobble)

    assert verdict([0.0] * 10, errors(0.08)) == "high_variance"
    assert verdict(errors(0.20), errors(0.21)) == "high_bias"
    assert verdict(errors(0.20), errors(0.30)) == "both"
    assert verdict(errors(0.005), errors(0.01)) == "fine"
    assert verdict([0.0] * 10, [0.0, 0.06] * 5) == "high_variance"
    assert verdict([0.0] * 10, [-0.06, 0.08] * 5) == "cannot_tell"


def test_the_lectures_examples() -> None:
    # Ng, chapter 22 and 23: 1 / 11 %, 15 / 16 %, 15 / 30 %, 0.5 / 1 %.
    pairs = [(0.01, 0.11), (0.15, 0.16), (0.15, 0.30), (0.005, 0.01)]
    found = [verdict([train] * 10, [unseen] * 10) for train, unseen in pairs]
    assert found == ["high_variance", "high_bias", "both", "fine"]


def test_a_training_error_at_the_target_is_no_bias() -> None:
    own = evidence([0.16] * 8, [0.17] * 8)
    assert diagnose(own).verdict == "high_bias"
    at_target = Evidence(own.settings, own.metrics, 0, Target(0.159, "known"))
    assert diagnose(at_target).verdict == "fine"


def test_squared_errors_are_measured_against_the_variance_of_the_target() -> None:
    # Variance 2: the yardstick is 0.1. Noise 0.09: bias 0.41, variance 0.05.
    assert yardsticks(numbers([0.5], [0.55], variance=2).as_stack())[0] == pytest.approx(0.1)
    assert diagnose(numbers([0.5] * 6, [0.55] * 6, 2, target=0.09)).verdict == "high_bias"
    assert diagnose(numbers([0.5] * 6, [0.55] * 6, 2, target=0.45)).verdict == "fine"
    assert diagnose(numbers([0.09] * 6, [0.30] * 6, 2, target=0.09)).verdict == "high_variance"
    two = numbers([0.5], [0.8], variance=2, outputs=2)
    assert two.error("test")[0] == pytest.approx(0.8)


def test_wrong_labels_and_missing_rows_are_told() -> None:
    noisy = diagnose(evidence([0.1] * 9, [0.0] * 9, {"data.label_noise": 0.2}))
    assert noisy.verdict == "cannot_tell"
    assert "label_noise" in describe_diagnosis(noisy)
    blind = diagnose(evidence([0.01] * 9, [float("nan")] * 9))
    assert blind.verdict == "cannot_tell"
    assert "no validation or test rows" in describe_diagnosis(blind)


def test_where_the_target_comes_from() -> None:
    xor = {"data.source": "xor", "data.samples": 100, "data.noise": 0.5}
    q = stats.norm.cdf(-2)
    assert target_of(xor, None).value == pytest.approx(2 * q * (1 - q))
    assert target_of(xor, 0.1) == Target(0.1, "set")
    assert (
        target_of({"data.source": "moons", "data.samples": 100, "data.noise": 0.5}, None).source == "assumed"
    )
    arm = {"data.source": "robot_arm", "data.samples": 100, "data.noise": 0.1, "data.joints": 2}
    assert target_of(arm, None) == Target(pytest.approx(0.02), "known", 2)


@pytest.mark.parametrize(("strategies", "experiments"), [(1, 2000), (5, 600)])
def test_without_bias_or_variance_high_is_rarely_said(strategies: int, experiments: int) -> None:
    rng, claimed = np.random.default_rng(0), 0
    target = Target(0.2, "set")
    for _ in range(experiments):
        verdicts = set()
        for _ in range(strategies):
            own = evidence(list(rng.normal(0.2, 0.06, 10)), list(rng.normal(0.2, 0.06, 10)))
            own = Evidence(own.settings, own.metrics, 0, target)
            verdicts.add(diagnose(own, strategies).verdict)
        claimed += bool(verdicts & {"high_bias", "high_variance", "both"})
    assert claimed / experiments <= 0.05 + 2 * (0.05 * 0.95 / experiments) ** 0.5


@pytest.mark.parametrize("rows", [20, 100])
def test_a_single_run_without_bias_or_variance_is_rarely_called_high(rows: int) -> None:
    rng = np.random.default_rng(1)
    errors = rng.binomial(rows, 0.2, (1000, 2)) / rows
    found = [
        diagnose(Evidence(own.settings, own.metrics, 0, Target(0.2, "set"))).verdict
        for own in (
            evidence([train], [unseen], train_rows=rows, test_rows=rows) for train, unseen in errors.tolist()
        )
    ]
    assert found.count("cannot_tell") >= 950
    assert "fine" not in found


# --- next steps ---------------------------------------------------------------------------------

BIAS, VARIANCE = ([0.2] * 8, [0.2] * 8), ([0.0] * 8, [0.2] * 8)
L2, DROPOUT = {"regularization.l2": 10}, {"regularization.dropout": 0.5}
HEAVY = {"penalty": 0.3, "train_loss": 0.5}
SHORT, UNKNOWN = {"training.epochs": 3}, float("nan")
STOPPING = {"regularization.early_stopping.patience": 5, "regularization.early_stopping.min_delta": 0.0}


@pytest.mark.parametrize(
    ("errors", "settings", "metrics", "steps"),
    [
        (BIAS, {}, {}, ["more_parameters"]),
        (BIAS, {}, {"train_loss_fall": 0.2}, ["longer_training", "more_parameters"]),
        (BIAS, {}, {"train_loss_fall": 0.01}, ["more_parameters"]),
        (BIAS, STOPPING, {"train_loss_fall": 0.2, "epochs": 40}, ["more_parameters"]),
        (BIAS, {}, {"train_loss_fall": UNKNOWN}, ["longer_training", "more_parameters"]),
        (BIAS, STOPPING, {"train_loss_fall": UNKNOWN, "epochs": 40}, ["more_parameters"]),
        (BIAS, L2, {"train_loss_fall": 0.2} | HEAVY, ["less_l2", "longer_training"]),
        (BIAS, L2 | SHORT, {"train_loss_fall": 0.02, "epochs": 3} | HEAVY, ["longer_training", "less_l2"]),
        (BIAS, SHORT, {"train_loss_fall": 0.001, "epochs": 3}, ["more_parameters"]),
        (BIAS, L2, {"penalty": 0.3, "train_loss": 0.5}, ["less_l2", "more_parameters"]),
        (BIAS, L2, {"penalty": 0.001, "train_loss": 0.5}, ["more_parameters"]),
        (BIAS, DROPOUT, {}, ["less_dropout", "more_parameters"]),
        (BIAS, {"model.hidden": []}, {}, ["hidden_layer", "more_parameters"]),
        (BIAS, {"model.activation": "identity"}, {}, ["non_linear_activation", "more_parameters"]),
        (BIAS, {}, {"gradient_ratio": 0.001}, ["other_activation", "more_parameters"]),
        (BIAS, {}, {"dead_units": 0.5}, ["leaky_activation", "more_parameters"]),
        (BIAS, {"optimizer.name": "sgd"}, {}, ["adam", "more_parameters"]),
        (VARIANCE, {}, {}, ["l2", "dropout"]),
        (VARIANCE, {}, {"val_loss_rise": 0.5}, ["early_stopping", "l2"]),
        (VARIANCE, STOPPING, {"val_loss_rise": 0.5}, ["l2", "dropout"]),
        (VARIANCE, L2, {}, ["dropout", "more_data"]),
        (VARIANCE, L2 | DROPOUT, {}, ["more_data", "more_l2"]),
        (VARIANCE, {"model.hidden": []}, {}, ["l2", "more_data"]),
        (([0.2] * 8, [0.3] * 8), {}, {}, ["more_data", "more_parameters"]),
        (([0.1] * 8, [0.3] * 8), {}, {}, ["more_data", "more_parameters"]),
        (([0.0] * 8, [0.0] * 8), {}, {}, []),
        (([0.0] * 2, [0.03] * 2), {}, {}, ["more_seeds"]),
    ],
)
def test_the_next_step_is_what_the_lecture_says_and_is_not_done_yet(
    errors: tuple[Errors, Errors], settings: dict[str, Any], metrics: dict[str, float], steps: list[str]
) -> None:
    found = diagnose(evidence(*errors, settings, **metrics))
    assert [step.name for step in found.steps] == steps


@pytest.mark.parametrize(
    ("name", "rate", "steps"),
    [
        ("momentum", 1e-4, ["larger_learning_rate", "adam"]),
        ("momentum", 0.01, ["adam", "more_parameters"]),
        ("adagrad", 0.01, ["adam", "more_parameters"]),
        ("adam", 1e-5, ["larger_learning_rate", "more_parameters"]),
        ("adam", 1e-3, ["more_parameters"]),
        ("rmsprop", 1e-3, ["more_parameters"]),
    ],
)
def test_a_learning_rate_far_below_the_usual_one_is_told_before_another_optimizer(
    name: str, rate: float, steps: list[str]
) -> None:
    found = diagnose(evidence(*BIAS, {"optimizer.name": name, "optimizer.learning_rate": rate}))
    assert [step.name for step in found.steps] == steps


def test_a_strategy_of_the_sweep_that_shows_it_comes_first() -> None:
    few, many = {"data.train_size": 50}, {"data.train_size": 500}
    small = evidence([0.0] * 8, [0.2, 0.22] * 4, few, train_rows=50)
    copies = evidence([0.0] * 8, [0.0] * 8, few | {"data.copies": 10}, train_rows=500)
    large = evidence([0.0] * 8, [0.05, 0.07] * 4, many, train_rows=500)
    other = evidence([0.0] * 8, [0.0] * 8, many | L2, train_rows=500)
    named = [("few", small), ("many", large), ("copies", copies), ("many l2", other)]
    assert diagnose(small, 1, Relatives(named)).steps[0].see == "many"
    assert "more_data" not in Relatives(named).shown(large, 0.02).named
    noisy = evidence([0.0] * 8, [0.0, 0.36] * 4, many, train_rows=500)
    assert diagnose(small, 1, Relatives([("few", small), ("noisy", noisy)])).steps[0].see is None


def test_more_epochs_or_units_that_helped_are_shown() -> None:
    short = evidence(*BIAS, {"training.epochs": 10, "training.evaluate_every": 1}, epochs=10, parameters=20)
    long = evidence([0.0] * 8, [0.0] * 8, {"training.evaluate_every": 5}, epochs=100, parameters=20)
    wide = evidence(
        [0.0] * 8,
        [0.0] * 8,
        {"model.hidden": [64], "training.epochs": 10, "training.evaluate_every": 1},
        epochs=10,
        parameters=200,
    )
    steps = diagnose(short, 1, Relatives([("short", short), ("long", long), ("wide", wide)])).steps
    assert [(step.name, step.see) for step in steps] == [
        ("longer_training", "long"),
        ("more_parameters", "wide"),
    ]


@pytest.mark.parametrize(("val_loss", "step"), [(0.6, None), (0.4, "less_l2")])
def test_a_step_that_was_tried_and_is_worse_on_unseen_rows_is_not_advised(
    val_loss: float, step: str | None
) -> None:
    strong = evidence(*BIAS, L2, val_loss=0.5, **HEAVY)
    weak = evidence([0.0] * 8, [0.1] * 8, {"regularization.l2": 1}, val_loss=val_loss)
    steps = diagnose(strong, 1, Relatives([("l2", strong)], [weak])).steps
    assert ("less_l2" in [found.name for found in steps]) == (step is not None)


def test_a_larger_network_that_only_learns_by_heart_is_not_advised() -> None:
    small = evidence(*BIAS, parameters=20, test_loss=0.5)
    large = evidence([0.0] * 8, [0.2] * 8, {"model.hidden": [64]}, parameters=200, test_loss=0.7)
    assert diagnose(small, 1, Relatives([("small", small), ("none", large)])).steps == ()


def test_what_is_the_same_gain_in_every_seed_is_shown_however_much_the_seeds_differ() -> None:
    seeds = np.linspace(0, 1, 8)
    none = evidence(*VARIANCE, test_loss=list(1 + seeds))
    l2 = evidence(*VARIANCE, L2, test_loss=list(0.9 + seeds))
    mixup = evidence(*VARIANCE, {"regularization.mixup.alpha": 0.2}, test_loss=list(0.9 + seeds[::-1]))
    named = Relatives([("none", none), ("decay", l2), ("mixup", mixup)]).shown(none, 0.02).named
    assert named == {"l2": "decay"}
    shuffled = Evidence(l2.settings, l2.metrics, 0, l2.target, labels=tuple(range(7, -1, -1)))
    assert Relatives([("none", none), ("decay", shuffled)]).shown(none, 0.02).named == {}


def test_any_regularizer_that_helped_comes_first_and_is_named() -> None:
    none = evidence(*VARIANCE)
    mixup = evidence([0.0] * 8, [0.1] * 8, {"regularization.mixup.alpha": 0.2})
    steps = diagnose(none, 1, Relatives([("none", none), ("blend", mixup)])).steps
    assert [(step.name, step.see) for step in steps] == [("mixup", "blend"), ("l2", None)]


def test_a_step_against_each_part_is_taken_together_with_the_other() -> None:
    both, one = diagnose(evidence([0.2] * 8, [0.3] * 8)), diagnose(evidence(*VARIANCE))
    assert "Next: more unique data, and a larger network." in describe_diagnosis(both)
    assert "Next: l2, or dropout." in describe_diagnosis(one)
    none, l2 = evidence([0.2] * 8, [0.3] * 8), evidence([0.2] * 8, [0.2] * 8, L2)
    shown = diagnose(none, 1, Relatives([("none", none), ("decay", l2)])).steps
    assert [(step.name, step.see) for step in shown] == [("l2", "decay"), ("more_parameters", None)]
    report = make_report(with_all_columns(frame({"a": ([0.2] * 8, [0.3] * 8)})), {})
    assert rows(report, report.diagnoses)["next_step"].tolist() == ["more_data and more_parameters"]


def test_an_assumed_target_hides_no_gap_that_was_measured() -> None:
    # Gap 6 points, s = sqrt(10 / 9) * 6: t is 3.0 with 9 degrees of freedom, p = 0.015, or 0.09 of six.
    own = evidence([0.2] * 10, [0.2, 0.32] * 5)
    found = diagnose(own, together=6)
    assert (found.verdict, found.variance.size) == ("high_bias", "unclear")
    assert "perhaps high variance, perhaps high bias. Next: more unique data, and" in describe_diagnosis(
        found
    )
    known = diagnose(Evidence(own.settings, own.metrics, 0, Target(0.0, "known")), together=6)
    assert "Diagnosis: high bias. Next: a larger network." in describe_diagnosis(known)
    noise = diagnose(evidence([0.2] * 10, [0.14, 0.32] * 5), together=6)  # t is 1.0
    assert "Diagnosis: perhaps high bias. Next: a larger network." in describe_diagnosis(noise)


def test_the_larger_part_comes_first_if_the_target_is_known() -> None:
    own = evidence([0.2] * 8, [0.3] * 8)
    known = diagnose(Evidence(own.settings, own.metrics, 0, Target(0.0, "known")))
    assert [step.name for step in known.steps] == ["more_parameters", "more_data"]


def test_every_step_and_sign_has_words() -> None:
    off = evidence(
        [0.2], [0.2], {"optimizer.name": "sgd", "model.activation": "identity"}, train_loss_fall=0.5
    )
    for own in (off, evidence([0.2], [0.2], L2 | DROPOUT, penalty=1, train_loss=1, val_loss_rise=1)):
        for against in ("bias", "variance"):
            assert {step.name for step in steps_against(against, own)} <= set(STEPS)
    assert set(KINDS) - set(REGULARIZERS) <= set(STEPS)


# --- signs --------------------------------------------------------------------------------------


def test_signs_are_named_beyond_their_thresholds() -> None:
    bad = {"gradient_ratio": 0.001, "dead_units": 0.4, "saturated_units": 0.9, "top_feature_share": 0.6}
    fine = {"gradient_ratio": 0.3, "dead_units": 0.05, "saturated_units": 0.5, "top_feature_share": 0.4}

    def named(metrics: dict[str, float]) -> list[str]:
        own = evidence(*BIAS, **metrics)
        own = Evidence(own.settings, own.metrics, 0, own.target, features=10, top_feature="age")
        return [sign.name for sign in signs_of(own)]

    assert named(bad) == ["vanishing_gradients", "dead_units", "saturated_units", "top_feature"]
    assert named(fine) == []  # 40 % is 4 times an even share of 10 features
    assert set(named(bad)) | {"diverged"} == set(SIGNS)


# --- frames and words ---------------------------------------------------------------------------


def frame(strategies: dict[str, tuple[Errors, Errors]], **columns: Any) -> pd.DataFrame:
    lines = []
    for name, (train, unseen) in strategies.items():
        own = {"experiment": "e", "strategy": name, "setting": "", "settings": json.dumps(SETTINGS)}
        for seed, pair in enumerate(zip(train, unseen, strict=True)):
            accuracies = {"train_accuracy": 1 - pair[0], "test_accuracy": 1 - pair[1]}
            rest = {
                "seed": seed,
                "data_seed": seed,
                "status": "completed",
                "train_rows": 100,
                "test_rows": 100,
                "epochs": 100,
                "train_loss_fall": 0.0,
            }
            lines.append({**dict.fromkeys(METRICS), **own, **rest, **accuracies})
    same = {"resampled": False, "test_share": 0.2, "target": None, "features": 2, "top_feature": "x"}
    same |= {"chosen": True, "current": True}
    return pd.DataFrame(lines).assign(**(same | columns))


def of(found: Mapping[tuple[str, str, str], Diagnosis]) -> dict[str, str]:
    return {strategy: diagnosis.verdict for (_, strategy, _), diagnosis in found.items()}


def test_a_frame_is_diagnosed_line_by_line() -> None:
    runs = frame({"a": BIAS, "b": VARIANCE})
    assert of(Diagnoses(runs)) == {"a": "high_bias", "b": "high_variance"}
    assert of(Diagnoses(runs.assign(target=0.2))) == {"a": "fine", "b": "high_variance"}
    runs.loc[(runs["strategy"] == "a") & (runs["seed"] > 2), "status"] = "diverged"
    few = Diagnoses(runs)["e", "a", ""]
    assert (few.seeds, few.verdict, few.signs[0].value) == (3, "high_bias", 5)
    runs["status"] = "diverged"
    none = Diagnoses(runs)["e", "a", ""]
    assert (none.seeds, none.verdict, none.steps) == (0, "cannot_tell", ())


def test_runs_that_share_their_rows_count_once() -> None:
    # Five data seeds with 20 seeds each tell no more than five seeds.
    runs = frame({"a": ([0.0] * 100, [0.05] * 100)})
    assert of(Diagnoses(runs)) == {"a": "high_variance"}
    crossed = Diagnoses(runs.assign(data_seed=runs["seed"] % 5))["e", "a", ""]
    assert (crossed.seeds, crossed.verdict, crossed.unseen_error) == (5, "cannot_tell", pytest.approx(0.05))


def test_lines_are_judged_together_as_each_alone() -> None:
    rng = np.random.default_rng(0)
    errors = {
        f"{i}": (list(rng.uniform(0, 0.1, n)), list(rng.uniform(0, 0.2, n)))
        for i, n in enumerate([1, 5, 9] * 9)
    }
    runs = frame(errors)
    runs["test_accuracy"] = runs["test_accuracy"].where(runs["strategy"] != "4")
    found, lines = Diagnoses(runs), Lines(runs)
    alone = [diagnose(evidence, len(lines)) for evidence in lines.values()]
    assert [repr(diagnosis) for diagnosis in found.values()] == list(map(repr, alone))
    assert len(set(of(found).values())) > 2


def test_a_linear_model_is_no_larger_network() -> None:
    small = evidence(*BIAS, parameters=20, test_loss=0.5)
    linear = evidence([0.0] * 8, [0.0] * 8, {"model.hidden": []}, parameters=9, test_loss=0.1)
    (step, *_) = diagnose(small, 1, Relatives([("small", small), ("linear", linear)])).steps
    assert (step.name, step.see) == ("more_parameters", None)


def with_all_columns(runs: pd.DataFrame) -> pd.DataFrame:
    return runs.assign(tried=1, baseline=None, **{name: np.nan for name in RUN_METRICS if name not in runs})


def section(runs: pd.DataFrame) -> list[str]:
    """The lines below the heading."""
    report = make_report(with_all_columns(runs), {})
    return diagnosis_section(report).split("\n\n")[1].splitlines()


def test_a_line_that_would_be_too_long_has_one_step() -> None:
    more = {"val_loss_rise": 0.5, "dead_units": 0.4}
    (short,) = section(frame({"a": VARIANCE}, **more))
    (long,) = section(frame({"a" * 40: VARIANCE}, **more))
    assert "next: early stopping (val_loss rises again by 50 %), or l2; 40 % of the hidden units" in short
    assert "next: early stopping (val_loss rises again by 50 %); 40 % of the hidden units" in long


def test_many_strategies_are_listed_by_verdict() -> None:
    lines = section(frame({f"strategy {i}": VARIANCE if i else BIAS for i in range(30)}))
    assert len(lines) == 2
    assert "perhaps high bias (1 of 30)  strategy 0" in lines
    assert any(line.startswith("high variance (29 of 30)     strategy 1;") for line in lines)
    assert next(line for line in lines if "variance" in line).endswith(" more")
    assert max(map(len, lines)) <= WIDTH


def test_five_strategies_need_more_than_one() -> None:
    errors = [
        0.0,
        0.05,
        0.04,
        -0.02,
        0.08,
        0.06,
    ]  # mean 3.5 points, s = 3.78
    runs = frame({name: ([0.0] * 6, [error + 0.01 for error in errors]) for name in "abcde"})
    assert set(of(Diagnoses(runs[runs["strategy"] == "a"])).values()) == {"high_variance"}
    assert set(of(Diagnoses(runs)).values()) == {"cannot_tell"}


def test_a_strategy_has_one_diagnosis_whatever_else_is_shown() -> None:
    errors = [0.0, 0.05, 0.04, -0.02, 0.08, 0.06]  # high alone, not as one of five
    lines = [frame({"a": ([0.0] * 6, [error + 0.01 for error in errors])})]
    for strength in range(1, 5):
        text = json.dumps(SETTINGS | {"regularization.l2": strength})
        lines.append(lines[0].assign(settings=text, setting=f"l2={strength}", chosen=False))
    everything = pd.concat(lines, ignore_index=True)
    shown = Diagnoses(everything[everything["chosen"]], everything)["e", "a", ""]
    assert shown.verdict == "high_variance"
    assert Diagnoses(everything)["e", "a", ""] == shown


# --- the way a user takes -----------------------------------------------------------------------


def report(desk: Desk, config: str) -> dict[str, tuple[str, str]]:
    assert desk.nnlab("sweep", "-q", desk.write(config)).code == 0
    rows = json.loads(desk.nnlab("report", "-f", "json").stdout)["rows"]
    return {row["strategy"]: (row["diagnosis"], row["next_step"]) for row in rows}


def test_two_units_cannot_close_a_circle(desk: Desk) -> None:
    config = """
        data: {source: circles, samples: 300}
        model: {activation: tanh}
        optimizer: {name: adam, learning_rate: 1e-2}
        training: {epochs: 100}
        sweep: {seeds: 6, strategies: {small: {model.hidden: [1]}, large: {model.hidden: [16]}}}
    """
    found = report(desk, config)
    assert found["small"] == ("high_bias", "more_parameters")
    assert found["large"][0] == "fine"
    words = desk.nnlab("report").stdout
    assert "high bias; next: a larger network (see large)" in words
    assert max(map(len, words.split("Diagnosis")[1].splitlines())) <= WIDTH


def test_thirty_rows_are_learned_by_heart_and_a_target_needs_no_training(desk: Desk) -> None:
    config = """
        data: {source: twonorm, noise: 2, samples: 530, validation: 100, test: 400}
        model: {hidden: [64]}
        training: {epochs: 100}
        sweep: {seeds: 6, grid: {regularization.l2: [0]}}
    """
    verdicts = report(desk, config)
    assert verdicts["l2=0"][0] == "high_variance"
    assert "against a target of 15.9 % (known of the generator)" in desk.nnlab("report").stdout
    again = desk.nnlab("sweep", desk.write(config + "\n        report: {target: 0.5}"))
    assert "0 runs trained, 6 were there" in again.stderr
    assert "against a target of 50.0 % (report.target)" in again.stdout


def test_a_sine_with_known_noise_is_fitted_well(desk: Desk) -> None:
    config = """
        data: {source: sine, samples: 1200, noise: 0.3}
        model: {hidden: [16], activation: tanh}
        optimizer: {name: adam, learning_rate: 1e-2}
        training: {epochs: 120}
        sweep: {seeds: 8, grid: {regularization.l2: [0]}}
    """
    assert report(desk, config)["l2=0"] == ("fine", "none")
    assert "against a target of 0.0900 (known of the generator)" in desk.nnlab("report").stdout


def test_one_run_says_what_one_seed_can_tell(desk: Desk) -> None:
    small = "{data: {source: circles}, model: {hidden: [1], activation: tanh}, training: {epochs: 30}}"
    assert "\nDiagnosis: perhaps high bias. Next: " in desk.nnlab("train", desk.write(small)).stdout
    good = "{data: {source: blobs, noise: 0.1}, training: {epochs: 30}}"
    words = desk.nnlab("train", desk.write(good, "good.yaml")).stdout
    assert "\nDiagnosis: cannot tell from 1 seed (looks fine). Next: 6 seeds or more.\n" in words
    assert "Error rate on training -> test rows: 0.0 % -> 0.0 %" in words


@pytest.mark.parametrize("training", ["{epochs: 1}", "{epochs: 3}", "{epochs: 20, evaluate_every: last}"])
def test_a_run_that_was_hardly_trained_is_to_be_trained_longer(desk: Desk, training: str) -> None:
    config = desk.write(f"{{data: {{source: digits}}, model: {{hidden: [4]}}, training: {training}}}")
    assert "Next: longer training" in desk.nnlab("train", config).stdout


def test_hostile_names_stay_on_their_line(desk: Desk) -> None:
    config = """
        data: {source: circles, samples: 100}
        training: {epochs: 2}
        sweep: {seeds: 2, strategies: {"red\\e[31m\\n|x": {}, other: {regularization.l2: 1}}}
    """
    desk.nnlab("sweep", "-q", desk.write(config))
    words = desk.nnlab("report").stdout.split("Diagnosis")[1]
    assert "\x1b" not in words
    assert len(words.strip().splitlines()) == 4
