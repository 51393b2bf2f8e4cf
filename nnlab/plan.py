"""From a config to runs with ids and seeds, and from runs to populations that train together."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Literal

from nnlab.config import axes
from nnlab.config.load import ConfigFile, configure
from nnlab.config.override import override, split_key
from nnlab.config.schema import Config, Settings, regularizer, watchers
from nnlab.data.material import Material, load
from nnlab.data.prepare import Preparation, count
from nnlab.data.table_cache import TableCache
from nnlab.errors import InputError, Path, SettingError, dotted
from nnlab.memory import available_memory, size
from nnlab.metrics import measures
from nnlab.nn.ensemble import Ensemble
from nnlab.nn.losses import LOSSES, Loss, Poisson
from nnlab.nn.mlp import Network
from nnlab.nn.outputs import OUTPUTS, Output
from nnlab.nn.regularizer import Facts
from nnlab.nn.stacking import numbers
from nnlab.nn.stopping import EarlyStopping
from nnlab.registry import write

RESULTS_VERSION = 3  # raised when the same settings give other numbers than before
USUAL_BATCH = 32  # what `batch_size: auto` takes where there are so many rows
LOOKS_A_PATIENCE = 5  # how often early stopping looks, at least, before it stops
CURVE_ROWS = 100  # what `evaluate_every: auto` aims for
TASKS_A_WORKER = 4  # so that the last ones end at about the same time
SMALLEST_SHARED = 8  # runs: smaller stacks waste what stacking gains
WIDTHS = ("features", "informative", "irrelevant")  # options of generators that decide how wide a row is
DATA_BYTES = 128 << 20  # what the rows of a population may fill, if they are of several data sets
POPULATION_BYTES = 8 << 20  # what a population's buffers may fill


@dataclass(frozen=True)
class Setting:
    """One combination of settings; a sweep trains it once for each seed.

    Args:
        strategy: the strategy or grid point it belongs to, as tables name it.
        config: the config with the combination put in, and all `auto` resolved.
        material: the data it trains on.
    """

    strategy: str
    config: Config
    material: Material


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
    (run,) = _runs(setting, [file.config.seed])
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
        for run in _crossed(setting, seeds, data_seeds):
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
    material = materials.of(config)
    refuse_too_many_rows(config, material)
    setting = Setting(config.name, resolve(config, material), material)
    refuse_too_large(setting)
    return setting


def refuse_too_much_data(config: Config) -> None:
    """A generator that would draw more than fits; by arithmetic, before it is asked.

    Raises:
        SettingError: with the number and the limit.
    """
    source = config.data.source
    options = {name: getattr(source, name, 0) for name in ("samples", "classes", *WIDTHS)}
    sizes = {name: value if isinstance(value, int) else 0 for name, value in options.items()}
    columns = max(1, sum(sizes[name] for name in WIDTHS))
    needed = 8 * columns * max(sizes["samples"], sizes["classes"])  # drawing needs several such tables
    if needed > (free := available_memory()):
        largest = max(sizes, key=sizes.__getitem__)
        raise SettingError(
            ("data", largest),
            f"data.{largest}: {sizes[largest]:,} came, {size(needed)} for the rows, "
            f"expected less than the {size(free)} that are free",
        )


def refuse_too_many_rows(config: Config, material: Material) -> None:
    """Copies of the training rows that would not fit; by arithmetic, before they are made.

    Raises:
        SettingError: with the number and the limit.
    """
    preparation = config.data.preparation
    rows = count(material, preparation).train
    needed = 8 * rows * (material.feature_count + max(1, material.outputs))
    if preparation.copies > 1 and needed > (free := available_memory()):
        raise SettingError(
            ("data", "copies"),
            f"data.copies: {preparation.copies:,} came, which makes {rows:,} training rows, {size(needed)}; "
            f"expected less than the {size(free)} that are free",
        )


def refuse_too_large(setting: Setting) -> None:
    """A network whose training would not fit into memory; by arithmetic, before it is allocated.

    Raises:
        SettingError: with the number and the limit.
    """
    needed, members = population_bytes(setting), members_of(setting.config)
    if needed > (free := available_memory()) >= needed / members:
        raise SettingError(
            ("regularization", Ensemble.name),
            f"regularization.{Ensemble.name}: {members:,} members came, {size(needed)} to train all of them, "
            f"expected less than the {size(free)} that are free",
        )
    if needed > free:
        parameters = network_of(setting).parameters
        raise SettingError(
            ("model", "hidden"),
            f"model.hidden: {parameters:,} parameters came, {size(needed)} to train one network, "
            f"expected less than the {size(free)} that are free",
        )


def resolve(config: Config, material: Material) -> Config:
    """The config with every `auto` that depends on the data made definite.

    Raises:
        SettingError: settings that do not go with the data.
    """
    loss, output = _loss_and_output(config, material)
    data = replace(config.data, preparation=_target_standardized(config, material, loss))
    _check_watched_metric(config, material)
    _check_target(config, material)
    training = replace(config.training, batch_size=_batch_size(config, material))
    if training.evaluate_every == "auto":
        training = replace(training, evaluate_every=_usual_evaluation(config))
    _refuse_regularizers(config, material, training.batch_size)
    model = replace(config.model, output=output)
    return replace(config, data=data, loss=loss, model=model, training=training)


def _refuse_regularizers(
    config: Config, material: Material, batch_size: int | Literal["full", "auto"]
) -> None:
    rows = count(material, config.data.preparation).train
    facts = Facts(
        task=material.task,
        hidden=config.model.hidden,
        rows=rows,
        batch=batch_size if isinstance(batch_size, int) else rows,
        epochs=config.training.epochs,
        company=tuple(entry.name for entry in config.active),
    )
    for entry in config.active:
        if (reason := entry.refusal(facts)) is not None:
            path = ("regularization", entry.name)
            raise SettingError(path, f"{dotted(path)}: {reason}")


def _loss_and_output(config: Config, material: Material) -> tuple[Loss, Output]:
    """What was asked for, or what is usual for the task: the first in its table that fits."""
    loss, output, task = config.loss, config.model.output, material.task
    if output is not None and task not in output.tasks:
        fits = " or ".join(name for name, cls in OUTPUTS.items() if task in cls.tasks)
        raise SettingError(
            ("model", "output"), f"model.output: {output.name} is not for {task}, expected {fits}"
        )
    if loss is None:
        loss = next(
            cls()
            for cls in LOSSES.values()
            if task in cls.tasks and (not output or output.name in cls.outputs)
        )
    if task not in loss.tasks:
        fits = " or ".join(name for name, cls in LOSSES.items() if task in cls.tasks)
        raise SettingError(("loss",), f"loss: {loss.name} is not for {task}, expected {fits}")
    if output is None:
        output = next(OUTPUTS[name]() for name in loss.outputs if task in OUTPUTS[name].tasks)
    if isinstance(loss, Poisson):
        _check_counts(material)
    return loss, output


def _target_standardized(config: Config, material: Material, loss: Loss) -> Preparation:
    """Whether the target of a regression is standardized, made definite."""
    preparation, counts = config.data.preparation, isinstance(loss, Poisson)
    if counts and preparation.standardize_target is True:
        raise SettingError(
            ("data", "standardize_target"),
            "data.standardize_target: true came with loss poisson, whose counts stay as they are; "
            "expected auto",
        )
    wanted = preparation.standardize_target is not False
    return replace(preparation, standardize_target=wanted and material.task == "regression" and not counts)


def _check_counts(material: Material) -> None:
    tables = [table for table in (material.main, material.validation, material.test) if table is not None]
    least = min((float(table.target.min()) for table in tables), default=None)
    if least is None:
        came = f"poisson came with data.source {material.source.name}, whose targets may be below 0"
    elif least < 0:
        came = f"poisson came with a target of {least:g}"
    else:
        return
    raise SettingError(("loss",), f"loss: {came}, expected counts of 0 or more")


def _usual_evaluation(config: Config) -> int:
    """About 100 rows of curves; where a metric is watched, often enough for patience to mean something."""
    every = max(1, round(config.training.epochs / CURVE_ROWS))
    patience = [
        watcher.patience // LOOKS_A_PATIENCE
        for _, watcher in watchers(config)
        if not isinstance(watcher, EarlyStopping) or watcher.rule == "patience"
    ]
    return max(1, min([every, *patience]))


def _check_watched_metric(config: Config, material: Material) -> None:
    names = [measure.name for measure in measures(material.task)]
    for path, watcher in watchers(config):
        if watcher.metric.partition("_")[2] not in names:
            raise SettingError(
                (*path, "metric"),
                f"{dotted((*path, 'metric'))}: {watcher.metric} came for {material.task}, "
                f"expected val_{' or val_'.join(names)}",
            )


def _check_target(config: Config, material: Material) -> None:
    target = config.report.target
    if target is not None and target > 1 and material.task == "classification":
        raise SettingError(
            ("report", "target"),
            f"report.target: {target:g} came for classification, expected a share of wrong answers, 0 to 1",
        )


def _batch_size(config: Config, material: Material) -> int | Literal["full"]:
    size = config.training.batch_size
    rows = count(material, config.data.preparation).train
    if size == "full":
        return size
    if size == "auto":
        return min(USUAL_BATCH, rows)
    if size <= rows:
        return size
    raise SettingError(
        ("training", "batch_size"),
        f"training.batch_size: {size} came for {rows} training rows, expected at most {rows}, or full",
    )


def network_of(setting: Setting) -> Network:
    """The network that a setting trains."""
    config, material = setting.config, setting.material
    assert config.model.output is not None and config.loss is not None  # resolved  # noqa: PT018
    outputs = material.outputs
    if material.task == "classification":
        outputs = config.model.output.units(len(material.class_names))
    sizes = (material.feature_count, *config.model.hidden, outputs)
    return Network(
        sizes,
        config.model.activations,
        config.model.output,
        config.loss,
        config.model.dtype,
        normalized=any(entry.normalizes for entry in config.regularization),
    )


def members_of(config: Config) -> int:
    """How many networks a run trains."""
    ensemble = regularizer(config, Ensemble.name)
    return ensemble.members if isinstance(ensemble, Ensemble) else 1


# --- ids --------------------------------------------------------------------------------------


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


def _runs(setting: Setting, seeds: Sequence[int]) -> Iterator[Run]:
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


def _crossed(setting: Setting, seeds: Sequence[int], data_seeds: Sequence[int]) -> Iterator[Run]:
    """The runs of a setting with every seed, for every data seed in turn if there are any."""
    if not data_seeds:
        yield from _runs(setting, seeds)
    config, data = setting.config, setting.config.data
    for data_seed in data_seeds:
        own = replace(data, preparation=replace(data.preparation, seed=data_seed))
        yield from _runs(replace(setting, config=replace(config, data=own)), seeds)


# --- populations ------------------------------------------------------------------------------


def populations(
    runs: Sequence[Run], workers: int = 1, together: Sequence[Sequence[str]] = ()
) -> list[tuple[Run, ...]]:
    """Runs that can train as one stacked computation, together.

    Stacks are no larger than pays, small enough that all workers get some, and those of large data sets hold
    runs of few of them; how runs are stacked changes no bit of them.

    Args:
        runs: what is to be trained.
        workers: how many stacks will be trained at a time.
        together: ids of runs that began together and have a checkpoint.
    """
    by_id = {run.id: run for run in runs}
    stacks: list[tuple[Run, ...]] = []
    for ids in together:  # two checkpoints may share a run: the first one has it
        if all(run in by_id for run in ids):
            stacks.append(tuple(by_id.pop(run) for run in ids))
    groups: dict[Any, list[Run]] = {}
    group_of: dict[int, list[Run]] = {}  # by setting, since comparing shapes takes time
    for run in by_id.values():
        key = id(run.setting)
        if key not in group_of:
            group_of[key] = groups.setdefault(_shape(run), [])
        group_of[key].append(run)
    fair = sum(len(group) * cost(group[0]) for group in groups.values()) / (workers * TASKS_A_WORKER)
    for group in groups.values():
        most = max(1, POPULATION_BYTES // population_bytes(group[0].setting))
        if workers > 1:
            most = min(most, max(SMALLEST_SHARED, int(fair / cost(group[0]))))
        for part in _by_data(group):
            size = -(-len(part) // -(-len(part) // most))  # as equal as can be
            stacks += [tuple(part[i : i + size]) for i in range(0, len(part), size)]
    return stacks


def _by_data(group: Sequence[Run]) -> list[Sequence[Run]]:
    """Runs that may share a stack, apart where all their rows in one process would take too much memory."""
    if len(group) * data_bytes(group[0]) <= DATA_BYTES:
        return [group]
    sets: dict[Any, list[Run]] = {}
    for run in group:
        sets.setdefault((run.config.data, run.data_seed), []).append(run)
    most = max(1, DATA_BYTES // data_bytes(group[0]))
    chosen = list(sets.values())
    return [list(chain(*chosen[i : i + most])) for i in range(0, len(chosen), most)]


def _shape(run: Run) -> Any:
    """What the runs of a population must share; everything else may differ from run to run."""
    config, material = run.config, run.setting.material
    return (
        config.model,
        config.loss,
        config.training,
        _kind(config.optimizer),
        _kind(config.schedule),
        tuple(map(_kind, config.active)),
        material.task,
        network_of(run.setting).sizes,
        count(material, config.data.preparation),
    )


def _kind(entry: Any) -> Any:
    fixed = {name: value for name, value in vars(entry).items() if name not in numbers(entry)}
    return type(entry), tuple(fixed.items())


def data_bytes(run: Run) -> int:
    """The rows of a run in memory, as a network reads them."""
    rows = count(run.setting.material, run.config.data.preparation)
    item = 4 if run.config.model.dtype == "float32" else 8
    return item * (rows.train + rows.validation + rows.test) * (run.setting.material.feature_count + 1)


def population_bytes(setting: Setting) -> int:
    """The buffers that one run adds to its population.

    Parameters, their gradients and the optimizer's state, and what a batch leaves in every layer.
    """
    network = network_of(setting)
    batch_size = setting.config.training.batch_size
    rows = count(setting.material, setting.config.data.preparation).train
    batch = batch_size if isinstance(batch_size, int) else rows
    item = 4 if network.dtype == "float32" else 8
    return members_of(setting.config) * item * (6 * network.width + 4 * batch * sum(network.sizes))


def cost(run: Run) -> float:
    """About how many seconds a run takes in a large population, on one core of 2024.

    A step costs a call, the arithmetic of three matrix products, and passes over the parameters.
    Good for ordering and sharing work; `bill.py` measures.
    """
    training, parameters = run.config.training, network_of(run.setting).parameters
    rows = count(run.setting.material, run.config.data.preparation).train
    batch = training.batch_size if isinstance(training.batch_size, int) else rows
    step = 1e-6 + 6 * batch * parameters / 80e9 + 1.8e-9 * parameters
    every = training.epochs if training.evaluate_every == "last" else int(training.evaluate_every)
    evaluation = 2 * rows * parameters / 40e9 + 30e-6
    steps = training.epochs * (-(-rows // batch) * step + evaluation / max(every, 1))
    return 1e-3 + members_of(run.config) * steps
