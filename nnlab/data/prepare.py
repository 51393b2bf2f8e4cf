"""From the data to the rows of one run: split, draw again, add noise, fill gaps, scale."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import NDArray

from nnlab.data.features import Features, features_of, repeated
from nnlab.data.generator import Generator
from nnlab.data.material import Material
from nnlab.data.part import Part, Rows
from nnlab.data.scaling import LARGEST, SCALES, SMALLEST, measure
from nnlab.data.table import Table, Task
from nnlab.data.tables import Csv
from nnlab.errors import SettingError
from nnlab.registry import Count, Expected, Seed, Switch, show
from nnlab.streams import stream

Array = NDArray[np.float64]

# A whole number is a number of rows and a number with a point is a share: 1 is one row, 1.0 is all.
Share = Annotated[
    Annotated[int, Ge(0)] | Annotated[float, Ge(0), Lt(1)],
    Expected("a share from 0 up to, not including, 1, or a whole number of rows"),
]
TrainSize = Annotated[
    Annotated[int, Ge(1)] | Annotated[float, Gt(0), Le(1)],
    Expected("a share above 0 up to 1.0, which is all, or a whole number of rows"),
]
UpToOne = Annotated[float, Ge(0), Le(1), Expected("a number from 0 to 1")]


@dataclass(frozen=True)
class Preparation:
    """The settings of `data` that every source shares.

    A share is of all rows, that of `train_size` of the rows left for training; shares are rounded to
    whole rows, and to one row at least.

    Args:
        validation: share or number of rows for validation; 0 is none.
        test: share or number of rows for testing; 0 is none.
        train_size: how many of the training rows are kept; smaller sets are subsets of larger ones.
        split_seed: fixes the test rows whatever the run's seed is.
        seed: decides the rows, their split, resampling and label noise; None: the run's seed.
        resample: `bootstrap` draws as many training rows with replacement.
        label_noise: share of training rows whose target is replaced: by a class drawn from all
            classes, which may be the same, or in regression by the target of another training row.
        copies: how often the training rows are repeated.
        scale: how features are scaled, by the training rows alone: `standard` to mean 0 and variance 1,
            `min_max` to 0 up to 1, `robust` by median and quartiles, or `none`.
        standardize_target: whether a network learns the target of a regression as
            (target - mean) / standard deviation of the training rows. Whatever is reported is in the
            target's own unit all the same. `auto` is true, but for a loss of counts.
    """

    validation: Share = 0.2
    test: Share = 0.2
    train_size: TrainSize | None = None
    split_seed: Seed | None = None
    seed: Seed | None = None
    resample: Literal["none", "bootstrap"] = "none"
    label_noise: UpToOne = 0.0
    copies: Count = 1
    scale: Literal[tuple(SCALES)] = "standard"  # type: ignore[valid-type]
    standardize_target: Switch | Literal["auto"] = "auto"

    def seed_of(self, run_seed: int) -> int:
        """The seed of the data of a run with this seed."""
        return run_seed if self.seed is None else self.seed


@dataclass(frozen=True)
class Counts:
    """How many rows a run gets; `train` is len(train_x), copies included."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class Prepared:
    """The rows of one run, ready for training; parts that there are not have 0 rows.

    Args:
        train: the features of the training rows, shape (rows, features), finite: an array, or what
            reads them from a mapped table; val and test likewise.
        train_y: class indices, shape (rows,), or numbers, shape (rows, outputs); the others likewise.
        shift: subtracted from every feature, shape (features,).
        divisor: by which every feature is divided after that, shape (features,).
        target_mean: regression: subtracted from the target while a network learns it, shape (outputs,).
        target_std: by which it is divided after that: the same for all outputs, so that each counts in
            the loss as much as before.
    """

    train: Features
    train_y: NDArray[Any]
    val: Features
    val_y: NDArray[Any]
    test: Features
    test_y: NDArray[Any]
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    task: Task
    known_error: float | None
    shift: Array
    divisor: Array
    target_mean: Array
    target_std: float

    @property
    def train_x(self) -> Array:
        """The features of the training rows in memory, float64."""
        return np.asarray(self.train)

    @property
    def val_x(self) -> Array:
        """The features of the validation rows in memory, float64."""
        return np.asarray(self.val)

    @property
    def test_x(self) -> Array:
        """The features of the test rows in memory, float64."""
        return np.asarray(self.test)


