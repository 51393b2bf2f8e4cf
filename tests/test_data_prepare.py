"""Preparation: what each step does to the rows of a run, and what it leaves alone."""

import dataclasses
import itertools
import math
import pathlib
from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from nnlab.data.material import Material, load
from nnlab.data.prepare import Preparation, Prepared, count, prepare, stratified_order
from nnlab.data.scaling import SCALES
from nnlab.data.sources import SOURCES
from nnlab.data.synthetic import Blobs, Friedman1, Moons, RobotArm, Sine
from nnlab.data.tables import Csv
from nnlab.errors import SettingError
from nnlab.registry import build, write
from nnlab.streams import PURPOSES, stream

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"
OPTIONS = {"csv": {"path": "data/breast_cancer.csv", "target": "diagnosis"}}
ARRAYS = ("train_x", "train_y", "val_x", "val_y", "test_x", "test_y", "shift", "divisor")
HERE = [name for name in SOURCES if name != "mnist1d"]  # which needs a package that may be missing
RAW = Preparation(scale="none")


def material(name: str) -> Material:
    return load(SOURCES[name](**OPTIONS.get(name, {})), CONFIGS)


def numbered(rows: int, classes: int = 0, **options: Any) -> Material:
    """A table whose one feature is the number of the row."""
    return weighed([i % classes if classes else i / 2 for i in range(rows)], classes, **options)


def weighed(targets: list[Any], classes: int, **options: Any) -> Material:
    table = load(Sine(samples=len(targets)), CONFIGS)
    start = load(Moons(samples=len(targets)), CONFIGS) if classes else table
    y = np.array(targets) if classes else np.array(targets, dtype=float)[:, None]
    made = start.source.draw(0, stream(0, "data"))  # type: ignore[union-attr]
    x = np.arange(len(targets), dtype=float)[:, None]
    names = tuple(f"class {k}" for k in range(classes))
    main = dataclasses.replace(made, features=x, target=y, feature_names=("row",), class_names=names)
    source = Csv(path="t.csv", target="y")
    return dataclasses.replace(
        start, source=source, rows=len(x), main=main, feature_names=("row",), class_names=names, **options
    )


def rows(part: np.ndarray) -> set[float]:
    return set(part.ravel().tolist())


def equal(a: Prepared, b: Prepared, *names: str) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names or ARRAYS)


# Over every source


@pytest.mark.parametrize("name", HERE)
def test_every_source_prepares_the_same_rows_for_the_same_seed_and_others_for_another(name: str) -> None:
    read = material(name)
    once, other = prepare(read, Preparation(), 1), prepare(read, Preparation(), 2)
    assert equal(once, prepare(material(name), Preparation(), 1))
    assert not np.array_equal(once.train_x, other.train_x)


@pytest.mark.parametrize("name", HERE)
def test_the_facts_for_planning_are_true(name: str) -> None:
    read, preparation = material(name), Preparation(validation=0.25, test=40, train_size=0.5, copies=2)
    run, counts = prepare(read, preparation, 3), count(read, preparation)
    assert (counts.train, counts.validation, counts.test) == tuple(
        len(getattr(run, f"{part}_{axis}")) for part in ("train", "val", "test") for axis in "x"
    )
    assert len(run.train_y) == counts.train
    assert run.train_x.shape[1] == read.feature_count == len(run.feature_names)
    assert (run.task, run.class_names, run.known_error) == (read.task, read.class_names, read.known_error)
    assert read.outputs == (run.train_y.shape[1] if run.task == "regression" else 0)
    assert len(read.digest) == 64
    assert np.isfinite(run.train_x).all()


@pytest.mark.parametrize("name", HERE)
def test_split_seed_keeps_the_test_rows_and_no_others(name: str) -> None:
    read, fixed = material(name), dataclasses.replace(RAW, split_seed=1)
    one, two = prepare(read, fixed, 1), prepare(read, fixed, 2)
    assert equal(one, two, "test_x", "test_y")
    assert not np.array_equal(one.train_x, two.train_x)
    other = prepare(read, dataclasses.replace(fixed, split_seed=3), 1)
    assert not np.array_equal(one.test_x, other.test_x)
    if name in ("csv", "digits", "breast_cancer", "diabetes", "wine", "iris"):
        return  # a table may hold a row twice
    for row in one.test_x:
        assert not (one.train_x == row).all(axis=1).any()


def test_sources_are_told_apart_by_digest() -> None:
    digests = {material(name).digest for name in HERE}
    assert len(digests) == len(HERE)


