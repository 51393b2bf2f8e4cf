"""Runs: a setting and a seed, with an id that is a hash of all that decides its numbers."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nnlab.config.schema import Config
from nnlab.plan.setting import Setting
from nnlab.registry import write

RESULTS_VERSION = 3  # raised when the same settings give other numbers than before


@dataclass(frozen=True)
class Run:
    """One network to train: a setting and a seed.

    The seed decides first weights, batch order and dropout, and the data too unless `data.seed` does.
    """

    id: str
    seed: int
    setting: Setting

    @property
    def config(self) -> Config:
        return self.setting.config

    @property
    def data_seed(self) -> int:
        """What decides its rows, their split, resampling and label noise."""
        return self.config.data.preparation.seed_of(self.seed)

    @property
    def shares_test_rows(self) -> bool:
        """Whether its test rows, if any, are those of every seed."""
        return self.config.data.preparation.split_seed is not None or self.setting.material.test is not None


def settings_of(config: Config) -> dict[str, Any]:
    """The settings that make a run what it is, but for its seeds, as a flat mapping of dotted keys."""
    nested = write(config)
    for key in Config.APART:
        del nested[key]
    del nested["data"]["seed"]
    return dict(_flat(nested, ""))


def _flat(value: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item


def runs_of(setting: Setting, seeds: Sequence[int]) -> Iterator[Run]:
    """The runs of a setting, each with an id that is a hash of all that decides its numbers.

    These are the settings, the seeds, and the content of the data: where a table lies does not matter.
    A regularizer that is off is no part of it, however that is said.
    """
    settings = settings_of(replace(setting.config, regularization=setting.config.active))
    off = {key for key, value in settings.items() if key.startswith("regularization.") and value is None}
    settings = {key: value for key, value in settings.items() if key not in off and not key.endswith("path")}
    identity = [RESULTS_VERSION, settings, setting.material.digest]
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), allow_nan=False)
    shared = hashlib.sha256(text.encode())
    for seed in seeds:
        run = Run("", seed, setting)
        own = shared.copy()
        own.update(f" {seed}".encode())
        if run.data_seed != seed:
            own.update(f" {run.data_seed}".encode())
        yield replace(run, id=own.hexdigest()[:12])


def crossed(setting: Setting, seeds: Sequence[int], data_seeds: Sequence[int]) -> Iterator[Run]:
    """The runs of a setting with every seed, for every data seed in turn if there are any."""
    if not data_seeds:
        yield from runs_of(setting, seeds)
    config, data = setting.config, setting.config.data
    for data_seed in data_seeds:
        own = replace(data, preparation=replace(data.preparation, seed=data_seed))
        yield from runs_of(replace(setting, config=replace(config, data=own)), seeds)