def prepare(material: Material, preparation: Preparation, seed: int) -> Prepared:
    """The rows of the run with this seed: the same every time.

    The steps: split; keep `train_size` rows; resample; label noise; fill gaps with training
    medians; scale; copies. Each draws from a stream of its own, so that a change in one
    leaves the others as they were.

    Raises:
        SettingError: there are too few rows for what is asked, or numbers too large to scale.

    >>> from nnlab.data.material import load
    >>> from nnlab.data.synthetic import Sine
    >>> import pathlib
    >>> run = prepare(load(Sine(samples=10), pathlib.Path()), Preparation(), seed=0)
    >>> len(run.train_x), len(run.val_x), len(run.test_x)
    (6, 2, 2)
    """
    seed = preparation.seed_of(seed)
    train, validation, test = _split(material, preparation, seed)
    if preparation.resample == "bootstrap":
        rng = stream(seed, "resample")
        train = train.take(rng.integers(0, len(train), len(train)).astype(np.intp))
    train = _with_label_noise(train, preparation.label_noise, stream(seed, "label_noise"))
    parts, shift, divisor = features_of((train, validation, test), preparation.scale)
    target_mean, target_std = _target_unit(train, bool(preparation.standardize_target))
    table = train.table
    copies = preparation.copies
    return Prepared(
        train=repeated(parts[0], copies),
        train_y=np.concatenate([train.target] * copies) if copies > 1 else train.target,
        val=parts[1],
        val_y=validation.target,
        test=parts[2],
        test_y=test.target,
        feature_names=table.feature_names,
        class_names=table.class_names,
        task=table.task,
        known_error=table.known_error,
        shift=shift,
        divisor=divisor,
        target_mean=target_mean,
        target_std=target_std,
    )


def count(material: Material, preparation: Preparation) -> Counts:
    """How many rows every run gets, without preparing one.

    Raises:
        SettingError: the rows do not suffice.

    >>> from nnlab.data.material import load
    >>> from nnlab.data.synthetic import Sine
    >>> import pathlib
    >>> count(load(Sine(samples=10), pathlib.Path()), Preparation(test=0, train_size=4))
    Counts(train=4, validation=2, test=0)
    """
    given_validation, given_test = material.validation, material.test
    test = 0 if given_test is not None else _rows(preparation.test, material.rows)
    validation = 0 if given_validation is not None else _rows(preparation.validation, material.rows)
    left = material.rows - test - validation
    if left < 1:
        raise _no_rows_left(material, test, validation)
    kept = left if preparation.train_size is None else _rows(preparation.train_size, left)
    _check_train_size(material, preparation, kept, left)
    return Counts(
        train=kept * preparation.copies,
        validation=validation if given_validation is None else len(given_validation),
        test=test if given_test is None else len(given_test),
    )


def fixed_test_rows(material: Material, preparation: Preparation) -> Table | None:
    """The test rows that all seeds share, in the order of `Prepared.test_x` and not yet scaled.

    Returns:
        None if every seed has test rows of its own, or there are none.
    """
    counts, split_seed = count(material, preparation), preparation.split_seed
    if material.test is not None or counts.test == 0:
        return material.test
    if split_seed is None:
        return None
    rng = stream(split_seed, "test_rows")
    if isinstance(material.source, Generator):
        return material.source.draw(counts.test, rng)
    assert material.main is not None, "only a generator has no rows of its own"
    return material.main.take(_order(material.main.target, material.task, rng)[: counts.test])