# The split


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("split_seed", [None, 0])
def test_every_row_is_in_one_part(classes: int, split_seed: int | None) -> None:
    run = prepare(numbered(50, classes), dataclasses.replace(RAW, split_seed=split_seed), 0)
    assert (len(run.train_x), len(run.val_x), len(run.test_x)) == (30, 10, 10)
    assert sorted(np.concatenate([run.train_x, run.val_x, run.test_x]).ravel()) == list(range(50))
    targets = np.arange(50) % classes if classes else np.arange(50) / 2
    assert np.array_equal(run.val_y.ravel(), targets[run.val_x.ravel().astype(int)])


@pytest.mark.parametrize(
    ("share", "expected"), [(0, 0), (0.0, 0), (7, 7), (0.25, 13), (0.001, 1), (1, 1), (0.13, 7)]
)
def test_shares_are_rounded_and_never_nothing(share: float, expected: int) -> None:
    assert count(numbered(50), Preparation(validation=0, test=share)).test == expected


def test_every_part_has_the_classes_in_proportion() -> None:
    read = weighed([0] * 60 + [1] * 30 + [2] * 10, 3)
    run = prepare(read, dataclasses.replace(RAW, train_size=30), 5)
    assert np.bincount(run.test_y).tolist() == [12, 6, 2]
    assert np.bincount(run.val_y).tolist() == [12, 6, 2]
    assert np.bincount(run.train_y).tolist() == [18, 9, 3]


def test_any_stretch_of_a_stratified_order_is_within_one_row_of_proportion() -> None:
    labels = np.repeat([0, 1, 2], [70, 20, 10])
    order = stratified_order(labels, np.random.default_rng(0))
    assert sorted(order) == list(range(100))
    hits = np.cumsum(np.eye(3)[labels[order]], axis=0)
    ideal = np.arange(1, 101)[:, None] * [0.7, 0.2, 0.1]
    assert np.abs(hits - ideal).max() <= 1


def test_stratified_orders_are_random_within_a_class() -> None:
    firsts = {int(stratified_order(np.zeros(5, int), np.random.default_rng(i))[0]) for i in range(100)}
    assert firsts == set(range(5))


def test_a_class_with_two_rows_keeps_one_for_training() -> None:
    read = weighed([0] * 40 + [1, 1], 2)
    for seed in range(10):
        assert (prepare(read, RAW, seed).train_y == 1).any()


def test_smaller_training_sets_are_subsets_with_the_same_test_rows() -> None:
    read = numbered(100, 4)
    runs = [prepare(read, dataclasses.replace(RAW, train_size=size), 2) for size in (4, 20, 0.5, 1.0, None)]
    for small, large in itertools.pairwise(runs):
        assert rows(small.train_x) <= rows(large.train_x)
        assert equal(small, large, "val_x", "test_x", "test_y")
    assert [len(run.train_x) for run in runs] == [4, 20, 30, 60, 60]
    assert np.bincount(runs[0].train_y).tolist() == [1, 1, 1, 1]


def test_the_smallest_training_set_has_a_row_of_every_class() -> None:
    read = material("digits")
    for seed in range(5):
        assert set(prepare(read, Preparation(train_size=10), seed).train_y) == set(range(10))


def test_split_seed_splits_the_other_rows_again() -> None:
    read, fixed = numbered(50), dataclasses.replace(RAW, split_seed=4)
    one, two = prepare(read, fixed, 0), prepare(read, fixed, 1)
    assert rows(one.test_x) == rows(two.test_x)
    assert rows(one.val_x) != rows(two.val_x)


