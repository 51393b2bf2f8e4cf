"""Populations: runs that train together as one stacked computation, no larger than pays."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from nnlab.data.prepare import count
from nnlab.nn.stacking import numbers
from nnlab.plan.runs import Run
from nnlab.plan.setting import Setting, members_of, network_of

TASKS_A_WORKER = 4  # so that the last ones end at about the same time
SMALLEST_SHARED = 8  # runs: smaller stacks waste what stacking gains
DATA_BYTES = 128 << 20  # what the rows of a population may fill, if they are of several data sets
POPULATION_BYTES = 8 << 20  # what a population's buffers may fill


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
