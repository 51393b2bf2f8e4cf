"""The comparison: its tests against scipy and arithmetic, its promises by simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nnlab.analysis.comparison import (
    compare,
    corrected_t,
    half_width,
    holm,
    pairs_needed,
    sign_flip,
)
from nnlab.render.verdict import verdict

SEEDS = 10


def runs(losses: dict[str, list[float]], resampled: bool = False, test_share: float = 0.2) -> pd.DataFrame:
    lines = [
        {"strategy": name, "seed": seed, "status": "completed", "test_loss": loss}
        for name, values in losses.items()
        for seed, loss in enumerate(values)
    ]
    return pd.DataFrame(lines).assign(resampled=resampled, test_share=test_share)


def marks(losses: dict[str, list[float]], **options: float) -> dict[str, str]:
    return {d.strategy: d.mark for d in compare(runs(losses, **options), "none", "test_loss")}  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [3, 6, 11, 15])
def test_sign_flips_are_counted_as_scipy_counts_them(n: int) -> None:
    d = np.random.default_rng(n).normal(0.4, 1, n)
    theirs = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip(d) == pytest.approx(theirs.pvalue)


def test_many_pairs_are_flipped_at_random_and_agree_with_the_t_test() -> None:
    d = np.random.default_rng(0).normal(0.3, 1, 60)
    assert sign_flip(d) == pytest.approx(stats.ttest_1samp(d, 0).pvalue, rel=0.15)
    assert sign_flip(d) == sign_flip(d)


def test_the_corrected_t_is_the_plain_one_where_nothing_overlaps() -> None:
    d = np.random.default_rng(1).normal(0.5, 1, 12)
    assert corrected_t(d, 0.0) == pytest.approx(stats.ttest_1samp(d, 0).pvalue)
    interval = stats.ttest_1samp(d, 0).confidence_interval(0.95)
    assert half_width(d) == pytest.approx((interval.high - interval.low) / 2)


def test_the_corrected_t_by_hand() -> None:
    # d = 1, 2, 3: mean 2, s = 1, n = 3; with overlap 1/4 the variance is 1/3 + 1/4 = 7/12.
    t = 2 / np.sqrt(7 / 12)
    assert corrected_t(np.array([1.0, 2, 3]), 0.25) == pytest.approx(2 * stats.t.sf(t, 2))


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, float("nan")])[0] == 0.5


def test_two_sided_flips_need_six_pairs_and_holm_over_five_needs_eight() -> None:
    assert [pairs_needed(k) for k in (1, 2, 5)] == [6, 7, 8]
    assert 2 ** (1 - 6) <= 0.05 < 2 ** (1 - 5)


@pytest.mark.parametrize("resampled", [False, True])
@pytest.mark.parametrize("seeds", [3, 5])
def test_with_three_or_five_seeds_nothing_is_claimed(seeds: int, resampled: bool) -> None:
    losses = {"none": [1.0] * seeds, "fix": [0.1 + 0.001 * seed for seed in range(seeds)]}
    assert marks(losses, resampled=resampled) == {"fix": "?"}


def test_a_lower_loss_is_better_and_a_higher_one_worse() -> None:
    wobble = np.random.default_rng(0).normal(0, 0.01, SEEDS)
    losses = {
        "none": [1.0] * SEEDS,
        "good": list(0.5 + wobble),
        "bad": list(1.5 + wobble),
        "same": list(1 + wobble),
    }
    assert marks(losses) == {"good": "+", "bad": "-", "same": "="}
    (good, *_) = compare(runs(losses), "none", "test_loss")
    assert good.wins == 1
    assert good.mean == pytest.approx(np.mean(0.5 + wobble) - 1)


def test_pairs_are_those_seeds_that_both_have_completed() -> None:
    frame = runs({"none": [1.0] * SEEDS, "fix": [0.5] * SEEDS})
    frame.loc[(frame["strategy"] == "fix") & (frame["seed"] == 3), "status"] = "diverged"
    assert compare(frame, "none", "test_loss")[0].pairs == SEEDS - 1


def test_intervals_cover_the_truth_in_95_of_100_experiments() -> None:
    rng, truth, covered = np.random.default_rng(0), 0.3, 0
    for _ in range(2000):
        d = rng.normal(truth, 1, SEEDS)
        covered += abs(d.mean() - truth) <= half_width(d)
    assert 0.93 <= covered / 2000 <= 0.97


def test_without_any_difference_five_strategies_rarely_get_a_mark() -> None:
    rng, claimed = np.random.default_rng(1), 0
    for _ in range(400):
        base = rng.normal(1, 0.3, SEEDS)
        losses = {"none": list(base)} | {f"s{i}": list(base + rng.normal(0, 0.1, SEEDS)) for i in range(5)}
        claimed += bool({"+", "-"} & set(marks(losses).values()))
    assert claimed / 400 <= 0.05 + 2 * (0.05 * 0.95 / 400) ** 0.5  # the level, and two standard errors


def test_the_corrected_t_holds_its_level_where_a_plain_test_does_not() -> None:
    """Splits of one table: each run's difference shares a part that no number of seeds averages away."""
    rng, share, plain, corrected = np.random.default_rng(2), 0.2, 0, 0
    for _ in range(1000):
        shared = rng.normal(0, share**0.5)
        d = shared + rng.normal(0, (1 - share) ** 0.5, SEEDS)
        plain += corrected_t(d, 0.0) < 0.05
        corrected += corrected_t(d, share / (1 - share)) < 0.05
    assert corrected / 1000 <= 0.065
    assert plain / 1000 > 0.15


def test_the_verdict_says_what_the_marks_say() -> None:
    wobble = np.random.default_rng(0).normal(0, 0.01, SEEDS)
    losses = {"none": [1.0] * SEEDS, "good": list(0.5 + wobble), "same": list(1 + wobble)}
    words = verdict(compare(runs(losses), "none", "test_loss"), "none", "test_loss")
    assert words.startswith(
        "Against none, by test_loss over 10 paired seeds: good is better by 0.50 [0.49, 0.5"
    )
    assert "no difference beyond noise for same." in words
    few = {name: values[:3] for name, values in losses.items()}
    words = verdict(compare(runs(few), "none", "test_loss"), "none", "test_loss")
    assert "too few seeds to tell for good and same, at least 7 are needed." in words