def test_given_tables_are_used_as_they_are(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n" + "".join(f"{i / 3},{i}.5\n" for i in range(10)))
    (tmp_path / "b.csv").write_text("x,y\n100,1\n101,2\n102,3\n")
    (tmp_path / "c.csv").write_text("x,y\n200,1\n201,2\n")
    read = load(Csv(path="a.csv", target="y", validation_path="b.csv", test_path="c.csv"), tmp_path)
    run = prepare(read, RAW, 0)
    assert run.val_x.ravel().tolist() == [100, 101, 102]
    assert run.test_x.ravel().tolist() == [200, 201]
    assert len(run.train_x) == 10
    assert dataclasses.astuple(count(read, RAW)) == (10, 3, 2)


def test_generators_draw_samples_rows_in_all() -> None:
    read = load(Blobs(samples=90), CONFIGS)
    for split_seed in (None, 0):
        run = prepare(read, dataclasses.replace(RAW, split_seed=split_seed), 0)
        assert len(run.train_x) + len(run.val_x) + len(run.test_x) == read.rows == 90
        assert np.bincount(run.train_y).tolist() == [18, 18, 18]


# The steps after it


def test_bootstrap_draws_as_many_rows_with_repeats_and_leaves_the_rest_alone() -> None:
    read = numbered(1000)
    plain, drawn = prepare(read, RAW, 0), prepare(read, dataclasses.replace(RAW, resample="bootstrap"), 0)
    assert len(drawn.train_x) == len(plain.train_x)
    assert rows(drawn.train_x) < rows(plain.train_x)
    assert len(rows(drawn.train_x)) / 600 == pytest.approx(1 - np.exp(-1), abs=0.05)
    assert equal(plain, drawn, "val_x", "test_x")


def test_label_noise_changes_the_share_of_rows_that_it_says() -> None:
    read = numbered(2000, 4)
    clean = prepare(read, RAW, 0)
    for share in (0.1, 0.5, 1.0):
        noisy = prepare(read, dataclasses.replace(RAW, label_noise=share), 0)
        assert equal(clean, noisy, "train_x", "val_x", "val_y", "test_x", "test_y")
        # One draw in four hits the class that was there.
        assert np.mean(noisy.train_y != clean.train_y) == pytest.approx(share * 3 / 4, abs=0.03)


def test_label_noise_in_regression_replaces_exactly_the_share_by_targets_of_other_rows() -> None:
    read = numbered(100)
    clean = prepare(read, RAW, 0)
    for share, changed in ((0.25, 15), (1.0, 60), (0.0, 0)):
        noisy = prepare(read, dataclasses.replace(RAW, label_noise=share), 0)
        assert (noisy.train_y != clean.train_y).sum() == changed
        assert rows(noisy.train_y) <= rows(clean.train_y)


def test_more_label_noise_replaces_the_same_labels_and_others() -> None:
    read = numbered(200)
    clean, some, more = (
        prepare(read, dataclasses.replace(RAW, label_noise=share), 0).train_y for share in (0, 0.2, 0.4)
    )
    assert np.array_equal(some[some != clean], more[some != clean])


def test_gaps_are_filled_with_training_medians(tmp_path: pathlib.Path) -> None:
    text = "x,z,y\n" + "".join(f"{'' if i % 3 == 0 else i * i},{i % 2},{i}.5\n" for i in range(30))
    (tmp_path / "t.csv").write_text(text)
    run = prepare(load(Csv(path="t.csv", target="y", missing="impute"), tmp_path), RAW, 0)
    for part, target in ((run.train_x, run.train_y), (run.test_x, run.test_y)):
        i = (target.ravel() - 0.5).astype(int)
        there = run.train_y.ravel() - 0.5
        median = np.median([k * k for k in there if k % 3])
        assert np.array_equal(part[:, 0], np.where(i % 3 == 0, median, i * i))


def test_a_feature_without_training_values_is_filled_with_zero(tmp_path: pathlib.Path) -> None:
    (tmp_path / "t.csv").write_text("x,z,y\n" + "".join(f"{'' if i else 5},{i},{i}.5\n" for i in range(20)))
    read = load(Csv(path="t.csv", target="y", missing="impute"), tmp_path)
    for seed in range(10):
        run = prepare(read, RAW, seed)
        assert rows(run.train_x[:, 0]) in ({0.0}, {5.0})


def test_scaling_is_that_of_scikit_learn_on_training_rows_alone() -> None:
    read = load(Friedman1(samples=200), CONFIGS)
    raw, run = prepare(read, RAW, 0), prepare(read, Preparation(), 0)
    scaler = StandardScaler().fit(raw.train_x)
    for part in ("train_x", "val_x", "test_x"):
        assert np.allclose(getattr(run, part), scaler.transform(getattr(raw, part)))
    assert np.allclose(run.shift, scaler.mean_)
    assert np.allclose(run.divisor, scaler.scale_)
    assert equal(raw, run, "train_y", "val_y", "test_y")


@pytest.mark.parametrize(
    ("scale", "theirs"),
    [("min_max", MinMaxScaler()), ("robust", RobustScaler()), ("standard", StandardScaler())],
)
def test_every_scale_is_that_of_scikit_learn(scale: Any, theirs: Any) -> None:
    read = load(SOURCES["breast_cancer"](), CONFIGS)
    raw, run = prepare(read, RAW, 0), prepare(read, Preparation(scale=scale), 0)
    theirs.fit(raw.train_x)
    for part in ("train_x", "val_x", "test_x"):
        np.testing.assert_allclose(getattr(run, part), theirs.transform(getattr(raw, part)), atol=1e-12)


@pytest.mark.parametrize("scale", [name for name in SCALES if name != "none"])
def test_no_scale_divides_by_0(scale: Any) -> None:
    run = prepare(one_feature([0.1] * 10), Preparation(scale=scale), 0)
    assert rows(run.train_x) == rows(run.test_x) == {0.0}
    mostly = prepare(one_feature([0.0] * 30 + [1.0]), Preparation(scale=scale, validation=0, test=0), 0)
    assert np.isfinite(mostly.train_x).all()


def test_without_a_scale_features_stay_as_they_are() -> None:
    run = prepare(numbered(20), RAW, 0)
    assert rows(run.train_x) <= set(range(20))
    assert (run.shift.tolist(), run.divisor.tolist()) == ([0], [1])


def test_the_target_has_a_mean_for_each_output_and_one_deviation() -> None:
    run = prepare(load(RobotArm(samples=100), CONFIGS), Preparation(label_noise=0.3), 0)
    np.testing.assert_allclose(run.target_mean, run.train_y.mean(axis=0))
    assert run.target_std == pytest.approx(np.sqrt(run.train_y.var(axis=0).mean()))
    off = prepare(load(RobotArm(samples=100), CONFIGS), Preparation(standardize_target=False), 0)
    assert (off.target_mean.tolist(), off.target_std) == ([0, 0], 1)


def test_a_constant_target_is_divided_by_1_and_classes_have_no_unit() -> None:
    constant = prepare(weighed([0.1] * 20, 0), Preparation(), 0)
    assert (constant.target_mean.tolist(), constant.target_std) == ([0.1], 1)
    assert prepare(numbered(20, classes=2), Preparation(), 0).target_std == 1


def one_feature(values: list[float]) -> Material:
    start = numbered(len(values))
    assert start.main is not None
    main = dataclasses.replace(start.main, features=np.array(values)[:, None])
    return dataclasses.replace(start, main=main)


@pytest.mark.parametrize("value", [0.1, 0.0, 1e-320, 1e300])
def test_constant_features_become_zero(value: float) -> None:
    run = prepare(one_feature([value] * 10), Preparation(), 0)
    assert rows(run.train_x) == rows(run.test_x) == {0.0}
    assert run.divisor.tolist() == [1.0]


@pytest.mark.parametrize("scale", [5e-323, 1e-200, 1.0, 1e200, 1e305])
def test_tiny_and_large_features_are_scaled(scale: float) -> None:
    run = prepare(one_feature([scale * (i % 2) for i in range(20)]), Preparation(test=0, validation=0), 0)
    assert np.allclose(np.abs(run.train_x), 1)


def test_features_too_large_to_scale_are_refused() -> None:
    with pytest.raises(SettingError) as caught:
        prepare(one_feature([1.7e308, -1.7e308] * 10), Preparation(), 0)
    assert caught.value.path == ("data", "scale")
    assert caught.value.message == (
        "data.scale: the feature 'row' has values up to 1.7e+308, too large or too far from the"
        " training rows to scale (leave it out or rescale it)"
    )
    for scale in ("min_max", "robust"):
        with pytest.raises(SettingError):
            prepare(one_feature([1.7e308, -1.7e308] * 10), Preparation(scale=scale), 0)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(
    ("size", "wrong"), [(1.7e308, "large"), (1e71, "large"), (1e-71, "small"), (5e-324, "small")]
)
def test_a_target_whose_squares_float64_cannot_hold_is_refused(
    size: float, wrong: str, standardize: bool
) -> None:
    preparation = Preparation(standardize_target=standardize)
    with pytest.raises(SettingError) as caught:
        prepare(weighed([size, -size] * 10, 0), preparation, 0)
    assert caught.value.message == (
        f"data: the target has values up to {size:g}, too {wrong} for squared errors; "
        "expected a standard deviation from 1e-70 to 1e+70 (rescale it)"
    )


@pytest.mark.parametrize("size", [1e69, 1e-69])
def test_errors_of_a_target_of_any_other_size_can_be_squared_twice(size: float) -> None:
    unit = prepare(weighed([size, -size] * 10, 0), Preparation(), 0).target_std
    assert all(0 < (unit * error) ** 4 < math.inf for error in (1e-6, 1e6))


def test_copies_repeat_the_training_rows_alone() -> None:
    once, thrice = prepare(numbered(50), Preparation(), 0), prepare(numbered(50), Preparation(copies=3), 0)
    assert np.array_equal(thrice.train_x, np.concatenate([once.train_x] * 3))
    assert np.array_equal(thrice.train_y, np.concatenate([once.train_y] * 3))
    assert equal(once, thrice, "val_x", "test_x", "shift", "divisor")


def test_preparing_leaves_the_material_alone() -> None:
    read = numbered(50, 2)
    assert read.main is not None
    x, y = read.main.features.copy(), read.main.target.copy()
    prepare(read, Preparation(label_noise=1.0), 0)
    assert np.array_equal(read.main.features, x)
    assert np.array_equal(read.main.target, y)


# What is refused


@pytest.mark.parametrize(
    ("preparation", "key", "message"),
    [
        ({"test": 10}, "test", "10 rows for testing and 2 for validation of 10 rows in all"),
        ({"test": 0.5, "validation": 5}, "test", "5 rows for testing and 5 for validation of 10 rows in all"),
        (
            {"test": 0, "validation": 12},
            "validation",
            "0 rows for testing and 12 for validation of 10 rows in all",
        ),
    ],
)
def test_splits_without_training_rows(preparation: dict[str, Any], key: str, message: str) -> None:
    with pytest.raises(SettingError) as caught:
        count(numbered(10), Preparation(**preparation))
    assert caught.value.path == ("data", key)
    assert caught.value.message == f"data.{key}: {message} leave none for training, expected fewer"


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (7, "7 came, expected at most 6, the rows left for training"),
        (2, "2 came, which is 2 of 6 training rows; expected at least 3, one for each class"),
        (
            1,
            "1 came, which is 1 of 6 training rows; expected at least 3, one for each class"
            " (1.0 is all rows, 1 is one row)",
        ),
        (0.2, "0.2 came, which is 1 of 6 training rows; expected at least 3, one for each class"),
    ],
)
def test_training_sizes_that_cannot_be(size: float, message: str) -> None:
    with pytest.raises(SettingError) as caught:
        count(numbered(10, 3), Preparation(train_size=size))
    assert caught.value.path == ("data", "train_size")
    assert caught.value.message == f"data.train_size: {message}"


