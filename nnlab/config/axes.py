"""Axes: the values that a sweep gives to settings, and their combinations."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nnlab.config.schema import Config, Settings, Sweep
from nnlab.errors import Path
from nnlab.streams import stream
from nnlab.text import read_alike, settings_in_words

LISTS = ("model.hidden", "model.activation", "data.drop", "data.categorical")  # one value is a list
DIGITS = 4  # of numbers drawn from a range: enough to search, few enough to read

Combination = tuple[str, Settings, Path]  # its strategy, its dotted settings, where it stands


def is_range(value: Any) -> bool:
    """Whether a value is a range to draw from: {min: 1e-4, max: 10, scale: log}.

    >>> is_range({"min": 0, "max": 1}), is_range({"name": "adam"})
    (True, False)
    """
    return isinstance(value, Mapping) and {"min", "max"} <= set(value) <= {"min", "max", "scale"}


def is_axis(key: str, value: Any) -> bool:
    """Whether a strategy's value is an axis of values to try, not one value that is a list.

    >>> is_axis("regularization.l2", [0.1, 1])
    True
    >>> is_axis("model.hidden", [64, 64]), is_axis("model.hidden", [[8], [64, 64]])
    (False, True)
    """
    if key in LISTS:
        return isinstance(value, list) and bool(value) and all(isinstance(item, list) for item in value)
    return isinstance(value, list) or is_range(value)


def examples(axis: Any) -> list[Any]:
    """The values of an axis that have to be checked: all of a list, both ends of a range."""
    return [axis["min"], axis["max"]] if is_range(axis) else list(axis)


def axes_of(settings: Settings) -> dict[str, Any]:
    """A strategy's settings with every single value as an axis of one."""
    return {key: value if is_axis(key, value) else [value] for key, value in settings.items()}


def count(sweep: Sweep) -> int:
    """How many combinations there are, those of `exclude` included: nothing is expanded.

    >>> count(Sweep(grid={"a": range(10**6), "b": range(10**6)}))
    1000000000000
    """
    return sum(_count(sweep, axes) for axes in _groups(sweep))


def _groups(sweep: Sweep) -> list[Mapping[str, Any]]:
    if sweep.strategies:
        return [axes_of(settings) for settings in sweep.strategies.values()]
    walked = {"": next(iter(sweep.zip.values()))} if sweep.zip else {}
    return [{**sweep.grid, **walked}]


def _count(sweep: Sweep, axes: Mapping[str, Any]) -> int:
    if sweep.method == "random" and _has_choice(axes):
        return sweep.runs or 0
    return math.prod(map(len, axes.values()))


def _has_choice(axes: Mapping[str, Any]) -> bool:
    return any(is_range(axis) or len(axis) > 1 for axis in axes.values())


def combinations(config: Config) -> Iterator[Combination]:
    """Each combination of a sweep, in the order of the config, duplicates included."""
    sweep = config.sweep
    for name, settings in sweep.strategies.items():
        for combination in _choose(config, axes_of(settings)):
            yield name, combination, ("sweep", "strategies", name)
    if sweep.strategies:
        return
    axes = {**sweep.grid, **sweep.zip}
    exact = {key for key, axis in axes.items() if not is_range(axis) and read_alike(axis)}
    together = [dict(zip(sweep.zip, values, strict=True)) for values in zip(*sweep.zip.values(), strict=True)]
    for combination in _choose(config, sweep.grid, together or [{}]):
        if not any(_agrees(combination, excluded) for excluded in sweep.exclude):
            yield settings_in_words(combination, exact) or config.name, combination, ("sweep", "grid")


def _choose(
    config: Config, axes: Mapping[str, Any], together: Sequence[Settings] = ({},)
) -> Iterator[dict[str, Any]]:
    """All combinations of some axes, or as many random ones as the sweep asks for.

    Random ones come one after the other from one stream: a longer search begins like a shorter one,
    and every strategy sees the same random numbers.
    """
    if config.sweep.method == "random" and (_has_choice(axes) or len(together) > 1):
        rng = stream(config.seed, "search")
        for _ in range(config.sweep.runs or 0):
            drawn = {key: _draw(axis, rng) for key, axis in axes.items()}
            yield {**drawn, **together[int(rng.integers(len(together)))]}
        return
    for values in itertools.product(*axes.values(), together):
        *own, walked = values
        yield {**dict(zip(axes, own, strict=True)), **walked}


def _draw(axis: Any, rng: np.random.Generator) -> Any:
    if not is_range(axis):
        return axis[int(rng.integers(len(axis)))]
    low, high = axis["min"], axis["max"]
    whole = isinstance(low, int) and isinstance(high, int)
    share = rng.random()
    if axis.get("scale", "linear") == "log":
        value = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        return round(value) if whole else _short(value)
    return low + int(share * (high - low + 1)) if whole else _short(low + share * (high - low))


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _agrees(combination: Settings, excluded: Settings) -> bool:
    return all(combination.get(key) == value for key, value in excluded.items())
