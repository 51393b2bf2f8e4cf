"""Pairing: the differences of two strategies in a metric, seed by seed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Values = NDArray[np.float64]
Places = NDArray[np.integer[Any]]


class Pairing:
    """A metric of every strategy, ready to be paired by data seed and seed.

    Args:
        completed: runs, as made by `runs_frame`; a strategy has each data seed and seed once.
        metric: what is compared.
    """

    def __init__(self, completed: pd.DataFrame, metric: str) -> None:
        labels = completed[["data_seed", "seed"]].to_numpy()
        pair = completed.groupby(["data_seed", "seed"]).ngroup().to_numpy()
        self._labels = np.zeros((pair.max(initial=-1) + 1, 2), labels.dtype)
        self._labels[pair] = labels
        values = completed[metric].to_numpy(np.float64)
        strategy, names = pd.factorize(completed["strategy"])
        self._own: dict[str, tuple[Places, Values]] = {}
        ends = np.cumsum(np.bincount(strategy, minlength=len(names)))
        parts = np.split(np.argsort(strategy, kind="stable"), ends[:-1])
        for name, lines in zip(names, parts, strict=False):
            there = lines[~np.isnan(values[lines])]
            self._own[str(name)] = pair[there], values[there]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many values each strategy has."""
        return {name: len(values) for name, (_, values) in self._own.items()}

    def against(self, other: str) -> dict[str, Values]:
        """Of every other strategy its differences to this one; each is independent of the others.

        >>> runs = pd.DataFrame({"strategy": list("aabb"), "data_seed": [0, 1] * 2, "seed": [0, 1] * 2})
        >>> Pairing(runs.assign(gap=[1.0, 2.0, 5.0, 7.0]), "gap").against("a")["b"].tolist()
        [4.0, 5.0]
        """
        pairs, values = self._own[other]
        base = np.full(len(self._labels), np.nan)
        base[pairs] = values
        return {
            name: self._differences(own, base, np.array_equal(own[0], pairs))
            for name, own in self._own.items()
            if name != other
        }

    def _differences(self, own: tuple[Places, Values], base: Values, alike: bool) -> Values:
        pairs, values = own
        if not alike:  # those that both have, by their seeds
            order = np.argsort(pairs)
            order = order[~np.isnan(base[pairs[order]])]
            pairs, values = pairs[order], values[order]
        d = values - base[pairs]
        data_seeds, seeds = self._labels[pairs].T
        if (data_seeds == seeds).all():
            return d
        sets, of = np.unique(data_seeds, return_inverse=True)
        return np.bincount(of, d) / np.bincount(of) if len(sets) > 1 else d
