"""The settings of a run, sorted by where they come from: set by somebody, found by the data, or usual."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnlab.config.load import configure
from nnlab.data.sources import SOURCES
from nnlab.plan import settings_of

Settings = Mapping[str, Any]  # dotted key -> value
NO_DEFAULT = object()


@dataclass(frozen=True)
class Origins:
    """Every setting of a run, in one of three mappings.

    Args:
        own: those that differ from the defaults.
        automatic: those whose default is auto: found by the data, unless they were set.
        usual: those that are the defaults.
    """

    own: Settings
    automatic: Settings
    usual: Settings


def origins(settings: Settings) -> Origins:
    """Sort the settings of a run.

    >>> found = origins({"data.source": "moons", "data.noise": 0.2, "loss": "cross_entropy"})
    >>> found.own, found.automatic, found.usual
    ({'data.source': 'moons'}, {'loss': 'cross_entropy'}, {'data.noise': 0.2})
    """
    usual = _defaults(settings)
    found: dict[str, dict[str, Any]] = {"own": {}, "automatic": {}, "usual": {}}
    for key, value in settings.items():
        default = usual.get(key, usual.get(key.rpartition(".")[0], NO_DEFAULT))  # loss.name: that of loss
        if key == "data.source":
            kind = "own"
        elif default == value and key in usual:
            kind = "usual"
        else:
            kind = "automatic" if default == "auto" else "own"
        found[kind][key] = value
    return Origins(**found)


def _defaults(settings: Settings) -> Settings:
    """The settings of a config that says no more than it must: which data."""
    source = settings["data.source"]
    required = {
        field.name: settings[f"data.{field.name}"]
        for field in dataclasses.fields(SOURCES[source])
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    config, _ = configure({"data": {"source": source, **required}})
    return settings_of(config) if config is not None else {}