def stratified_order(labels: NDArray[np.int64], rng: np.random.Generator) -> Rows:
    """A random order of the rows, any stretch of which has the classes in proportion.

    Row number r (from 0) of a class with n rows, shuffled, gets the key (r + 1/2) / n: each class
    spreads evenly over (0, 1). Rows are sorted by key, equal keys at random.

    Args:
        labels: the class of each row, shape (rows,).

    >>> order = stratified_order(np.array([0, 0, 0, 0, 1, 1]), np.random.default_rng(0))
    >>> np.array([0, 0, 0, 0, 1, 1])[order[:3]].sum()
    np.int64(1)
    """
    shuffled = rng.permutation(len(labels))
    short = labels.astype(np.int16) if labels.max(initial=0) < 1 << 15 else labels  # sorted by their digits
    by_class = shuffled[np.argsort(short[shuffled], kind="stable")]
    size = np.bincount(labels)
    size = size[size > 0]
    rank = np.arange(len(labels)) - np.repeat(np.cumsum(size) - size, size)
    key = (rank + 0.5) / np.repeat(size, size)
    return by_class[_sorted_by(key, rng.random(len(labels)))]


def _sorted_by(key: Array, then: Array) -> Rows:
    """`np.lexsort((then, key))`, many times faster where the keys are a few rising stretches without ties."""
    order = np.argsort(key, kind="stable")
    rising = key[order]
    same = np.append(rising[1:] == rising[:-1], False)
    tied = same | np.append(False, same[:-1])
    among = order[tied]
    order[tied] = among[np.lexsort((then[among], key[among]))]
    return np.asarray(order)


def _rows(share: float, rows: int) -> int:
    """The number of rows that a setting asks for: a number as it is, a share rounded."""
    if isinstance(share, int):
        return share
    return max(1, int(share * rows + 0.5)) if share > 0 else 0


