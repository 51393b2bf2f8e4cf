"""The config as a typed, frozen record: what every setting means, accepts and defaults to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from nnlab.data.prepare import Preparation
from nnlab.data.sources import SOURCES, Source
from nnlab.errors import Path, dotted
from nnlab.metrics import MEASURES
from nnlab.nn.activation import Activation
from nnlab.nn.activations import ACTIVATIONS
from nnlab.nn.initializers import INITIALIZERS, Auto, Initializer
from nnlab.nn.losses import LOSSES, Loss
from nnlab.nn.optimizers import OPTIMIZERS, Adam, Optimizer
from nnlab.nn.outputs import OUTPUTS, Output
from nnlab.nn.rectifiers import Relu
from nnlab.nn.regularizer import Regularizer
from nnlab.nn.regularizers import REGULARIZERS
from nnlab.nn.schedules import SCHEDULES, Constant, ReduceOnPlateau, Schedule
from nnlab.nn.stopping import EarlyStopping
from nnlab.registry import (
    Count,
    CountOrZero,
    Expected,
    NonNegative,
    Parse,
    Problem,
    Seed,
    Text,
    build,
    did_you_mean,
    entry_of,
    field_names,
    read_value,
    show,
    write,
)

SELECTABLE = tuple(f"{split}_{name}" for split in ("val", "train") for name in MEASURES)


def _auto_or(parse: Parse) -> Parse:
    """A field that may be left to nnlab: `auto`, kept as None until the data is known."""

    def read(value: Any, path: Path, problems: list[Problem]) -> Any:
        return None if value == "auto" else parse.read(value, path, problems)

    return Parse(read, lambda value: "auto" if value is None else parse.write(value))


# --- data -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Data:
    """Where the rows come from, and how they are made ready.

    In YAML the settings of both stand side by side in one section.
    """

    source: Source
    preparation: Preparation


def _read_data(value: Any, path: Path, problems: list[Problem]) -> Data | None:
    if not isinstance(value, Mapping) or "source" not in value:
        came = "no source" if isinstance(value, Mapping) else show(value)
        problems.append(
            Problem(path, f"data: {came} came, expected a source; choose from {', '.join(SOURCES)}")
        )
        return None
    name = value["source"]
    if not isinstance(name, str) or name not in SOURCES:
        hint = did_you_mean(name, SOURCES) or f"; choose from {', '.join(SOURCES)}"
        problems.append(Problem((*path, "source"), f"data.source: {show(name)} is not a data source{hint}"))
        return None
    own, shared = field_names(SOURCES[name]), field_names(Preparation)
    before = len(problems)
    options = _with_scale({key: item for key, item in value.items() if key != "source"}, path, problems)
    for key in options:
        if key not in own and key not in shared:
            hint = did_you_mean(key, (*own, *shared)) or f"; {name} knows: {', '.join((*own, *shared))}"
            problems.append(Problem((*path, key), f"unknown key {show(key)} in data{hint}", at_key=True))
    source = build(SOURCES[name], {k: v for k, v in options.items() if k in own}, path, problems)
    preparation = build(Preparation, {k: v for k, v in options.items() if k in shared}, path, problems)
    if source is None or preparation is None or len(problems) > before:
        return None
    return Data(source, preparation)


def _with_scale(options: dict[str, Any], path: Path, problems: list[Problem]) -> dict[str, Any]:
    """The options, with `standardize` put as `scale`: true is standard, false is none."""
    if "standardize" not in options:
        return options
    value = options.pop("standardize")
    where = (*path, "standardize")
    if not isinstance(value, bool):
        problems.append(Problem(where, f"data.standardize: {show(value)} came, expected true or false"))
        return options
    scale = "standard" if value else "none"
    if options.setdefault("scale", scale) != scale:
        came = f"data.standardize: {show(value)} came beside data.scale: {options['scale']}"
        problems.append(Problem(where, f"{came}, expected one of the two"))
    return options


def _write_data(data: Data) -> dict[str, Any]:
    return {"source": data.source.name, **write(data.source), **write(data.preparation)}


# --- model ------------------------------------------------------------------------------------


def _read_hidden(value: Any, path: Path, problems: list[Problem]) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        value = [value]  # 64 is one hidden layer
    return read_value(Hidden, value, path, problems)


Hidden = Annotated[
    tuple[Count, ...], Expected("a list of layer widths, such as [64, 64]; [] is a linear model")
]
_ONE_ACTIVATION = entry_of(ACTIVATIONS, "an activation", default="relu")


def _read_activations(value: Any, path: Path, problems: list[Problem]) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_ONE_ACTIVATION.read(item, (*path, i), problems) for i, item in enumerate(value))
    return _ONE_ACTIVATION.read(value, path, problems)


def _write_activations(value: Any) -> Any:
    return (
        list(map(_ONE_ACTIVATION.write, value)) if isinstance(value, tuple) else _ONE_ACTIVATION.write(value)
    )


@dataclass(frozen=True)
class Model:
    """The network.

    Args:
        hidden: width of each hidden layer; [] is a linear model.
        activation: one for all hidden layers, or one a layer.
        initializer: how first weights are drawn.
        output: what turns the last layer into a prediction; None until the task is known.
        dtype: precision of all arithmetic.
    """

    hidden: Annotated[tuple[int, ...], Parse(_read_hidden, list)] = (64, 64)
    activation: Annotated[
        Activation | tuple[Activation, ...], Parse(_read_activations, _write_activations)
    ] = Relu()  # noqa: RUF009 - frozen
    initializer: Annotated[Initializer, entry_of(INITIALIZERS, "an initializer", default="auto")] = Auto()  # noqa: RUF009
    output: Annotated[Output | None, _auto_or(entry_of(OUTPUTS, "an output", default=None))] = None
    dtype: Literal["float32", "float64"] = "float32"

    @property
    def activations(self) -> tuple[Activation, ...]:
        """One activation for each hidden layer."""
        if isinstance(self.activation, tuple):
            return self.activation
        return (self.activation,) * len(self.hidden)


# --- training ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Training:
    """How long and in which steps.

    Args:
        epochs: passes over the training rows.
        batch_size: rows in a step; full is batch gradient descent, 1 is one row at a time; auto is 32,
            or all rows if there are fewer.
        evaluate_every: epochs between two rows of the curves; auto is about 100 rows, last only the end.
    """

    epochs: CountOrZero = 100
    batch_size: Count | Literal["full", "auto"] = "auto"
    evaluate_every: Count | Literal["auto", "last"] = "auto"


# --- regularization ---------------------------------------------------------------------------


def _read_regularization(value: Any, path: Path, problems: list[Problem]) -> Any:
    value = {} if value is None else value
    if not isinstance(value, Mapping):
        problems.append(Problem(path, f"regularization: {show(value)} came, expected a mapping of settings"))
        return None
    for key in value:
        if key not in REGULARIZERS:
            hint = did_you_mean(key, REGULARIZERS) or f"; known here: {', '.join(REGULARIZERS)}"
            problems.append(
                Problem((*path, key), f"unknown key {show(key)} in regularization{hint}", at_key=True)
            )
    return tuple(
        entry
        for name, cls in REGULARIZERS.items()
        if (entry := _read_regularizer(cls, value, (*path, name), problems)) is not None
    )


def _read_regularizer(
    cls: type[Regularizer], section: Mapping[str, Any], path: Path, problems: list[Problem]
) -> Regularizer | None:
    value = section.get(cls.name, {} if cls.on_by_default else None)
    if value is None or value is False:
        return None
    if value is True and not cls.on_by_default:
        value = {}
    if not isinstance(value, Mapping):
        main = main_field(cls)
        found: list[Problem] = []
        entry = build(cls, {main: value}, path, found)
        # The user wrote no name for the first field: name the key instead.
        problems += [Problem(path, p.message.replace(f".{main}:", ":")) for p in found]
        return entry
    return build(cls, value, path, problems)


def _write_regularization(entries: tuple[Regularizer, ...]) -> dict[str, Any]:
    by_name = {entry.name: entry for entry in entries}
    return {name: _write_regularizer(by_name.get(name)) for name in REGULARIZERS}


def _write_regularizer(entry: Regularizer | None) -> Any:
    """As people write it: a strength stands alone while the other options have their defaults."""
    if entry is None:
        return None
    main, options, defaults = main_field(type(entry)), write(entry), write(type(entry)())
    alone = entry.on_by_default or len(options) == 1
    return options[main] if alone and options == {**defaults, main: options[main]} else options


def main_field(cls: type[Regularizer]) -> str:
    """The field that a bare value sets: `l2: 0.1` is `l2: {strength: 0.1}`."""
    return field_names(cls)[0]


# --- sweep ------------------------------------------------------------------------------------


def _read_axes(value: Any, path: Path, problems: list[Problem]) -> Any:
    value = {} if value is None else value
    if not isinstance(value, Mapping):
        problems.append(Problem(path, f"{dotted(path)}: {show(value)} came, expected a mapping of lists"))
        return {}
    for key, values in value.items():
        if (not isinstance(values, list) or not values) and not isinstance(values, Mapping):
            message = f"{dotted((*path, key))}: {show(values)} came, expected a list of values"
            problems.append(Problem((*path, key), message))
    return dict(value)


def _read_mappings(value: Any, path: Path, problems: list[Problem]) -> Any:
    value = [] if value is None else value
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        problems.append(
            Problem(path, f"{dotted(path)}: {show(value)} came, expected a list of combinations to leave out")
        )
        return ()
    return tuple(dict(item) for item in value)


def _read_strategies(value: Any, path: Path, problems: list[Problem]) -> Any:
    value = {} if value is None else value
    if not isinstance(value, Mapping):
        problems.append(Problem(path, f"{dotted(path)}: {show(value)} came, expected named strategies"))
        return {}
    strategies = {}
    for name, settings in value.items():
        if settings is not None and not isinstance(settings, Mapping):
            message = f"{dotted((*path, name))}: {show(settings)} came, expected a mapping of settings"
            problems.append(Problem((*path, name), message))
        else:
            strategies[name] = dict(settings or {})
    return strategies


Settings = Mapping[str, Any]  # dotted key -> value, as YAML holds it


@dataclass(frozen=True)
class Sweep:
    """Which runs a sweep is made of.

    Args:
        seeds: how many, counted up from the config's seed, or a list.
        data_seeds: likewise; every setting is trained with every pair of a data seed and a seed.
        method: grid takes every combination, random draws some.
        runs: random: how many combinations are drawn, for each strategy that has a choice.
        grid: dotted key -> values; the product of all lists. With method random an axis may be a range,
            {min: 1e-4, max: 10, scale: log}; its values are whole numbers if both ends are.
        zip: dotted key -> values; lists of one length, walked together.
        exclude: combinations to leave out; one that names some keys leaves out all that agree.
        strategies: name -> settings, instead of a grid; a list inside is that strategy's own grid.
        baseline: the strategy that others are compared with.
        select: what chooses the setting inside a strategy.
    """

    seeds: Annotated[
        Count | tuple[Seed, ...], Expected("a whole number of 1 or more, or a list of seeds")
    ] = 10
    data_seeds: Annotated[
        Count | tuple[Seed, ...] | None, Expected("null, a whole number of 1 or more, or a list of seeds")
    ] = None
    method: Literal["grid", "random"] = "grid"
    runs: Count | None = None
    grid: Annotated[Settings, Parse(_read_axes)] = field(default_factory=dict)
    zip: Annotated[Settings, Parse(_read_axes)] = field(default_factory=dict)
    exclude: Annotated[tuple[Settings, ...], Parse(_read_mappings, list)] = ()
    strategies: Annotated[Mapping[str, Settings], Parse(_read_strategies)] = field(default_factory=dict)
    baseline: Text | None = None
    select: Literal[SELECTABLE] = "val_loss"  # type: ignore[valid-type]


# --- report -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Report:
    """What a diagnosis needs to be told; no run depends on it.

    Args:
        target: the error of the best possible model: share of wrong answers, or squared error summed over
            outputs; None takes what is known of a generator, or 0.
    """

    target: Annotated[NonNegative | None, Expected("null, or a number of 0 or more")] = None


@dataclass(frozen=True)
class Config:
    """Everything that a run or a sweep depends on.

    Args:
        name: folder under runs/.
        seed: everything random follows from it.
        data, model, loss, optimizer, schedule, training, regularization: what to train, on what, and how.
        sweep: which runs a sweep is made of; a single run does not look at it.
        report: what a diagnosis needs to be told.
    """

    data: Annotated[Data, Parse(_read_data, _write_data)]
    name: Annotated[str, Expected("a name of letters, digits, '.', '_' and '-'")] = "run"
    seed: Seed = 0
    model: Model = field(default_factory=Model)
    loss: Annotated[Loss | None, _auto_or(entry_of(LOSSES, "a loss", default=None))] = None
    optimizer: Annotated[Optimizer, entry_of(OPTIMIZERS, "an optimizer", default="adam")] = Adam()  # noqa: RUF009
    schedule: Annotated[Schedule, entry_of(SCHEDULES, "a schedule", default="constant")] = Constant()  # noqa: RUF009
    training: Training = field(default_factory=Training)
    regularization: Annotated[tuple[Regularizer, ...], Parse(_read_regularization, _write_regularization)] = (
        field(default_factory=lambda: _read_regularization({}, (), []))
    )
    sweep: Sweep = field(default_factory=Sweep)
    report: Report = field(default_factory=Report)

    # Sections and keys that no run depends on: they are no part of its id, and no sweep varies them.
    APART: ClassVar[tuple[str, ...]] = ("name", "seed", "sweep", "report")

    @cached_property
    def active(self) -> tuple[Regularizer, ...]:
        """The regularizers that change anything, in the order of their table."""
        return tuple(entry for entry in self.regularization if entry.active)


def regularizer(config: Config, name: str) -> Regularizer | None:
    """The entry of this name, if it is there."""
    return next((entry for entry in config.regularization if entry.name == name), None)


def watchers(config: Config) -> Iterator[tuple[Path, EarlyStopping | ReduceOnPlateau]]:
    """The settings that act on a metric while a run trains, and where they stand."""
    stopping = regularizer(config, EarlyStopping.name)
    if isinstance(stopping, EarlyStopping):
        yield ("regularization", EarlyStopping.name), stopping
    if isinstance(config.schedule, ReduceOnPlateau):
        yield ("schedule",), config.schedule
