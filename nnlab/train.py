"""Train a population: runs of one shape, stacked along axis 0, from first weights to results.

A run's numbers never depend on its company. Runs that stop early or diverge leave the stack and the
others go on.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from nnlab.arrays import Array, Indices
from nnlab.batches import Batches, draw_bags
from nnlab.checkpoint import Keeper, Snapshot
from nnlab.config.schema import Config
from nnlab.data.features import Features
from nnlab.data.prepare import Preparation, Prepared
from nnlab.data.recent import recall
from nnlab.evaluation import Evaluator, Rows, Unit, UnitShares, rows_of
from nnlab.metrics import SPLITS, higher_is_better
from nnlab.nn.crew import ALONE, Crew
from nnlab.nn.learner import Learner
from nnlab.nn.regularizer import Regularizer
from nnlab.nn.sampling import Sampling
from nnlab.nn.stacking import stack, take
from nnlab.nn.stopping import EarlyStopping
from nnlab.plan import Run, members_of, network_of
from nnlab.records import Records
from nnlab.result import (
    Result,
    Status,
    by_name,
    feature_weights,
    from_parts,
    to_parts,
    top_feature_share,
    with_gap,
)
from nnlab.signs import signs
from nnlab.streams import stream

KEPT = ("seconds", "first_loss", "best_value", "best_epoch")  # state in arrays, (runs, ...)
DIVERGED = 1000.0  # times the loss before the first step: no training comes back from there


@dataclass(frozen=True)
class Progress:
    """How far a population is: told after every recorded epoch.

    Args:
        running: runs still in training.
        losses: mean over them, by curve column.
    """

    epoch: int
    epochs: int
    running: int
    losses: dict[str, float]


Watch = Callable[[Progress], None]


def train(
    runs: Sequence[Run], watch: Watch | None = None, keeper: Keeper | None = None, threads: int = 1
) -> list[Result]:
    """Train runs of one shape together.

    Args:
        runs: as grouped by `plan.populations`.
        watch: called after every recorded epoch.
        keeper: keeps checkpoints; a population that has one goes on from it, with the same bits.
        threads: that share wide layers out; no bit depends on their number.

    Returns:
        One result for each run, in their order.
    """
    # More BLAS threads would change bits; and a run may diverge, which is its own affair.
    quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")
    with threadpool_limits(1, "blas"), quiet, closing(Crew(threads)) as crew:
        snapshot = keeper.load([run.id for run in runs]) if keeper else None
        population = Population.resume(runs, snapshot, crew) if snapshot else Population(runs, crew)
        results = population.train(watch or (lambda _: None), keeper)
    return [results[run.id] for run in runs]


class Population:
    """The state of a population in training; every array has one row for each run still in it.

    The learner has one for each member of each run: a run that is no ensemble is an ensemble of one.
    """

    def __init__(self, runs: Sequence[Run], crew: Crew = ALONE) -> None:
        first = runs[0].setting
        self._crew = crew
        self.runs = list(runs)
        self.config = first.config
        self.network = network_of(first)
        self.task = first.material.task
        self.members = members_of(first.config)
        self.began_with = tuple(run.id for run in runs)
        self.results: dict[str, Result] = {}
        self.epoch = 0
        self._load_data()
        self._start_training()

    def _load_data(self) -> None:
        keys = [(run.config.data, run.data_seed) for run in self.runs]
        sets: dict[Any, Prepared] = {}
        for key, run in zip(keys, self.runs, strict=True):
            if key not in sets:
                sets[key] = recall(run.setting.material, _shared_rows(run), run.data_seed)
        order = {key: i for i, key in enumerate(sets)}
        self.owner: Indices = np.array([order[key] for key in keys], dtype=np.intp)
        self.rows = {
            split: Rows.of(self.network, [_part(data, split) for data in sets.values()], self.task)
            for split in SPLITS
        }
        self.unit = Unit.of(list(sets.values()))
        self.evaluators = {
            split: Evaluator(
                self.network,
                rows,
                self.owner,
                self.task,
                self.members,
                self._sampling(),
                self.unit,
                self._crew,
            )
            for split, rows in self.rows.items()
        }
        self.train_rows = len(self.rows["train"])
        weights = [
            own
            for targets in self.rows["train"].targets
            if (own := self.network.loss.row_weights(targets)) is not None
        ]
        self.row_weights = np.concatenate(weights).astype(self.network.dtype) if weights else None

    def _start_training(self) -> None:
        config, count = self.config, len(self.runs)
        params = np.empty((count * self.members, self.network.width), self.network.dtype)
        each = [run for run in self.runs for _ in range(self.members)]
        for row, run, rng in zip(params, each, self._streams("weights"), strict=True):
            row[:] = self.network.first_parameters(run.config.model.initializer, rng)
        size = config.training.batch_size
        self.batch = size if isinstance(size, int) else self.train_rows
        self.learner = Learner(
            self.network,
            params,
            stack([run.config.optimizer for run in each]),
            _stack_regularizers(each),
            self._streams,
            self.train_rows,
            self.batch,
            config.training.epochs,
            stack([run.config.schedule for run in each]),
            self.row_weights is not None,
            self._crew,
        )
        owner, bags = np.repeat(self.owner, self.members), self._draw_bags()
        self.batches = Batches(self._member_seeds(), owner, self.train_rows, self.batch, bags)
        stopping = (e for e in _stack_regularizers(self.runs) if isinstance(e, EarlyStopping))
        self.stopping = next(stopping, None)
        self.x = self.rows["train"].flat
        self.targets = self.rows["train"].targets.reshape(-1, self.network.sizes[-1])
        self.seconds = np.zeros(count)
        self.records = Records()
        self.first_loss = np.full(count, np.inf)
        self.best_value = np.full(count, np.inf)  # of what early stopping watches, turned so that low is good
        self.best_epoch = np.zeros(count, dtype=np.intp)
        self.best_params = self.learner.predicting().buffer.copy() if self.stopping else None
        self.unit_shares: dict[str, Array] | None = None  # of the networks that the last epoch leaves

    def _streams(self, purpose: str) -> list[np.random.Generator]:
        """Generators for each member of each run."""
        return [stream(seed, purpose, member) for seed, member in self._member_seeds()]

    def _member_seeds(self) -> list[tuple[int, int]]:
        """Seed and number of each member of each run."""
        return [(run.seed, member) for run in self.runs for member in range(self.members)]

    def _draw_bags(self) -> Indices | None:
        if not _is_bagged(self.config):
            return None
        keys = [(run.data_seed, member) for run in self.runs for member in range(self.members)]
        return draw_bags(keys, self.train_rows)

    def _sampling(self) -> Sampling | None:
        each = [run for run in self.runs for _ in range(self.members)]
        found = (entry.sampling([run.seed for run in each]) for entry in _stack_regularizers(each))
        return next((sampling for sampling in found if sampling is not None), None)

    # --- the loop -----------------------------------------------------------------------------

    def train(self, watch: Watch, keeper: Keeper | None = None) -> dict[str, Result]:
        """Train until every run has ended; returns results by run id."""
        clock = time.perf_counter()
        epochs = self.config.training.epochs
        if self.epoch == 0:
            self._record()
            self._let_leave()
        while self.runs and self.epoch < epochs:
            self.epoch += 1
            self._train_epoch()
            if self._is_recorded(self.epoch):
                self._record()
                watch(self._progress())
            clock = self._share_time(clock)
            self._let_leave()
            if keeper is not None and self.runs and keeper.is_due():
                keeper.save(self.snapshot())
        self._finish(np.arange(len(self.runs)), "completed")
        return self.results

    def _is_recorded(self, epoch: int) -> bool:
        every = self.config.training.evaluate_every
        return epoch == self.config.training.epochs or (every != "last" and epoch % int(every) == 0)

    def _train_epoch(self) -> None:
        """One pass over the training rows of every run, each in its own order."""
        self.learner.begin(self.epoch)
        steps = list(self.batches.epoch())
        for i, indices in enumerate(steps):
            self._step(indices, len(steps) - i)
        self.learner.end_epoch(self.epoch)

    def _step(self, indices: Indices, steps_left: int) -> None:
        space = self.learner.spaces[indices.shape[1]]
        self.x.take(indices, axis=0, out=space.x, mode="clip")
        self.targets.take(indices, axis=0, out=space.targets, mode="clip")
        if self.row_weights is not None:
            self.row_weights.take(indices, out=space.row_weights, mode="clip")
        self.learner.step(space, steps_left)

    def probe(self, seconds: float) -> float:
        """How long this population will train, in seconds, from the first steps; spoils its state."""
        clock = time.perf_counter()
        self._record()
        recorded = time.perf_counter()
        steps = list(self.batches.epoch())
        done = 0
        for indices in steps:
            self._step(indices, len(steps) - done)
            done += 1
            if time.perf_counter() - recorded > seconds:
                break
        step = (time.perf_counter() - recorded) / done
        epochs = self.config.training.epochs
        records = 1 + sum(map(self._is_recorded, range(1, epochs + 1)))
        return epochs * len(steps) * step + records * (recorded - clock)

    # --- what is measured -----------------------------------------------------------------------

    def _record(self) -> None:
        """Add a row to the curves of every run, and note the best epoch."""
        columns: dict[str, Array] = {}
        shown = self.learner.predicting()
        shares = UnitShares(self.network, len(shown.buffer), self.members) if self._is_final() else None
        for split in ("train", "val"):
            evaluator = self.evaluators[split]
            measured = evaluator.measure(shown.layers, shares if split == "train" else None)
            columns |= {f"{split}_{name}": values for name, values in measured.items()}
        self.unit_shares = shares.told() if shares else None
        columns["penalty"] = self._mean_of_members(self.learner.penalty())
        columns["weight_norm"] = self._mean_of_members(_norm(shown.weights))
        at_start, gradient = self.epoch == 0, self.learner.weight_grads
        for name, i in (("first_gradient_norm", 0), ("last_gradient_norm", -1)):
            norms = self._mean_of_members(_norm([gradient[i]]))
            columns[name] = np.full(len(self.runs), np.nan) if at_start else norms
        self.records.add(self.epoch, columns)
        if at_start:
            self.first_loss = columns["train_loss"]
        else:
            self._note_best(columns, shown.buffer)
            self.learner.see(
                self.epoch, {name: values.repeat(self.members) for name, values in columns.items()}
            )

    def _is_final(self) -> bool:
        """Whether the networks as they are now will be those of the results, seen in single passes."""
        is_last = self.epoch == self.config.training.epochs
        return is_last and self.best_params is None and self.evaluators["train"].sampling is None

    def _mean_of_members(self, values: Array) -> Array:
        return np.asarray(values.reshape(-1, self.members).mean(axis=1))

    def _note_best(self, columns: dict[str, Array], params: Array) -> None:
        stopping = self.stopping
        metric = stopping.metric if stopping else "val_loss" if "val_loss" in columns else "train_loss"
        values = -columns[metric] if higher_is_better(metric) else columns[metric]
        least = np.ravel(stopping.min_delta) if stopping else 0.0
        # A metric that is not defined on these rows never gets better: the last epoch stands in.
        better = (values < self.best_value - least) | ~np.isfinite(self.best_value)
        self.best_value[better] = values[better]
        self.best_epoch[better] = self.epoch
        if self.best_params is not None:
            members = np.repeat(better, self.members)
            self.best_params[members] = params[members]

    def _progress(self) -> Progress:
        latest = self.records.latest().items()
        means = {name: float(np.mean(values)) for name, values in latest if name.endswith("_loss")}
        return Progress(self.epoch, self.config.training.epochs, len(self.runs), means)

    def _share_time(self, since: float) -> float:
        now = time.perf_counter()
        self.seconds += (now - since) / len(self.runs)
        return now

    # --- leaving --------------------------------------------------------------------------------

    def _let_leave(self) -> None:
        """Ends the runs that diverged, and those whose patience is over."""
        if not self._is_recorded(self.epoch):
            return
        loss = self.records.latest()["train_loss"]
        whole = np.isfinite(self.learner.params).all(axis=1).reshape(-1, self.members).all(axis=1)
        finite = np.isfinite(loss) & whole
        diverged = ~finite | (loss > DIVERGED * np.maximum(self.first_loss, np.finfo(np.float64).tiny))
        waited = np.zeros(len(self.runs), bool)
        if self.stopping is not None and 0 < self.epoch < self.config.training.epochs:
            watched = self.records.column(self.stopping.metric)[:, 1:]  # without the untrained networks
            waited = self.stopping.is_over(self.epoch, self.best_epoch, watched)
        self._finish(np.flatnonzero(diverged), "diverged")
        self._finish(np.flatnonzero(waited & ~diverged), "completed")
        staying = np.flatnonzero(~(diverged | waited))
        if len(staying) < len(self.runs):
            self._keep(staying)

    def _keep(self, staying: Indices) -> None:
        """Shrinks the stack to these runs."""
        for name in ("owner", "seconds", "first_loss", "best_value", "best_epoch"):
            setattr(self, name, getattr(self, name)[staying])
        members = rows_of(staying, self.members)
        if self.best_params is not None:
            self.best_params = self.best_params[members]
        if self.stopping is not None:
            self.stopping = take(self.stopping, staying)
        if self.unit_shares is not None:
            self.unit_shares = {name: values[staying] for name, values in self.unit_shares.items()}
        self.learner.keep(members)
        self.batches, self.records = self.batches.take(members), self.records.take(staying)
        self.evaluators = {split: evaluator.take(staying) for split, evaluator in self.evaluators.items()}
        self.runs = [self.runs[i] for i in staying]

    def _finish(self, leaving: Indices, status: Status) -> None:
        """Writes the results of runs that have ended; test rows are met here, and only here."""
        if len(leaving) == 0:
            return
        restored = self.best_params is not None
        params = self.learner.predicting().buffer if self.best_params is None else self.best_params
        layers = self.network.layers(params[rows_of(leaving, self.members)])
        evaluator = self.evaluators["test"].take(leaving)
        tests = evaluator.measure(layers)
        kept = status == "completed" and any(self.runs[i].shares_test_rows for i in leaving)
        nothing = np.empty((len(leaving), 0, self.network.sizes[-1]), self.network.dtype)
        predictions = evaluator.predict(layers) if kept else nothing
        if self.unit_shares is None:
            units = self.evaluators["train"].take(leaving).unit_shares(layers)
        else:
            units = {name: values[leaving] for name, values in self.unit_shares.items()}
        curves = self.records.of_runs(leaving)
        for i, (member, curve) in enumerate(zip(leaving, curves, strict=True)):
            run = self.runs[member]
            best = int(self.best_epoch[member]) if self.epoch else 0
            own = [layer[i * self.members : (i + 1) * self.members] for layer in layers]
            norms = feature_weights(own[0])
            metrics = {}
            if status == "completed":
                rows = np.count_nonzero(curve["epoch"] <= best) if restored else None
                told = {name: column[:rows] for name, column in curve.items()}
                metrics = {name: float(column[-1]) for name, column in told.items() if name != "epoch"}
                metrics |= {f"test_{name}": float(values[i]) for name, values in tests.items()}
                metrics["top_feature_share"] = top_feature_share(norms)
                metrics |= {name: float(values[i]) for name, values in units.items()}
                metrics |= signs(told, self.network)
                metrics |= {f"{split}_rows": float(len(rows)) for split, rows in self.rows.items()}
                metrics["test_share"] = len(self.rows["test"]) / run.setting.material.rows
            self.results[run.id] = Result(
                run=run.id,
                status=status,
                epochs=self.epoch,
                best_epoch=best if status == "completed" else None,
                seconds=float(self.seconds[member]),
                parameters=self.network.parameters * self.members,
                metrics=with_gap(metrics),
                curves=curve,
                weights=by_name(self._in_own_unit(own, member)) if status == "completed" else {},
                feature_weights=norms,
                predictions=predictions[i] if metrics and run.shares_test_rows else predictions[i, :0],
            )

    def _in_own_unit(self, layers: list[Array], member: int) -> list[Array]:
        """The layers of a run, the last one changed so that they predict in the target's own unit."""
        if self.task == "classification":
            return layers
        data = self.owner[member]
        last = layers[-1] * float(self.unit.std[data])
        last[:, -1] += self.unit.mean[data]
        return [*layers[:-1], last]

    # --- checkpoints ----------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Everything that cannot be computed anew from the runs, between two epochs; some still train."""
        arrays = self.learner.arrays() | {name: getattr(self, name) for name in KEPT}
        if self.best_params is not None:
            arrays["best_params"] = self.best_params
        arrays["curves"] = self.records.table()
        results = {}
        for result in self.results.values():
            parts, results[result.run] = to_parts(result)
            arrays |= {f"results/{result.run}/{name}": array for name, array in parts.items()}
        generators = self._generators()
        facts = {
            "epoch": self.epoch,
            "still_training": [run.id for run in self.runs],
            "columns": self.records.columns,
            "results": results,
            "generators": {
                name: [rng.bit_generator.state for rng in streams] for name, streams in generators.items()
            },
        }
        return Snapshot(self.began_with, arrays, facts)

    def _generators(self) -> dict[str, Sequence[np.random.Generator]]:
        """The random generators of each purpose, one for each network."""
        return {"batches": self.batches.generators, **self.learner.generators()}

    @classmethod
    def resume(cls, runs: Sequence[Run], snapshot: Snapshot, crew: Crew = ALONE) -> "Population":
        """The population as it was when the snapshot was taken."""
        arrays, facts = snapshot.arrays, snapshot.facts
        by_id = {run.id: run for run in runs}
        population = cls([by_id[run] for run in facts["still_training"]], crew)
        population.began_with = snapshot.runs
        population.epoch = facts["epoch"]
        for name in KEPT:
            getattr(population, name)[...] = arrays[name]
        for name, array in population.learner.arrays().items():
            array[...] = arrays[name]
        if population.best_params is not None:
            population.best_params[...] = arrays["best_params"]
        population.records = Records(facts["columns"], arrays["curves"])
        streams = population._generators()
        for name, states in facts["generators"].items():
            for rng, state in zip(streams[name], states, strict=True):
                rng.bit_generator.state = state
        for run, rest in facts["results"].items():
            prefix = f"results/{run}/"
            parts = {
                name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)
            }
            population.results[run] = from_parts(parts, rest)
        return population


def _stack_regularizers(runs: Sequence[Run]) -> list[Regularizer]:
    return [stack(entries) for entries in zip(*(run.config.active for run in runs), strict=True)]


def _is_bagged(config: Config) -> bool:
    return members_of(config) > 1 and config.data.preparation.resample == "bootstrap"


def _shared_rows(run: Run) -> Preparation:
    """How the rows are prepared that all members of a run share; each draws its own from them."""
    preparation = run.config.data.preparation
    return replace(preparation, resample="none") if _is_bagged(run.config) else preparation


def _part(data: Prepared, split: str) -> tuple[Features, Array]:
    """Features and target of a split, as a network learns them."""
    x, y = getattr(data, split), getattr(data, f"{split}_y")
    return x, (y - data.target_mean) / data.target_std if data.task == "regression" else y


def _norm(layers: Sequence[Array]) -> Array:
    """Euclidean norm over all layers, (runs,)."""
    squares = (np.square(layer, dtype=np.float64).sum(axis=1) for layer in layers)
    return np.asarray(np.sqrt(sum(squares)))