def _split(material: Material, preparation: Preparation, seed: int) -> tuple[Part, Part, Part]:
    counts = count(material, preparation)
    main, given_test = _draw(material, preparation, counts, seed)
    rng, split_seed = stream(seed, "split"), preparation.split_seed
    rest = _order(main.target, main.task, rng if split_seed is None else stream(split_seed, "test_rows"))
    if given_test is not None:
        test = Part.of(given_test)
    else:
        test, rest = Part.of(main, rest[: counts.test]), rest[counts.test :]
    rest = rest[_order(main.target[rest], main.task, rng)]
    if material.validation is not None:
        validation = Part.of(material.validation)
    else:
        validation, rest = Part.of(main, rest[: counts.validation]), rest[counts.validation :]
    # In an order of their own, the first rows hold every class where classes are about equal.
    rest = rest[_order(main.target[rest], main.task, rng)]
    _check_classes(material, main.target[rest], validation, test)
    return Part.of(main, rest[: counts.train // preparation.copies]), validation, test


def _draw(
    material: Material, preparation: Preparation, counts: Counts, seed: int
) -> tuple[Table, Table | None]:
    """The rows to split, and the test rows where they are fixed apart from them."""
    if material.main is not None:
        return material.main, material.test
    generator = material.source
    assert isinstance(generator, Generator), "only a generator has no rows of its own"
    rng = stream(seed, "data")
    if preparation.split_seed is None:
        return generator.draw(generator.samples, rng), None
    test = generator.draw(counts.test, stream(preparation.split_seed, "test_rows"))
    return generator.draw(generator.samples - counts.test, rng), test


def _order(target: NDArray[Any], task: Task, rng: np.random.Generator) -> Rows:
    if task == "classification":
        return stratified_order(target, rng)
    return rng.permutation(len(target)).astype(np.intp)


def _with_label_noise(train: Part, share: float, rng: np.random.Generator) -> Part:
    """Replace the targets of exactly round(share * m) rows; more noise replaces these and others."""
    m = len(train)
    chosen = rng.permutation(m)[: int(share * m + 0.5)]
    if train.table.task == "classification":
        drawn = rng.integers(0, len(train.table.class_names), m)
    elif m > 1:
        other = rng.integers(0, m - 1, m)
        drawn = train.target[other + (other >= np.arange(m))]  # skips the row itself
    else:
        return train
    target = train.target.copy()
    target[chosen] = drawn[chosen]
    return replace(train, target=target)


def _target_unit(train: Part, standardize: bool) -> tuple[Array, float]:
    """Mean of each output, and the root of their mean variance; 0 and 1 where nothing is standardized.

    Raises:
        SettingError: the squares of errors of that size would be 0 or infinite.
    """
    if train.table.task == "classification":
        return np.zeros(0), 1.0
    mean, std = measure("standard", train.target)
    varies = train.target.min(axis=0) < train.target.max(axis=0)
    largest = std.max()  # dividing first keeps the squares within float64
    spread = float(largest * np.sqrt(np.mean(np.square(np.where(varies, std / largest, 0)))))
    if not (spread == 0 or SMALLEST <= spread <= LARGEST):
        came = f"the target has values up to {np.abs(train.target).max():g}"
        wrong = "small" if spread < SMALLEST else "large"
        expected = f"expected a standard deviation from {SMALLEST:g} to {LARGEST:g} (rescale it)"
        raise SettingError(("data",), f"data: {came}, too {wrong} for squared errors; {expected}")
    return (mean, spread or 1.0) if standardize else (np.zeros_like(mean), 1.0)


def _rows_key(material: Material) -> tuple[str, str]:
    """The setting that says how many rows there are."""
    key = {Generator: "samples", Csv: "path"}
    return "data", next((name for kind, name in key.items() if isinstance(material.source, kind)), "source")


def _no_rows_left(material: Material, test: int, validation: int) -> SettingError:
    total = f"{material.rows} {'row' if material.rows == 1 else 'rows'}"
    if material.rows < 2:
        path = _rows_key(material)
        return SettingError(path, f"{'.'.join(path)}: {total} came, expected 2 or more")
    name = "test" if test >= validation else "validation"
    asked = f"data.{name}: {test} rows for testing and {validation} for validation"
    message = f"{asked} of {total} in all leave none for training, expected fewer"
    return SettingError(("data", name), message)


def _check_train_size(material: Material, preparation: Preparation, kept: int, left: int) -> None:
    came = f"data.train_size: {show(preparation.train_size)} came"
    hint = " (1.0 is all rows, 1 is one row)" if preparation.train_size == 1 else ""
    if kept > left:
        message = f"{came}, expected at most {left}, the rows left for training"
        raise SettingError(("data", "train_size"), message)
    classes = len(material.class_names)
    if kept >= classes:
        return
    if preparation.train_size is None:
        path = _rows_key(material)
        came = f"{'.'.join(path)}: {material.rows} rows came, of which {kept} are left for training"
        raise SettingError(path, f"{came}, expected at least one for each of the {classes} classes")
    message = (
        f"{came}, which is {kept} of {left} training rows; expected at least {classes}, one for each class"
    )
    raise SettingError(("data", "train_size"), message + hint)


def _check_classes(material: Material, train: NDArray[Any], validation: Part, test: Part) -> None:
    if material.task == "regression":
        return
    absent = np.setdiff1d(np.arange(len(material.class_names)), train)
    if not len(absent):
        return
    name = show(material.class_names[absent[0]])
    key = "test" if (test.target == absent[0]).any() else "validation"
    given = material.test if key == "test" else material.validation
    key += "_path" if given is not None else ""
    where = f"data.{key}: every row of class {name} is for testing or validation"
    raise SettingError(("data", key), f"{where}, expected at least one for training")
