"""From the text of a config and its overrides to a Config, or to every problem at once."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from nnlab.config.axes import axes_of, examples, is_axis, is_range
from nnlab.config.override import Raw, override, split_key
from nnlab.config.schema import Config, Settings, watchers
from nnlab.config.source import Document, parse_value, read
from nnlab.data.tables import Csv
from nnlab.errors import InputError, Path, SettingError, dotted
from nnlab.nn.schedules import Warmup
from nnlab.nn.soft_targets import Mixup
from nnlab.registry import Problem, build, did_you_mean, field_names, show

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NAMES = "up to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit"
DATA_SEED = "data.seed"
LARGEST = {"float32": 3.4028235e38, "float64": 1.7976931348623157e308}  # what each precision can hold
SECTIONS = ("model", "loss", "optimizer", "training", "regularization", "sweep", "report")


Origins = dict[tuple[str, ...], str]


class Override(NamedTuple):
    """A value given on the command line.

    Args:
        key: dotted.
        text: YAML.
        origin: the option as it was typed, for messages.
    """

    key: str
    text: str
    origin: str


@dataclass(frozen=True)
class ConfigFile:
    """A config that was read and checked.

    Args:
        config: the typed record.
        raw: what YAML held, overrides put in, empty sections left out: the base that a sweep varies.
        document: the text it came from, for messages about it.
        origins: path of a setting -> the option that set it on the command line.
    """

    config: Config
    raw: Raw
    document: Document
    origins: Origins

    @property
    def folder(self) -> FilePath:
        """Where relative paths in the config start."""
        return FilePath(self.document.name).parent

    def at_fault(self, error: SettingError) -> InputError:
        """The error of a setting, with the place where it was set."""
        return InputError(f"{_where(error.path, False, self.document, self.origins)}: {error.message}")


def load(path: str, overrides: Sequence[Override] = ()) -> ConfigFile:
    """Read a config file.

    Args:
        path: the YAML file.
        overrides: values that stand in for those of the file.

    Raises:
        InputError: one line for each problem, with file, line and column.
    """
    document = read(path)
    raw: Raw = document.data
    origins: Origins = {}
    for key, text, origin in overrides:
        raw = override(raw, key, parse_value(text, origin))
        origins[split_key(key)] = origin
    # A section whose lines are all commented out is null to YAML; it means what no section means.
    raw = {key: item for key, item in raw.items() if item is not None or key not in SECTIONS}
    stem = FilePath(path).stem
    config, problems = configure(raw, default_name=stem)
    if "name" not in raw and not NAME.fullmatch(stem):
        problems = [p for p in problems if p.path != ("name",)]
        problems.append(Problem((), _no_name(stem)))
    if config is not None:
        problems += list(_check_sweep(raw, config))
    if problems or config is None:
        problems.sort(key=lambda problem: document.mark(problem.path, problem.at_key))
        raise InputError(*(f"{_where(p.path, p.at_key, document, origins)}: {p.message}" for p in problems))
    return ConfigFile(config, raw, document, origins)


def _no_name(stem: str) -> str:
    return (
        f"{show(stem)}, from the name of the file, cannot name a folder of results: expected {NAMES}; "
        "add a line such as name: my-sweep, or the option --name my-sweep"
    )


def configure(raw: Raw, default_name: str = "run") -> tuple[Config | None, list[Problem]]:
    """A Config from what YAML holds, and what is wrong with it."""
    problems: list[Problem] = []
    if "data" not in raw:
        problems.append(Problem((), "'data' is missing, expected a section such as data: {source: moons}"))
        build(Config, {**raw, "data": {"source": "moons"}}, (), problems)  # the other problems
        return None, problems
    config = build(Config, {"name": default_name, **raw}, (), problems)
    if config is not None:
        problems += list(_check_together(config))
    return config, problems


def _check_together(config: Config) -> Iterator[Problem]:
    """Settings that are fine alone but not together."""
    if not NAME.fullmatch(config.name):
        yield Problem(
            ("name",),
            f"name: {show(config.name)} came, expected {NAMES}",
        )
    model = config.model
    if isinstance(model.activation, tuple) and len(model.activation) != len(model.hidden):
        yield Problem(
            ("model", "activation"),
            f"model.activation: {len(model.activation)} activations came for {len(model.hidden)} "
            "hidden layers, expected one name, or one a layer",
        )
    if config.loss and model.output and model.output.name not in config.loss.outputs:
        yield Problem(
            ("model", "output"),
            f"model.output: {model.output.name} does not go with loss {config.loss.name}, "
            f"expected {' or '.join(config.loss.outputs)}",
        )
    yield from _too_large_numbers(config)
    for path, watcher in watchers(config):
        if config.training.evaluate_every == "last":
            yield Problem(
                ("training", "evaluate_every"),
                f"training.evaluate_every: last came with {watcher.name.replace('_', ' ')}, which looks more "
                "often; expected auto",
            )
        if watcher.metric.startswith("val") and not _validates(config):
            yield Problem(
                path,
                f"{dotted(path)}: {watcher.metric} is watched but data.validation is 0, "
                "expected validation rows, or metric: train_loss",
            )
    mixes = any(isinstance(entry, Mixup) and entry.active for entry in config.regularization)
    if mixes and getattr(config.loss, "class_weight", "none") == "balanced":
        yield Problem(
            ("loss", "class_weight"),
            "loss.class_weight: balanced came with mixup, whose rows are of several classes; "
            "expected one of the two",
        )
    schedule, epochs = config.schedule, config.training.epochs
    if isinstance(schedule, Warmup) and schedule.epochs >= epochs > 0:
        yield Problem(
            ("schedule", "epochs"),
            f"schedule.epochs: {schedule.epochs} came for training.epochs {epochs}, expected fewer: "
            "the learning rate would not be reached",
        )


def _too_large_numbers(config: Config) -> Iterator[Problem]:
    """Numbers of training that the network's precision cannot hold: they would be infinite there."""
    dtype = config.model.dtype
    largest = LARGEST[dtype]
    for path, entry in _entries(config):
        for name, value in vars(entry).items():
            if isinstance(value, float) and abs(value) > largest:
                yield Problem(
                    (*path, name),
                    f"{dotted((*path, name))}: {value:g} came, expected a number that {dtype} can hold, "
                    f"at most {largest:.1e}",
                )


