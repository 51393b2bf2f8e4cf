"""Decision regions: what trained networks answer in every place of the plane of two features."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from nnlab.arrays import Array, Indices
from nnlab.config.load import configure
from nnlab.data.material import load
from nnlab.data.prepare import Prepared, prepare
from nnlab.errors import NnlabError, SettingError
from nnlab.nn.mlp import Workspace
from nnlab.plan import Setting, network_of, resolve

SIDE = 48  # places of the plane in each direction
MARGIN = 0.06  # of the plane, beyond the rows on each side
ROWS_SHOWN = 250  # training rows of each network
WHICH = ["experiment", "name", "run", "data_seed", "settings"]  # columns that say which network
PATHS = ("path", "validation_path", "test_path")


@dataclass(frozen=True)
class Regions:
    """What networks answer in one plane, in the units of the data.

    Args:
        features: names of the two.
        classes: their names.
        x, y: the ends of the plane.
        places: columns name (of the network), column and row (of the cell, from 0), winner (class) and
            certainty (its probability).
        rows: training rows: columns name, x, y, label (class).
    """

    features: tuple[str, ...]
    classes: tuple[str, ...]
    x: tuple[float, float]
    y: tuple[float, float]
    places: pd.DataFrame
    rows: pd.DataFrame


@dataclass(frozen=True)
class _Trained:
    """A stored network and the rows it was trained on."""

    setting: Setting
    data: Prepared
    layers: list[Array]

    def probabilities(self, features: Array) -> Array:
        """Of each class in each place, (classes, places)."""
        network = network_of(self.setting)
        space = Workspace(network, 1, len(features))
        space.x[0, :, :-1] = (features - self.data.shift) / self.data.divisor
        space.x[0, :, -1] = 1
        z = space.forward(self.layers)
        network.output.f(z, z, space.row)
        found = z[0].astype(float)
        return np.vstack([1 - found, found]) if len(found) == 1 else found


def regions(runs: pd.DataFrame, folders: Mapping[str, Path]) -> Regions | None:
    """The plane of some networks.

    Args:
        runs: one line each, as made by `runs_frame`, with a column name.
        folders: name of each experiment -> its folder.

    Returns:
        None where there is no plane: not two features, no classes, or no data and weights to read.
    """
    found: dict[str, _Trained] = {}
    for experiment, name, run, data_seed, settings in runs[WHICH].itertuples(index=False):
        if (trained := _read(run, data_seed, settings, folders[experiment])) is not None:
            found[name] = trained
    kinds = {(one.setting.material.feature_names, one.setting.material.class_names) for one in found.values()}
    if len(kinds) != 1:
        return None
    ((features, classes),) = kinds
    rows = {name: one.data.train_x * one.data.divisor + one.data.shift for name, one in found.items()}
    x, y = (_ends(np.concatenate([own[:, i] for own in rows.values()])) for i in (0, 1))
    column, row = (cells.ravel() for cells in np.meshgrid(np.arange(SIDE), np.arange(SIDE)))
    middles = np.stack([_middle(column, x), _middle(row, y)], axis=1)
    places = [_places(name, one, column, row, middles) for name, one in found.items()]
    shown = [_rows(name, rows[name], one.data) for name, one in found.items()]
    return Regions(features, classes, x, y, pd.concat(places), pd.concat(shown))


def _middle(cell: Indices, ends: tuple[float, float]) -> Array:
    low, high = ends
    return np.asarray(low + (cell + 0.5) * (high - low) / SIDE)


def _places(name: str, trained: _Trained, column: Indices, row: Indices, middles: Array) -> pd.DataFrame:
    chances = trained.probabilities(middles)
    total = np.maximum(chances.sum(axis=0), np.finfo(float).tiny)  # one sigmoid a class need not sum to 1
    winner, certainty = chances.argmax(axis=0), chances.max(axis=0) / total
    return pd.DataFrame(
        {"name": name, "column": column, "row": row, "winner": winner, "certainty": certainty}
    )


def _rows(name: str, features: Array, data: Prepared) -> pd.DataFrame:
    own = pd.DataFrame({"name": name, "x": features[:, 0], "y": features[:, 1], "label": data.train_y})
    return own.drop_duplicates().head(ROWS_SHOWN)


def _ends(values: Array) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = MARGIN * (high - low) or 1.0
    return low - margin, high + margin


def _read(run: str, data_seed: int, settings: str, folder: Path) -> _Trained | None:
    """A stored network; None if it has no plane, or cannot be read."""
    from safetensors.numpy import load as load_weights

    try:
        weights = load_weights((folder / "weights" / f"{run}.safetensors").read_bytes())
        if len(weights["layer1.weight"]) != 2:  # told before the data is read, which may take a while
            return None
        setting = _setting(json.loads(settings), folder)
        if setting.material.task != "classification":
            return None
        data = prepare(setting.material, setting.config.data.preparation, int(data_seed))
    except (NnlabError, SettingError, OSError, ValueError, KeyError):
        return None
    shapes = network_of(setting).shapes
    layers = [
        np.vstack([weights[f"layer{i}.weight"], weights[f"layer{i}.bias"]])[np.newaxis]
        for i in range(1, len(shapes) + 1)
    ]
    return _Trained(setting, data, layers)


def _setting(settings: Mapping[str, Any], folder: Path) -> Setting:
    """What a run was made of, read anew.

    Raises:
        ValueError: the settings are of another version.
    """
    raw: dict[str, Any] = {}
    for key, value in settings.items():
        *sections, last = key.split(".")
        inside = raw
        for section in sections:
            inside = inside.setdefault(section, {})
        inside[last] = value
    if "path" in raw["data"]:  # relative to the config they came from; the stored one knows the way
        stored = yaml.safe_load((folder / "config.yaml").read_text())["data"]
        raw["data"] |= {key: stored[key] for key in PATHS}
    config, problems = configure(raw)
    if config is None or problems:
        raise ValueError("settings of another version")
    material = load(config.data.source, folder)
    return Setting("", resolve(config, material), material)
