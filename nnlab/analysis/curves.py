"""Curves over a setting: how the losses change with one number that varies, or with two.

A curve needs three values of a setting while all others stay as they are; what else varies tells its
lines apart. The size of the training set is measured in rows, whichever setting decides it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from nnlab.analysis.intervals import half_width
from nnlab.analysis.seeds import independent
from nnlab.metrics import MEASURES, SPLITS
from nnlab.store.settings import varying
from nnlab.text import distinct_words

DATA_SIZE = ("data.train_size", "data.samples")  # settings that decide how many rows train
IGNORED = ("training.evaluate_every", "data.path")  # no part of what is trained
FEWEST = 3  # values that make a curve
MOST_SETTINGS = 10_000  # of an experiment
MOST_LINES = 8  # that a picture keeps apart
METRICS = (*(f"{split}_{name}" for name in MEASURES for split in SPLITS), "gap")

Settings = Mapping[str, Any]


class Space(NamedTuple):
    """The settings of an experiment.

    Args:
        points: the different ones by their text, with the rows they train on; nothing where there are so
            many that no picture could show them.
        keys: those that vary, the size of the data first.
        grid: the two settings of a full grid of numbers, if that is what the points are.
    """

    points: Mapping[str, Settings]
    keys: Sequence[str]
    grid: tuple[str, str] | None


def spaces_of(runs: pd.DataFrame) -> dict[str, Space]:
    """The settings of each experiment; what curves and heat maps are made of."""
    found = {}
    for experiment, group in runs.groupby("experiment", sort=False):
        points = _points(group)
        keys = _keys(points)
        found[str(experiment)] = Space(points, keys, _grid(points, keys))
    return found


def curves(runs: pd.DataFrame, spaces: Mapping[str, Space] | None = None) -> pd.DataFrame:
    """Every curve of these runs, as far as a picture can show its lines.

    Args:
        runs: as made by `runs_frame`.
        spaces: theirs, if `spaces_of` has found them already.

    Returns:
        Columns experiment, key (the setting), line (the other settings that vary, in words), settings
        (as JSON), value (of the setting; training rows for its size), seeds, and for each metric its
        mean over seeds, `_low` and `_high`. Empty where no setting has a curve.
    """
    lines = []
    for experiment, (points, keys, grid) in (spaces or spaces_of(runs)).items():
        for key in keys:
            if grid and key in grid and key not in DATA_SIZE:
                continue
            lines += [
                {"experiment": experiment, "key": key, "line": line, "settings": text, "value": value}
                for line, members in _lines(points, key, keys)
                for text, value in members
            ]
    return _with_means(lines, runs)


def heat_maps(runs: pd.DataFrame, spaces: Mapping[str, Space] | None = None) -> pd.DataFrame:
    """The experiments whose runs fill a grid of two numbers.

    Returns:
        Columns experiment, x_key, y_key, x, y, settings, seeds, and each metric as in `curves`.
    """
    lines = []
    for experiment, (points, _, grid) in (spaces or spaces_of(runs)).items():
        if grid and not (grid[0] in DATA_SIZE and len(_lines(points, grid[0], grid))):  # seen better as lines
            x_key, y_key = grid
            for text, point in points.items():
                x, y = _number(point, x_key), _number(point, y_key)
                lines.append(
                    {
                        "experiment": experiment,
                        "x_key": x_key,
                        "y_key": y_key,
                        "x": x,
                        "y": y,
                        "settings": text,
                    }
                )
    return _with_means(lines, runs)


def _points(group: pd.DataFrame) -> dict[str, Settings]:
    """The different settings of an experiment by their text, with the rows they train on."""
    sizes = group.groupby("settings", sort=False)["train_rows"].first()
    if len(sizes) > MOST_SETTINGS:
        return {}
    points: dict[str, Settings] = {}
    for text, rows in sizes.items():
        settings = json.loads(str(text))
        size = {} if pd.isna(rows) else {"rows": float(rows) / settings.get("data.copies", 1)}
        points[str(text)] = {**settings, **size}
    return points


def _number(settings: Settings, key: str) -> float | None:
    """The value of a setting as a number, if it is one: of equal layers their width."""
    value = settings.get("rows") if key in DATA_SIZE else settings.get(key)
    if isinstance(value, list) and value and len(set(map(str, value))) == 1:
        value = value[0]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None  # type: ignore[arg-type]


def _keys(points: Mapping[str, Settings]) -> list[str]:
    """The settings that vary, the size of the data first."""
    keys = [key for key in varying(points.values()) if key not in (*IGNORED, "rows")]
    sizes = [key for key in keys if key in DATA_SIZE]
    rest = [key for key in keys if key not in DATA_SIZE]
    if sizes and _follows(points, "training.batch_size", sizes[0]):
        rest = [key for key in rest if key != "training.batch_size"]  # `auto` takes all rows of a small set
    return sizes + rest


def _text(settings: Settings, key: str) -> str:
    return json.dumps(settings.get(key))


def _follows(points: Mapping[str, Settings], key: str, other: str) -> bool:
    """Whether each value of another setting goes with one value of this."""
    pairs = {(_text(settings, other), _text(settings, key)) for settings in points.values()}
    return len(pairs) == len({other_value for other_value, _ in pairs})


def _grid(points: Mapping[str, Settings], keys: Sequence[str]) -> tuple[str, str] | None:
    if len(keys) != 2:
        return None
    x, y = keys
    cells = {(_number(settings, x), _number(settings, y)) for settings in points.values()}
    xs, ys = ({cell[i] for cell in cells} for i in (0, 1))
    full = len(cells) == len(points) == len(xs) * len(ys)
    return (x, y) if full and None not in xs | ys and min(len(xs), len(ys)) >= FEWEST else None


def _lines(
    points: Mapping[str, Settings], key: str, keys: Sequence[str]
) -> list[tuple[str, list[tuple[str, float]]]]:
    """The curves of a setting: the words for a line, and the text and the value of each of its points."""
    others = [other for other in keys if other != key]
    lines: dict[tuple[str, ...], dict[float, str]] = {}
    for text, settings in points.items():
        if (value := _number(settings, key)) is not None:
            line = tuple(_text(settings, other) for other in others)
            lines.setdefault(line, {}).setdefault(value, text)
    long = {line: members for line, members in lines.items() if len(members) >= FEWEST}
    if len(long) > MOST_LINES:
        return []
    apart = [i for i in range(len(others)) if len({line[i] for line in long}) > 1]
    words = distinct_words({line: {others[i]: json.loads(line[i]) for i in apart} for line in long})
    return [
        (words[line], [(text, value) for value, text in sorted(members.items())])
        for line, members in long.items()
    ]


def _with_means(lines: Sequence[Mapping[str, Any]], runs: pd.DataFrame) -> pd.DataFrame:
    """The points with the mean and the interval of each metric over their completed runs."""
    if not lines:
        return pd.DataFrame()
    completed = runs[runs["status"] == "completed"].drop_duplicates(["experiment", "settings", "run"])
    metrics = [name for name in METRICS if name in completed and completed[name].notna().any()]
    columns = {"seeds": completed.groupby(["experiment", "settings"], sort=False).size()}
    groups = independent(completed, metrics).groupby(["experiment", "settings"], sort=False)
    for name in metrics:
        mean, half = groups[name].mean(), half_width(groups[name].count(), groups[name].std())
        columns |= {name: mean, f"{name}_low": mean - half, f"{name}_high": mean + half}
    return pd.DataFrame(lines).merge(pd.DataFrame(columns), on=["experiment", "settings"])
