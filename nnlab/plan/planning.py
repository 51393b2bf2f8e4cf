"""From a config to all runs of a command."""

from dataclasses import dataclass, replace
from typing import Any

from nnlab.config import axes
from nnlab.config.load import ConfigFile, configure
from nnlab.config.override import override, split_key
from nnlab.config.schema import Config, Settings
from nnlab.data.material import Material, load
from nnlab.data.table_cache import TableCache
from nnlab.errors import InputError, Path, SettingError, dotted
from nnlab.plan.limits import (
    refuse_too_large,
    refuse_too_large_numbers,
    refuse_too_many_rows,
    refuse_too_much_data,
)
from nnlab.plan.resolving import resolve
from nnlab.plan.runs import Run, crossed, runs_of
from nnlab.plan.setting import Setting


@dataclass(frozen=True)
class Plan:
    """All runs of a command.

    Args:
        runs: each once, in the order of the config.
        members: pairs of run id and strategy: a run may belong to several.
        is_sweep: whether a sweep asked for them, not a single training.
        tuned: whether they belong to named strategies, whose settings compete to stand for them.
        duplicates: how many more came up again, of the same settings and seed.
    """

    runs: tuple[Run, ...]
    members: tuple[tuple[str, str], ...]
    tuned: bool = False
    is_sweep: bool = False
    duplicates: int = 0


class Materials:
    """The data of a sweep, each source read once."""

    def __init__(self, file: ConfigFile, cache: TableCache | None = None) -> None:
        self._file, self._cache = file, cache
        self._known: dict[Any, Material] = {}

    def of(self, config: Config) -> Material:
        source = config.data.source
        if source not in self._known:
            self._known[source] = load(source, self._file.folder, self._cache)
        return self._known[source]


def plan_train(file: ConfigFile, materials: Materials | None = None) -> Plan:
    """The single run of a config."""
    setting = _setting(file, {}, materials or Materials(file), ())
    (run,) = runs_of(setting, [file.config.seed])
    return Plan((run,), ((run.id, setting.strategy),))


def plan_sweep(file: ConfigFile, max_runs: int = 100_000, materials: Materials | None = None) -> Plan:
    """All runs of a config's sweep: every combination with every seed, and with every data seed if asked for.

    Args:
        file: the config.
        max_runs: more are refused, before anything is expanded.
        materials: its data, as far as it was read before.

    Raises:
        InputError: there are too many runs, or a combination cannot work; found before anything is trained.
    """
    _refuse_ignored_overrides(file)
    seeds, data_seeds = file.config.sweep.seeds, file.config.sweep.data_seeds
    asked = axes.count(file.config.sweep) * _how_many(seeds) * _how_many(data_seeds)
    if asked > max_runs:
        where = file.document.locate(("sweep",))
        raise InputError(f"{where}: {asked:,} runs came, expected at most {max_runs:,} (--max-runs)")
    seeds, data_seeds = _listed(seeds, file.config.seed), _listed(data_seeds, file.config.seed)
    materials = materials or Materials(file)
    runs: dict[str, Run] = {}
    members: dict[tuple[str, str], None] = {}
    total = 0
    for strategy, combination, path in axes.combinations(file.config):
        setting = replace(_setting(file, combination, materials, path), strategy=strategy)
        for run in crossed(setting, seeds, data_seeds):
            total += 1
            runs.setdefault(run.id, run)
            members[run.id, strategy] = None
    if not runs:
        where = file.document.locate(("sweep", "exclude"))
        raise InputError(f"{where}: sweep.exclude: it leaves no combination, expected at least one")
    tuned = bool(file.config.sweep.strategies)
    return Plan(tuple(runs.values()), tuple(members), tuned, True, total - len(runs))


def _how_many(seeds: int | tuple[int, ...] | None) -> int:
    if seeds is None:
        return 1
    return seeds if isinstance(seeds, int) else len(seeds)


def _listed(seeds: int | tuple[int, ...] | None, first: int) -> tuple[int, ...]:
    return tuple(range(first, first + seeds)) if isinstance(seeds, int) else seeds or ()


def _refuse_ignored_overrides(file: ConfigFile) -> None:
    sweep = file.config.sweep
    for key in (*sweep.grid, *sweep.zip):
        if (origin := file.origins.get(split_key(key))) is not None:
            raise InputError(f"{origin}: the sweep varies {key}, expected --grid '{key}=[...]' instead")


def _setting(file: ConfigFile, combination: Settings, materials: Materials, path: Path) -> Setting:
    raw = file.raw
    for key, value in combination.items():
        raw = override(raw, key, value)
    config, problems = configure(raw, file.config.name)
    if config is None or problems:
        lines = [f"{file.document.locate(path)}: {dotted(path)}: {problem.message}" for problem in problems]
        raise InputError(*lines)
    try:
        return setting_of(config, materials)
    except SettingError as error:
        if (key := dotted(error.path)) in combination:
            where = file.document.locate((*path, key))
            raise InputError(f"{where}: {dotted((*path, key))}: {error.message}") from None
        raise file.at_fault(error) from None


def setting_of(config: Config, materials: Materials) -> Setting:
    """A config with its data, all `auto` resolved.

    Raises:
        SettingError: it cannot work with the data, or is too large.
    """
    refuse_too_much_data(config)
    refuse_too_large_numbers(config)
    material = materials.of(config)
    refuse_too_many_rows(config, material)
    setting = Setting(config.name, resolve(config, material), material)
    refuse_too_large(setting)
    return setting
