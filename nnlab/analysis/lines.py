"""The lines of a report: the evidence of each, one by one or in stacks that are judged at once."""

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnlab.analysis.comparison import split_overlap
from nnlab.analysis.evidence import METRICS, Columns, Evidence, Values
from nnlab.analysis.frames import setting_columns
from nnlab.analysis.seeds import is_crossed
from nnlab.analysis.target import Target, target_of
from nnlab.store.settings import parsed

KEY = ["experiment", "strategy", "settings"]
Key = tuple[str, str, str]
Places = NDArray[np.integer]

TELLING = ("train_accuracy", "test_accuracy", "test_rmse", "test_r2", "val_r2")  # what an error can be of


class Stack(NamedTuple):
    """Lines that are measured alike, with as many seeds each.

    Args:
        keys: theirs.
        experiment: theirs.
        evidence: with an axis for the lines before that of the seeds, and those settings alone that matter
            to a judgement.
    """

    keys: Sequence[Key]
    experiment: str
    evidence: Evidence


class Lines(Mapping[Key, Evidence]):
    """The evidence of every line, made when it is asked for: there may be very many.

    Args:
        runs: as made by `runs_frame`.
    """

    def __init__(self, runs: pd.DataFrame) -> None:
        line = runs.groupby(KEY, sort=False).ngroup().to_numpy()
        first = runs[~pd.Series(line, runs.index).duplicated()]
        keys = list(first[KEY].itertuples(index=False, name=None))
        self.places: Mapping[Key, int] = {key: place for place, key in enumerate(keys)}
        self._features = first["features"].tolist()
        self._data = _data(first)
        groups = {str(name): group for name, group in runs.groupby("experiment", sort=False)}
        self._overlap = {name: split_overlap(group) for name, group in groups.items()}
        self._crossed = {name for name, group in groups.items() if is_crossed(group)}
        self._names = _Rows(line, len(keys), runs["top_feature"].to_numpy())
        self._diverged = np.bincount(line[runs["status"] == "diverged"], minlength=len(keys))
        done = (runs["status"] == "completed").to_numpy()
        numbers, labels, line = _independent(runs[done], line[done], self._crossed)
        self._numbers, self._labels = _Rows(line, len(keys), numbers), _Rows(line, len(keys), labels)

    @cached_property
    def _settings(self) -> Mapping[str, Mapping[str, Any]]:
        return parsed(dict.fromkeys(settings for *_, settings in self.places))

    def __getitem__(self, key: Key) -> Evidence:
        place = self.places[key]
        return Evidence(
            self._settings[key[-1]],
            Columns(self._numbers[place]),
            int(self._diverged[place]),
            self._data[place].target,
            self._overlap[key[0]],
            int(self._features[place]),
            _agreed(self._names[place]),
            tuple(map(tuple, self._labels[place].tolist())),
        )

    def __iter__(self) -> Iterator[Key]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def stacks(self) -> Iterator[Stack]:
        """All lines, in stacks."""
        alike: dict[Hashable, list[Key]] = {}
        there = np.isfinite(self._numbers.rows[:, [METRICS.index(name) for name in TELLING]])
        told = [tuple(flags) for flags in self._numbers.counts_of(there).astype(bool).tolist()]
        seeds = self._numbers.lengths.tolist()
        for key, place in self.places.items():
            alike.setdefault((key[0], self._data[place], seeds[place], told[place]), []).append(key)
        for keys in alike.values():
            places = np.array([self.places[key] for key in keys])
            data, overlap = self._data[places[0]], self._overlap[keys[0][0]]
            settings = {"data.label_noise": data.label_noise}
            numbers = Columns(self._numbers.stacked(places))
            yield Stack(keys, keys[0][0], Evidence(settings, numbers, 0, data.target, overlap))


class _Data(NamedTuple):
    """What the settings of the data say of the errors that can be reached."""

    target: Target
    label_noise: float


def _data(lines: pd.DataFrame) -> list[_Data]:
    """Those of each line, found once for lines that differ in other settings only."""
    names = [name for name in setting_columns(lines) if name.startswith("data.")]
    found: dict[Hashable, _Data] = {}
    cells = lines[["experiment", "target", *names]].itertuples(index=False, name=None)
    kinds = [repr(line) for line in cells]
    for kind, asked, text in zip(kinds, lines["target"], lines["settings"], strict=True):
        if kind not in found:
            settings = json.loads(text)
            target = target_of(settings, None if pd.isna(asked) else float(asked))
            found[kind] = _Data(target, settings.get("data.label_noise") or 0)
    return [found[kind] for kind in kinds]


class _Rows:
    """Rows that belong to lines, found without a search.

    Args:
        line: the line of each row, from 0.
        lines: how many there are.
        rows: (rows, ...).
    """

    def __init__(self, line: Places, lines: int, rows: NDArray[Any]) -> None:
        self.rows = rows[np.argsort(line, kind="stable")]
        self.lengths = np.bincount(line, minlength=lines)
        self._line, self._end = np.sort(line), self.lengths.cumsum()
        self._start = self._end - self.lengths

    def __getitem__(self, place: int) -> NDArray[Any]:
        """Those of one line."""
        return self.rows[self._start[place] : self._end[place]]

    def stacked(self, places: Places) -> NDArray[Any]:
        """Those of some lines that have as many each, (lines, rows, ...)."""
        return self.rows[self._start[places][:, None] + np.arange(self.lengths[places[0]])]

    def counts_of(self, flags: NDArray[np.bool_]) -> NDArray[np.intp]:
        """How often each flag of (rows, flags) is set in each line, (lines, flags)."""
        counts = [np.bincount(self._line[column], minlength=len(self.lengths)) for column in flags.T]
        return np.stack(counts, axis=1)


def _independent(runs: pd.DataFrame, line: Places, crossed: set[str]) -> tuple[Values, NDArray[Any], Places]:
    """The metrics of completed runs, what they are paired by, and their lines.

    The runs of one data seed share their rows where data seeds are crossed with seeds: then they count as
    their mean; of an rmse it is the root mean square.
    """
    numbers = runs[list(METRICS)].to_numpy(dtype=np.float64, copy=True)
    labels = runs[["data_seed", "seed"]].to_numpy(copy=True)
    shared = runs["experiment"].isin(crossed).to_numpy()
    if not shared.any():
        return numbers, labels, line
    labels[shared, 1] = 0  # the data seed alone tells them apart
    squared = [i for i, name in enumerate(METRICS) if name.endswith("_rmse")]
    numbers[:, squared] **= 2
    each = np.where(shared, -1, np.arange(len(runs)))
    means = pd.DataFrame(numbers).groupby([line, *labels.T, each]).mean()
    numbers = means.to_numpy(copy=True)
    numbers[:, squared] **= 0.5
    levels = [means.index.get_level_values(i).to_numpy() for i in range(3)]
    return numbers, np.stack(levels[1:], axis=1), levels[0]


def _agreed(names: NDArray[Any]) -> str:
    return str(names[0]) if len(set(names)) == 1 else ""
