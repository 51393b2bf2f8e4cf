"""The comparison: its tests against scipy and arithmetic, its promises by simulation."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nnlab.analysis.comparison import Comparison, compare, comparisons, split_overlap
from nnlab.analysis.frames import runs_frame
from nnlab.analysis.paired_tests import (
    corrected_t,
    half_width,
    holm,
    pairs_needed,
    pairs_to_tell,
    sign_flip,
)
from nnlab.render.verdict import verdict
from tests.experiments import Line, experiment_of

SEEDS = 10


def runs(losses: dict[str, list[float]], resampled: bool = False, test_share: float = 0.2) -> pd.DataFrame:
    lines = [
        {"strategy": name, "seed": seed, "data_seed": seed, "status": "completed", "test_loss": loss}
        for name, values in losses.items()
        for seed, loss in enumerate(values)
    ]
    rows = {"train_rows": 60, "val_rows": 20, "test_rows": 100 * test_share}
    return pd.DataFrame(lines).assign(resampled=resampled, test_share=test_share, **rows)


def marks(losses: dict[str, list[float]], **options: float) -> dict[str, str]:
    return {d.strategy: d.mark for d in compare(runs(losses, **options), "none", "test_loss").differences}  # type: ignore[arg-type]


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


def test_overlap_is_test_rows_over_rows_to_train_on() -> None:
    frame = runs({"none": [1.0] * 3}, resampled=True)  # 60, 20 and 20 of 100 rows
    assert split_overlap(frame) == pytest.approx(20 / 60)
    assert split_overlap(frame.assign(train_rows=30)) == pytest.approx(20 / 60)  # train_size leaves 30 out
    assert split_overlap(frame, "val_loss") == pytest.approx(20 / 60)
    without_test = frame.assign(train_rows=80, test_rows=np.nan, test_share=np.nan)
    assert split_overlap(without_test, "val_loss") == pytest.approx(20 / 80)
    assert split_overlap(frame.assign(resampled=False)) == 0


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
    (good, *_) = compare(runs(losses), "none", "test_loss").differences
    assert good.wins == 1
    assert good.mean == pytest.approx(np.mean(0.5 + wobble) - 1)


def test_pairs_are_those_seeds_that_both_have_completed() -> None:
    frame = runs({"none": [1.0] * SEEDS, "fix": [0.5] * SEEDS})
    frame.loc[(frame["strategy"] == "fix") & (frame["seed"] == 3), "status"] = "diverged"
    assert compare(frame, "none", "test_loss").differences[0].pairs == SEEDS - 1


def test_intervals_cover_the_truth_in_95_of_100_experiments() -> None:
    rng, truth, covered = np.random.default_rng(0), 0.3, 0
    for _ in range(2000):
        d = rng.normal(truth, 1, SEEDS)
        covered += abs(d.mean() - truth) <= half_width(d)
    assert 0.93 <= covered / 2000 <= 0.97


def test_without_any_difference_five_strategies_get_a_mark_in_at_most_5_of_100_experiments() -> None:
    rng, claimed, experiments = np.random.default_rng(1), 0, 2000
    for _ in range(experiments):
        base = rng.normal(0, 0.1, SEEDS)  # all five are compared with the same baseline
        found = [sign_flip(rng.normal(0, 0.1, SEEDS) - base) for _ in range(5)]
        claimed += min(holm(found)) <= 0.05
    assert claimed / experiments <= 0.05


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


def test_student_covers_at_least_as_well_as_a_bootstrap() -> None:
    """What decided for Student's interval: scipy's BCa bootstrap on the same differences."""
    rng, experiments, student, bootstrap = np.random.default_rng(3), 400, 0, 0
    for _ in range(experiments):
        d = rng.normal(0.3, 1, SEEDS)
        ends = stats.bootstrap((d,), np.mean, n_resamples=999, rng=rng).confidence_interval
        bootstrap += ends.low <= 0.3 <= ends.high
        student += abs(d.mean() - 0.3) <= half_width(d)
    assert bootstrap / experiments < 0.93 <= student / experiments


def test_the_pairs_to_tell_give_student_the_power_that_was_asked_for() -> None:
    d = np.random.default_rng(4).normal(0.4, 1, 30)
    n = int(pairs_to_tell(d, 0.0, 1))
    shift = d.mean() / d.std(ddof=1) * np.sqrt(n)
    assert stats.nct.sf(stats.t.ppf(0.975, n - 1), n - 1, shift) == pytest.approx(0.8, abs=0.02)


def test_no_number_of_seeds_tells_what_overlapping_splits_hide() -> None:
    # The standard error falls to sqrt(overlap) s = 0.5 s, and 0.3 s is less than 2.8 of them.
    d = 0.3 + np.array([-1.0, 1] * 10) * np.sqrt(19 / 20)
    assert d.std(ddof=1) == pytest.approx(1)
    assert pairs_to_tell(d, 0.25, 1) == float("inf")


# --- the leader -----------------------------------------------------------------------------------


def led(**means: float) -> Comparison:
    rng = np.random.default_rng(0)
    losses = {"none": [1.0] * 12} | {
        name: list(mean + rng.normal(0, 0.02, 12)) for name, mean in means.items()
    }
    frame = runs(losses)
    frame["gap"] = frame["test_loss"] - 0.1
    return compare(frame, "none", "test_loss")


def test_the_leader_is_the_best_of_those_that_beat_the_baseline() -> None:
    assert led(a=0.5, b=0.7, c=1.0).leader == "a"
    assert led(c=1.0, d=1.5).leader is None


def test_others_are_as_good_as_the_leader_unless_noise_cannot_explain_it() -> None:
    comparison = led(a=0.5, b=0.7, c=1.0, d=0.502)
    assert {d.strategy: d.mark for d in comparison.to_leader} == {"b": "-", "c": "-", "d": "="}
    b = comparison.to_leader[0]
    assert b.mean == pytest.approx(0.2, abs=0.02)
    assert b.needed == pairs_needed(6)  # four strategies make six pairs


def test_an_equal_strategy_is_rarely_said_to_be_beaten_by_the_leader() -> None:
    """The leader is singled out by the same runs: only the number of all pairs makes up for that."""
    rng, wrong, experiments = np.random.default_rng(5), 0, 300
    for _ in range(experiments):
        losses = {"none": [1.0] * 12} | {f"s{i}": list(0.5 + rng.normal(0, 0.1, 12)) for i in range(4)}
        wrong += any(d.mark == "-" for d in compare(runs(losses), "none", "test_loss").to_leader)
    assert wrong / experiments <= 0.05


def test_the_verdict_says_what_the_marks_say() -> None:
    words = verdict(led(good=0.5, fair=0.8, equal=0.51, same=1.0, bad=1.5), gap_change=-0.62)
    assert words.startswith("Against none, over 12 paired seeds: good cut test_loss by 0.50 [0.49, 0.51]")
    assert "and the gap by 62 %; equal did as well" in words
    assert "equal did as well within noise; fair cut test_loss by 0.2" in words
    assert "less than good; bad raised test_loss by 0.5" in words
    assert "no difference beyond noise for same" in words


def test_with_too_few_seeds_for_all_pairs_no_fix_is_said_to_be_as_good_as_the_leader() -> None:
    rng = np.random.default_rng(6)
    losses = {"none": [1.0] * 9} | {f"s{i}": list(0.5 + i / 50 + rng.normal(0, 0.01, 9)) for i in range(9)}
    words = verdict(compare(runs(losses), "none", "test_loss"))  # 36 pairs take 11 seeds
    assert "helped, too, and it takes at least 11 seeds to tell which is best" in words
    assert "as well" not in words


def test_an_accuracy_is_raised_where_a_loss_is_cut() -> None:
    frame = runs({"none": [0.5] * SEEDS, "fix": [0.8 + 0.001 * seed for seed in range(SEEDS)]})
    comparison = compare(frame.rename(columns={"test_loss": "test_accuracy"}), "none", "test_accuracy")
    assert "fix raised test_accuracy by 0.30 [" in verdict(comparison)


def test_the_verdict_says_how_many_seeds_are_needed() -> None:
    losses = {"none": [1.0] * 3, "a": [0.5, 0.51, 0.52], "b": [1.0, 1.1, 0.9]}
    words = verdict(compare(runs(losses), "none", "test_loss"))
    assert words.endswith("too few seeds to tell for a and b, at least 7 are needed.")


def test_a_strategy_without_a_completed_run_is_told() -> None:
    frame = runs({"none": [1.0] * SEEDS, "fix": [0.5] * SEEDS, "wild": [9.0] * SEEDS})
    frame.loc[frame["strategy"] == "wild", "status"] = "diverged"
    assert verdict(compare(frame, "none", "test_loss")).endswith("; no run of wild completed.")
    frame.loc[frame["strategy"] == "none", "status"] = "diverged"
    assert verdict(compare(frame, "none", "test_loss")) == "Against none: no run of none and wild completed."


def test_an_interval_that_leaves_0_out_within_noise_is_explained() -> None:
    rng = np.random.default_rng(2)
    d = rng.normal(0, 1, SEEDS)
    d += 2.6 * d.std(ddof=1) / SEEDS**0.5 - d.mean()  # t = 2.6: p is 0.03 alone
    losses = {"none": [0.0] * SEEDS, "near": list(d)} | {
        f"s{i}": list(rng.normal(0, 1, SEEDS)) for i in range(3)
    }
    comparison = compare(runs(losses), "none", "test_loss")
    assert comparison.differences[0].mark == "="
    assert "(The interval of near leaves 0 out; p allows" in verdict(comparison)


def test_ties_are_ties() -> None:
    (same,) = compare(runs({"none": [1.0] * SEEDS, "copy": [1.0] * SEEDS}), "none", "test_loss").differences
    assert (same.mark, same.wins, same.p, same.mean) == ("=", 0.5, 1.0, 0.0)


def test_a_strategy_of_the_baselines_settings_is_no_comparison() -> None:
    rng = np.random.default_rng(5)
    losses = {name: list(rng.normal(0, 1, SEEDS)) for name in ("none", "good", "small")}
    losses["twin"] = losses["none"]
    frame = runs(losses)
    ids = frame["strategy"].replace({"twin": "none"}) + frame["seed"].astype(str)
    frame = frame.assign(experiment="e", run=ids, chosen=True, baseline="none")
    found, alone = (comparisons(own, "test_loss")["e"] for own in (frame, frame[frame["strategy"] != "twin"]))
    assert found.copies == ("twin",)
    assert found.differences == alone.differences
    assert verdict(found) == f"{verdict(alone)[:-1]}; twin is the same as none, of the very same settings."
    twins = comparisons(frame[frame["strategy"].isin(("none", "twin"))], "test_loss")["e"]
    assert verdict(twins) == "Against none: twin is the same as none, of the very same settings."


def test_flips_of_thousands_of_pairs_fit_into_memory() -> None:
    d = np.random.default_rng(0).normal(0.04, 1, 3000)
    tracemalloc.start()
    p = sign_flip(d)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert p == pytest.approx(stats.ttest_1samp(d, 0).pvalue, rel=0.2)
    assert peak < 100e6


def test_test_rows_that_come_with_the_source_are_no_part_of_a_split() -> None:
    settings = [{"data.source": name, "data.test_path": None} for name in ("mnist1d", "digits", "moons")]
    lines = [Line(one, {"strategy": "s", "seed": 0, "run": str(i)}) for i, one in enumerate(settings)]
    frame = runs_frame([experiment_of(lines)])
    assert list(frame["resampled"]) == [False, True, False]
