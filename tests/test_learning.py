"""What a fix is worth in data: as on paper, with intervals that cover the truth, and silent where it must."""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from nnlab.analysis import learning
from nnlab.analysis.frames import runs_frame
from nnlab.analysis.learning import Interval, LearningCurve, Worth, _baseline
from nnlab.analysis.report import Report, make_report
from nnlab.render.worth import worth_in_words, worths
from tests.experiments import Line, experiment_of
from tests.reports import rows_of

SIZES = (50, 100, 200, 400, 800)
A, B, C = 0.2, 4.0, 0.6
TIMES = 1.8
Error = Callable[[float], float]


def base(n: float) -> float:
    return A + B * n**-C


def fixed(n: float) -> float:
    return base(TIMES * n)


def crossed(
    errors: dict[float, Error],
    seeds: int = 10,
    noise: float = 0.01,
    seed: int = 0,
    sizes: tuple[int, ...] = SIZES,
) -> Report:
    """A grid of train_size and dropout; noise of a seed is in part that of all settings."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(0, noise, seeds)
    rows: list[Line] = []
    for dropout, error in errors.items():
        for size in sizes:
            test = error(size) + shared + rng.normal(0, noise, seeds)
            metrics = {
                "train_loss": [0.01] * seeds,
                "val_loss": test,
                "test_loss": test,
                "train_rows": [size] * seeds,
            }
            settings = {"data.train_size": size, "regularization.dropout": dropout}
            rows += rows_of(f"train_size={size}, dropout={dropout}", metrics, settings)  # type: ignore[arg-type]
    return make_report(runs_frame([experiment_of(rows, "e")]), {})


def only_worth(report: Report) -> Worth:
    (worth,) = report.worths
    return worth


def law_of(report: Report, line: str) -> LearningCurve:
    return next(law for law in report.learning if law.line == line)


def test_without_noise_the_law_and_the_worth_are_those_of_the_paper() -> None:
    report = crossed({0.0: base, 0.3: fixed}, noise=1e-9)
    found = law_of(report, "dropout=0")
    assert [one.value for one in (found.a, found.b, found.c)] == pytest.approx([A, B, C], rel=1e-3)
    worth = only_worth(report)
    # At 800 rows the fix does what takes 1,440: beyond the baseline's curve, so nothing is said there.
    assert worth.rows == (50, 100, 200, 400)
    assert [one.value for one in worth.at] == pytest.approx([TIMES] * 4, rel=1e-3)
    assert worth.overall.value == pytest.approx(TIMES, rel=1e-3)


def test_with_noise_the_intervals_cover_the_truth() -> None:
    report = crossed({0.0: base, 0.3: fixed})
    found = law_of(report, "dropout=0")
    for interval, truth in ((found.a, A), (found.b, B), (found.c, C), (only_worth(report).overall, TIMES)):
        assert interval.low < truth < interval.high
        assert interval.low < interval.value < interval.high


@pytest.mark.slow
def test_the_interval_of_the_worth_covers_the_truth_in_about_95_of_100_experiments() -> None:
    found = [only_worth(crossed({0.0: base, 0.3: fixed}, seed=seed)).overall for seed in range(400)]
    covered = np.mean([one.low <= TIMES <= one.high for one in found])
    assert 0.91 <= covered <= 0.98


def test_a_fix_that_does_harm_is_worth_less_than_the_data_it_has() -> None:
    worth = only_worth(crossed({0.0: base, 0.3: lambda n: base(n / 3)}))
    assert worth.overall.high < 1
    assert worth.rows == (200, 400, 800)  # at 50 and 100 rows it is worse than all of the baseline's curve


def test_the_sentence_names_the_worth_and_its_interval() -> None:
    words = worths(crossed({0.0: base, 0.3: fixed}, noise=0.001))
    assert words.startswith("Against dropout=0, dropout=0.3 is worth about 1.8 times the data [1.")
    assert words.endswith("(50 to 400 training rows).\n")


def test_a_worth_that_changes_with_the_size_is_told_at_both_ends() -> None:
    report = crossed(
        {0.0: base, 0.3: lambda n: base(n * (200 / n) ** 0.5)}, noise=0.001
    )  # 2 times at 50, 0.5 at 800
    assert not only_worth(report).agrees
    assert "times the data [" in worths(report)
    assert " at 50 training rows but " in worths(report)


def test_an_interval_that_spans_too_much_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    overall = only_worth(crossed({0.0: base, 0.3: fixed}, noise=0.02)).overall
    monkeypatch.setattr(learning, "WIDEST", 0.99 * overall.high / overall.low)
    assert crossed({0.0: base, 0.3: fixed}, noise=0.02).worths == []


def test_the_baseline_is_off_in_all_that_may_be_off_whatever_its_layers_are() -> None:
    lines = [
        {"model.hidden": [8, 8], "regularization.dropout": [0.3, 0.3], "regularization.l2": 1},
        {"model.hidden": [8, 8], "regularization.dropout": [0, 0], "regularization.l2": 1},
        {"model.hidden": [8, 8], "regularization.dropout": [0, 0]},
    ]
    frame = pd.DataFrame({"line": ["fix", "half", "none"], "settings": [json.dumps(own) for own in lines]})
    assert _baseline(frame) == "none"
    assert _baseline(frame.head(1)) == "fix"


def test_names_that_hold_commas_are_quoted() -> None:
    one = Interval(1.8, 1.5, 2.2)
    words = worth_in_words(Worth("e", "hidden=[8, 8], l2=1", "l2=0", (50.0,), (one,), one, True))
    assert words.startswith('Against l2=0, "hidden=[8, 8], l2=1" is worth about 1.8')


def zigzag(n: float) -> float:
    return base(n) + (0.1 if n in (100, 400) else -0.1)


@pytest.mark.parametrize(
    "report",
    [
        lambda: crossed({0.0: zigzag, 0.3: fixed}),  # fits poorly
        lambda: crossed({0.0: base, 0.3: lambda n: base(n) - 0.5}),  # below all of the baseline's curve
        lambda: crossed({0.0: base, 0.3: fixed}, seeds=4),
        lambda: crossed({0.0: base, 0.3: fixed}, sizes=SIZES[:3]),
        lambda: crossed({0.0: lambda n: 0.5, 0.3: lambda n: 0.4}),  # no curve that falls
    ],
    ids=["poor fit", "outside", "four seeds", "three sizes", "flat"],
)
def test_where_it_cannot_be_told_nothing_is_said(report: Callable[[], Report]) -> None:
    assert worths(report()) == ""


def test_splits_of_one_table_widen_the_interval() -> None:
    drawn = crossed({0.0: base, 0.3: fixed})
    split = make_report(drawn.runs.assign(resampled=True), {})
    narrow, wide = only_worth(drawn).overall, only_worth(split).overall
    # 10 seeds and a fifth for testing: variances grow by 1 + 10 * 0.25.
    ratio = np.log(wide.high / wide.low) / np.log(narrow.high / narrow.low)
    assert ratio == pytest.approx((1 + 10 * 0.25) ** 0.5)


def test_an_accuracy_counts_by_what_is_missing_to_one() -> None:
    report = crossed({0.0: base, 0.3: fixed}, noise=1e-9)
    accuracies = report.runs.assign(
        test_accuracy=1 - report.runs["test_loss"], val_accuracy=1 - report.runs["val_loss"]
    )
    assert only_worth(make_report(accuracies, {}, "val_accuracy")).overall.value == pytest.approx(
        TIMES, rel=1e-3
    )