def test_fewer_training_rows_than_classes() -> None:
    with pytest.raises(SettingError) as caught:
        count(numbered(5, 4), Preparation())
    assert caught.value.path == ("data", "path")
    assert caught.value.message == (
        "data.path: 5 rows came, of which 3 are left for training,"
        " expected at least one for each of the 4 classes"
    )


def test_one_row_is_not_enough() -> None:
    with pytest.raises(SettingError) as caught:
        count(load(Sine(samples=1), CONFIGS), Preparation())
    assert (caught.value.path, caught.value.message) == (
        ("data", "samples"),
        "data.samples: 1 row came, expected 2 or more",
    )


def test_a_class_without_training_rows_is_named() -> None:
    with pytest.raises(SettingError) as caught:
        prepare(weighed([0] * 9 + [1], 2), Preparation(test=0.8, validation=0), 0)
    assert caught.value.path == ("data", "test")
    assert caught.value.message == (
        "data.test: every row of class 'class 1' is for testing or validation,"
        " expected at least one for training"
    )


# Settings and streams


@pytest.mark.parametrize(
    ("key", "value", "fine"),
    [
        ("test", 0, True),
        ("test", 3, True),
        ("test", 0.3, True),
        ("test", 1.0, False),
        ("test", -1, False),
        ("test", True, False),
        ("test", "0.2", False),
        ("test", None, False),
        ("train_size", 1.0, True),
        ("train_size", 1, True),
        ("train_size", None, True),
        ("train_size", 0, False),
        ("train_size", 0.0, False),
        ("train_size", 1.5, False),
        ("train_size", True, False),
        ("label_noise", 1, True),
        ("label_noise", 1.1, False),
        ("split_seed", -1, False),
        ("resample", "jackknife", False),
        ("copies", 0, False),
    ],
)
def test_settings_are_checked(key: str, value: Any, fine: bool) -> None:
    problems: list[Any] = []
    built = build(Preparation, {key: value}, ("data",), problems)
    assert (built is not None) == fine
    assert len(problems) == (0 if fine else 1)
    if built is not None:
        assert build(Preparation, write(built), ("data",), problems) == built
        assert type(getattr(built, key)) is type(value) or key == "label_noise"


def test_streams_are_independent_by_purpose_and_never_renumbered() -> None:
    firsts = {stream(seed, purpose).integers(2**63) for seed in range(3) for purpose in PURPOSES}
    assert len(firsts) == 3 * len(PURPOSES)
    assert list(PURPOSES) == [
        "data", "split", "resample", "label_noise", "weights", "batches", "dropout", "test_rows", "search",
        "sign_flips", "bootstrap", "input_noise", "mixup", "input_dropout", "gaussian_dropout",
        "alpha_dropout", "dropconnect", "monte_carlo",
    ]  # fmt: skip
    assert list(PURPOSES.values()) == list(range(18))
