"""Dotted keys: put one value into a raw config, as `--set` and every axis of a sweep do."""

from collections.abc import Mapping
from typing import Any

from nnlab.config.schema import main_field
from nnlab.nn.regularizers import REGULARIZERS

Raw = Mapping[str, Any]  # a config as YAML holds it


def split_key(key: str) -> tuple[str, ...]:
    """The parts of a dotted key; below an axis or a strategy, a dotted key is one part.

    >>> split_key("regularization.l2")
    ('regularization', 'l2')
    >>> split_key("sweep.grid.regularization.l2")
    ('sweep', 'grid', 'regularization.l2')
    """
    if key.startswith(("sweep.grid.", "sweep.zip.")):
        return tuple(key.split(".", maxsplit=2))
    if key.startswith("sweep.strategies."):
        return tuple(key.split(".", maxsplit=3))
    return tuple(key.split("."))


def override(raw: Raw, key: str, value: Any) -> dict[str, Any]:
    """A copy of the raw config with one value put in; sections on the way are made if missing.

    Short forms on the way are written out, so that single options of them can be set.

    >>> override({"optimizer": "adam"}, "optimizer.learning_rate", 0.1)
    {'optimizer': {'name': 'adam', 'learning_rate': 0.1}}
    >>> override({"regularization": {"l2": 1}}, "regularization.dropout", 0.5)
    {'regularization': {'l2': 1, 'dropout': 0.5}}
    """
    return _put(raw, split_key(key), value, ())


def _put(section: Any, key: tuple[str, ...], value: Any, path: tuple[str, ...]) -> dict[str, Any]:
    first, *rest = key
    copy = dict(_long_form(section, path))
    copy[first] = _put(copy.get(first), tuple(rest), value, (*path, first)) if rest else value
    return copy


def _long_form(section: Any, path: tuple[str, ...]) -> Mapping[str, Any]:
    """A section as a mapping: a name alone or a bare number is written out."""
    if isinstance(section, Mapping):
        return section
    if section is None or isinstance(section, list):
        return {}
    if path[:1] == ("regularization",) and path[-1] in REGULARIZERS:
        return {main_field(REGULARIZERS[path[-1]]): section}
    return {"name": section}