def _entries(config: Config) -> Iterator[tuple[Path, Any]]:
    """Every entry of a table that was chosen, and where it stands."""
    yield ("optimizer",), config.optimizer
    yield ("schedule",), config.schedule
    yield ("model", "initializer"), config.model.initializer
    yield from ((("model", "activation"), entry) for entry in dict.fromkeys(config.model.activations))
    yield from ((("regularization", entry.name), entry) for entry in config.regularization)
    if config.loss is not None:
        yield ("loss",), config.loss


def _validates(config: Config) -> bool:
    source = config.data.source
    given = isinstance(source, Csv) and source.validation_path is not None
    return given or config.data.preparation.validation > 0


def _check_sweep(raw: Raw, config: Config) -> Iterator[Problem]:
    """Everything a sweep would set, value by value: linear in the lists, not in their product."""
    sweep = config.sweep
    for name in ("seeds", "data_seeds"):
        seeds = getattr(sweep, name)
        if isinstance(seeds, tuple) and (not seeds or len(set(seeds)) < len(seeds)):
            message = f"sweep.{name}: {show(seeds)} came, expected at least one seed, each once"
            yield Problem(("sweep", name), message)
    if sweep.strategies and (sweep.grid or sweep.zip):
        other = "grid" if sweep.grid else "zip"
        yield Problem(
            ("sweep", other),
            f"sweep.{other}: came beside strategies, expected one of the two "
            "(a list inside a strategy is that strategy's own grid)",
            at_key=True,
        )
    if sweep.baseline is not None and sweep.baseline not in sweep.strategies:
        hint = did_you_mean(sweep.baseline, sweep.strategies)
        yield Problem(
            ("sweep", "baseline"),
            f"sweep.baseline: {show(sweep.baseline)} is not one of the strategies{hint}",
        )
    lengths = {len(values) for values in sweep.zip.values() if isinstance(values, list)}
    if len(lengths) > 1:
        yield Problem(
            ("sweep", "zip"),
            f"sweep.zip: lists of {' and '.join(map(str, sorted(lengths)))} values came, expected one length",
        )
    if sweep.method == "random" and sweep.runs is None:
        yield Problem(
            ("sweep", "method"), "sweep.method: random came without sweep.runs, expected how many to draw"
        )
    if sweep.data_seeds is not None and (seed := config.data.preparation.seed) is not None:
        yield Problem(
            ("sweep", "data_seeds"),
            f"sweep.data_seeds: came beside data.seed {seed}, expected one of the two",
            at_key=True,
        )
    yield from _check_axes(raw, ("sweep", "grid"), sweep.grid, {**sweep.zip, **sweep.grid})
    yield from _check_axes(raw, ("sweep", "zip"), sweep.zip, {**sweep.zip, **sweep.grid})
    for name, settings in sweep.strategies.items():
        axes = axes_of(settings)
        single = {key for key, value in settings.items() if not is_axis(key, value)}
        yield from _check_axes(raw, ("sweep", "strategies", name), axes, axes, single)
    for i, combination in enumerate(sweep.exclude):
        for key in combination:
            if key not in sweep.grid and key not in sweep.zip:
                hint = did_you_mean(key, [*sweep.grid, *sweep.zip])
                message = f"sweep.exclude: {show(key)} is not an axis of the grid{hint}"
                yield Problem(("sweep", "exclude", i, key), message, at_key=True)


