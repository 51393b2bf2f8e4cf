"""Strategies from a file, fitted to a config: what `nnlab sweep --strategies` names.

A value may be relative to the config's own: `relative` says how.
A strategy that changes nothing or cannot work with this config is left out, and a note says why.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nnlab.config.axes import axes_of
from nnlab.config.load import ConfigFile, configure
from nnlab.config.override import Raw, override
from nnlab.config.schema import Config
from nnlab.config.source import Document, read
from nnlab.data.prepare import count
from nnlab.errors import InputError, SettingError
from nnlab.plan import Materials, setting_of, settings_of
from nnlab.registry import Problem, build, did_you_mean, show
from nnlab.strategies.relative import absolute

FOLDER = Path(__file__).parent
KEPT = ("seeds", "select")  # what a config's own sweep section says beside its strategies

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class StrategySet:
    """Named strategies, as a file holds them.

    Args:
        document: the file, for messages about it.
        baseline: the strategy that others are compared with.
        strategies: name -> settings; a value may be relative.
    """

    document: Document
    baseline: str
    strategies: Mapping[str, Settings]


def names() -> list[str]:
    """The sets that come with nnlab.

    >>> names()
    ['cabinet']
    """
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read_set(name: str) -> StrategySet:
    """The set of this name, or in this file.

    Raises:
        InputError: there is none, or the file is none.
    """
    known = name in names()
    if not known and not name.endswith((".yaml", ".yml")):
        hint = did_you_mean(name, names())
        raise InputError(f"--strategies {name}: expected {' or '.join(names())}, or a YAML file{hint}")
    document = read(FOLDER / f"{name}.yaml" if known else name)
    strategies, baseline = document.data.get("strategies"), document.data.get("baseline")
    for key in document.data:
        if key not in ("strategies", "baseline"):
            where = document.locate((key,), at_key=True)
            raise InputError(f"{where}: unknown key {show(key)}; known here: baseline, strategies")
    if not isinstance(strategies, dict) or not all(isinstance(own, dict) for own in strategies.values()):
        where = document.locate(("strategies",))
        raise InputError(f"{where}: strategies: expected named strategies, each a mapping of settings")
    if "baseline" not in document.data:
        where = document.locate(("strategies",), at_key=True)
        raise InputError(f"{where}: 'baseline' is missing, expected the name of one of the strategies")
    if not isinstance(baseline, str) or baseline not in strategies:
        hint = did_you_mean(baseline, strategies)
        where = document.locate(("baseline",))
        raise InputError(f"{where}: baseline: {show(baseline)} is not one of the strategies{hint}")
    return StrategySet(document, baseline, strategies)


def adopt(file: ConfigFile, chosen: StrategySet, materials: Materials) -> tuple[ConfigFile, list[str]]:
    """The config with these strategies as its sweep, and a note on each that was left out.

    Args:
        file: the config; of its own sweep section seeds and select stay.
        chosen: the strategies.
        materials: the data of the config.

    Raises:
        InputError: a setting that is none.
    """
    raw = {**file.raw, "sweep": {key: item for key, item in file.raw.get("sweep", {}).items() if key in KEPT}}
    fitted: dict[str, Settings] = {}
    notes: list[str] = []
    seen: dict[tuple[str, ...], str] = {}
    for name, settings in chosen.strategies.items():
        own = _fitted(file.config, name, settings, chosen.document)
        raws = list(_combined(raw, own))
        _refuse_unknown(raws, chosen.document, name)
        try:
            identity = tuple(_identity(one, file, materials) for one in raws)
        except SettingError as error:
            notes.append(f"{name} is left out: {error.message}")
            continue
        if identity in seen:
            notes.append(f"{name} is left out: here it is the same as {seen[identity]}")
            continue
        seen[identity] = name
        fitted[name] = own
    if chosen.baseline not in fitted:
        raise InputError(f"{file.document.name}: no strategy can be compared; {notes[0]}")
    raw["sweep"] = {**raw["sweep"], "strategies": fitted, "baseline": chosen.baseline}
    config, _ = configure(raw, file.config.name)
    assert config is not None  # every strategy has been tried
    return replace(file, raw=raw, config=config), notes


def _fitted(config: Config, name: str, settings: Settings, document: Document) -> Settings:
    """The settings of a strategy, with what is relative to the config made definite.

    Raises:
        InputError: it cannot be.
    """
    found = {}
    for key, value in settings.items():
        try:
            found[key] = absolute(config, key, value)
        except ValueError as error:
            where = document.locate(("strategies", name, key))
            raise InputError(f"{where}: {name}: {error}") from None
    return found


def _combined(raw: Raw, settings: Settings) -> Iterator[Raw]:
    """The config with each combination of a strategy's values put in."""
    axes = axes_of(settings)
    for values in itertools.product(*axes.values()):
        one = raw
        for key, value in zip(axes, values, strict=True):
            one = override(one, key, value)
        yield one


def _refuse_unknown(raws: Iterable[Raw], document: Document, name: str) -> None:
    """What would be wrong with any config is the file's fault, no reason to leave a strategy out."""
    problems: list[Problem] = []
    for raw in raws:
        build(Config, raw, (), problems)
    if problems:
        where = document.locate(("strategies", name))
        raise InputError(*dict.fromkeys(f"{where}: {name}: {problem.message}" for problem in problems))


def _identity(raw: Raw, file: ConfigFile, materials: Materials) -> str:
    """What tells a setting from others.

    Raises:
        SettingError: it cannot work with this config and its data.
    """
    config, problems = configure(raw, file.config.name)
    if config is None or problems:
        raise SettingError(problems[0].path, problems[0].message)
    setting = setting_of(config, materials)
    rows = count(setting.material, config.data.preparation).train  # all of them have many names
    return str(settings_of(setting.config) | {"data.train_size": rows})