def _check_axes(
    raw: Raw, section: Path, axes: Settings, company: Settings, single: Collection[str] = ()
) -> Iterator[Problem]:
    """Checks each value of each axis, in the company of the first values of all axes.

    Args:
        section: where the axes stand in the config.
        single: keys whose value stands alone, without a list around it.
    """
    for key, axis in company.items():
        if axis and is_variable(key):
            raw = override(raw, key, examples(axis)[0])
    method = raw.get("sweep", {}).get("method")
    for key, axis in axes.items():
        path: Path = (*section, key)
        if isinstance(axis, Mapping) and (problem := _check_range(axis, path, method)) is not None:
            yield problem
            continue
        if not is_variable(key):
            yield Problem(path, f"{dotted(path)}: {show(key)} {_why_not_variable(key)}", at_key=True)
            continue
        for i, value in enumerate(examples(axis)):
            yield from _check_value(raw, path if key in single else (*path, i), key, value)


def _check_range(axis: Mapping[str, Any], path: Path, method: object) -> Problem | None:
    low: Any = axis.get("min")
    high: Any = axis.get("max")
    numbers = isinstance(low, int | float) and isinstance(high, int | float) and not isinstance(low, bool)
    if not is_range(axis) or not numbers or axis.get("scale", "log") not in ("linear", "log") or low >= high:
        expected = "{min: A, max: B}, A below B, with scale: linear or log"
        return Problem(path, f"{dotted(path)}: {show(dict(axis))} came, expected {expected}")
    if axis.get("scale") == "log" and low <= 0:
        return Problem(path, f"{dotted(path)}: min {low} came with scale: log, expected it above 0")
    if method != "random":
        return Problem(path, f"{dotted(path)}: a range came, expected a list, or sweep.method: random")
    return None


def _check_value(raw: Raw, path: Path, key: str, value: Any) -> Iterator[Problem]:
    parts = split_key(key)
    _, problems = configure(override(raw, key, value))
    for problem in problems:
        # What has nothing to do with this key is told at the key it belongs to.
        if problem.path[: len(parts)] == parts or parts[: len(problem.path)] == problem.path:
            yield replace(problem, path=path, message=f"{dotted(path)}: {problem.message}")


def is_variable(key: str) -> bool:
    """Whether a sweep may vary this dotted key."""
    first = split_key(key)[0]
    return first in field_names(Config) and first not in Config.APART and key != DATA_SEED


def _why_not_variable(key: str) -> str:
    first = split_key(key)[0]
    if first == "seed":
        return "is not varied here, expected the list of seeds in sweep.seeds"
    if key == DATA_SEED:
        return "is not varied here, expected the list of seeds in sweep.data_seeds"
    sections = [name for name in field_names(Config) if is_variable(name)]
    return (
        f"is not a setting{did_you_mean(first, sections) or '; settings begin with ' + ', '.join(sections)}"
    )


def _where(path: Path, at_key: bool, document: Document, origins: Origins) -> str:
    """The place of a setting: the option that set it, or a part of it, or file, line and column."""
    for key, origin in origins.items():
        if path[: len(key)] == key:
            return origin
    if path in document.values:
        return document.locate(path, at_key)
    return next((origin for key, origin in origins.items() if key[: len(path)] == path != ()), "") or (
        document.locate(path, at_key)
    )
