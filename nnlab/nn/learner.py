"""The learner: the networks of a population, and one step of training for all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from nnlab.arrays import Array, Indices
from nnlab.nn.crew import ALONE, Crew
from nnlab.nn.mlp import Network, Workspace
from nnlab.nn.optimizers import Optimizer, is_scratch
from nnlab.nn.regularizer import Active, Memory, Parameters, Regularizer, Step
from nnlab.nn.schedules import Constant, Schedule, Span
from nnlab.nn.stacking import take


class Learner:
    """Parameters, gradient and optimizer of all runs; every array has one row for each of them.

    Args:
        network: what the runs share.
        params: first parameters, (runs, parameters).
        optimizer: its numbers are columns.
        regularizers: the active ones, in the order of their table; their numbers are columns.
        streams: the generators for a purpose, one for each run.
        rows: m, the number of training rows.
        batch: rows in a step; the last step of an epoch may have fewer.
        epochs: how long it will train.
        schedule: of the learning rate; its numbers are columns.
        weighted: whether some rows count more than others.
        crew: who shares out the work on wide arrays.
    """

    def __init__(
        self,
        network: Network,
        params: Array,
        optimizer: Optimizer,
        regularizers: Sequence[Regularizer],
        streams: Callable[[str], Sequence[np.random.Generator]],
        rows: int,
        batch: int,
        epochs: int = 1,
        schedule: Schedule = Constant(),  # noqa: B008 - frozen
        weighted: bool = False,
        crew: Crew = ALONE,
    ) -> None:
        self.network, self.rows, self.batch, self.weighted = network, rows, batch, weighted
        self._crew = crew
        self.params = params
        self.grads = np.zeros_like(params)
        self.optimizer, self.schedule = optimizer, schedule
        self._decays = type(optimizer).decay is not Optimizer.decay
        self.span = Span(epochs, -(-rows // batch))
        self.taken = 0  # steps so far
        self.state = optimizer.init(params) | schedule.init(len(params))
        self.active = [Active(entry, self._memory(entry, streams)) for entry in regularizers]
        self._lay_out()

    def _memory(self, entry: Regularizer, streams: Callable[[str], Sequence[np.random.Generator]]) -> Memory:
        state = entry.state(self.network, self.params)
        if not entry.is_random:
            return Memory(state)
        return Memory(state, entry.draws(self.network, self.batch, streams(entry.name)))

    def _lay_out(self) -> None:
        """Views and buffers for the runs in the stack, made anew whenever some have left."""
        entries, count = [active.entry for active in self.active], len(self.params)
        noise = any(entry.masks_units for entry in entries), any(entry.shifts_units for entry in entries)
        sizes = {self.batch, self.rows % self.batch} - {0}
        self.spaces = {
            size: Workspace(self.network, count, size, *noise, self.weighted, self._crew) for size in sizes
        }
        params, grads, scratch = (
            Parameters.of(self.network, buffer) for buffer in (self.params, self.grads, self.state["scratch"])
        )
        rate = self.optimizer.learning_rate
        passing = params
        if any(entry.masks_weights for entry in entries):
            passing = Parameters.of(self.network, np.empty_like(self.params))
        space = self.spaces[self.batch]
        self._share_out()
        crew = self._crew if len(self._shares) > 1 else ALONE
        self._step = Step(params, grads, scratch, self.rows, rate, space, passing, crew=crew)
        self._set_learning_rate()
        for space in self.spaces.values():
            for entry in entries:
                if entry.normalizes:
                    space.normalizer = entry.normalizer(self.network, self.params, self.grads, space.batch)
        self._on_batch, self._on_gradient, self._after_step, self._after_epoch, self._predicting = (
            [active for active in self.active if active.overrides(hook)]
            for hook in ("on_batch", "on_gradient", "after_step", "after_epoch", "predicting")
        )

    @property
    def layers(self) -> list[Array]:
        """The layers in training, (runs, fan_in + 1, fan_out) each."""
        return self._step.params.layers

    @property
    def weight_grads(self) -> list[Array]:
        """The gradient of the weights in the last step."""
        return self._step.grads.weights

    def begin(self, epoch: int) -> None:
        """Before the first step of an epoch, counted from 1."""
        self.taken = (epoch - 1) * self.span.steps
        self._set_learning_rate()

    def _set_learning_rate(self) -> None:
        scale = self.schedule.scale(self.taken, self.span, self.state)
        self._rule = replace(self.optimizer, learning_rate=self.optimizer.learning_rate * scale)
        self._step.rate = self._rule.learning_rate

    def step(self, space: Workspace, left: int) -> None:
        """One step of every run, on the rows and targets that stand in `space`.

        Args:
            space: one of `spaces`.
            left: steps up to the end of the epoch, this one included.
        """
        if self.schedule.by_step:
            self._set_learning_rate()
        step = self._step
        step.space, step.left, step.masked = space, left, False
        for active in self._on_batch:
            active.entry.on_batch(step, active.memory)
        space.forward(step.passing.layers, space.masks, space.shifts)
        space.backward(step.passing.layers, step.grads.layers, space.masks)
        for active in self._on_gradient:
            active.entry.on_gradient(step, active.memory)
        if self._decays:
            self._rule.decay(step.params.layers, step.params.weights)
        if len(self._shares) == 1:
            self._rule.step(self.params, self.grads, self.state)
        else:
            self._optimize_shares()
        self.taken += 1
        for active in self._after_step:
            active.entry.after_step(step, active.memory)

    def _share_out(self) -> None:
        """The parameters in shares, each with all that the optimizer keeps of them.

        What it keeps of a run as a whole, a power of beta, say, every share has as its own copy.
        """
        shares = self._crew.columns(self.params)
        self._of_runs = [name for name, array in self.state.items() if array.shape != self.params.shape]
        self._shares = [
            (
                self.params[:, share],
                self.grads[:, share],
                {
                    name: array.copy() if name in self._of_runs else array[:, share]
                    for name, array in self.state.items()
                },
            )
            for share in shares
        ]

    def _optimize_shares(self) -> None:
        for _, _, state in self._shares:
            for name in self._of_runs:
                state[name][...] = self.state[name]
        self._crew.run([partial(self._rule.step, *share) for share in self._shares])
        for name in self._of_runs:
            self.state[name][...] = self._shares[0][2][name]

    def end_epoch(self, epoch: int) -> None:
        """What follows the last step of an epoch."""
        for active in self._after_epoch:
            active.entry.after_epoch(self._step, active.memory, epoch)

    def predicting(self) -> Parameters:
        """The networks that predict: those in training, unless a regularizer has others to show."""
        if not self._predicting:
            return self._step.params
        params = self.params
        for active in self._predicting:
            params = active.entry.predicting(params, active.memory, self.network)
        return Parameters.of(self.network, params)

    def penalty(self) -> Array:
        """What regularizers add to the mean data loss of the networks in training, (runs,)."""
        total = np.zeros(len(self.params))
        for active in self.active:
            total += active.entry.penalty(self._step.params, self.rows)
        return total

    def see(self, epoch: int, measured: Mapping[str, Array]) -> None:
        """Tells the schedule what was measured after an epoch, counted from 1; each metric is (runs,)."""
        self.schedule.see(epoch, measured, self.state)

    def keep(self, staying: Indices) -> None:
        """Shrinks the stack to these runs, between two epochs."""
        self.params, self.grads = self.params[staying], self.grads[staying]
        self.state = {name: array[staying] for name, array in self.state.items()}
        self.optimizer, self.schedule = take(self.optimizer, staying), take(self.schedule, staying)
        self.active = [active.take(staying) for active in self.active]
        self._lay_out()

    # --- for checkpoints --------------------------------------------------------------------------

    def arrays(self) -> dict[str, Array]:
        """All that training has changed so far, by name."""
        arrays = {"params": self.params}
        arrays |= {f"state/{name}": array for name, array in self.state.items() if not is_scratch(name)}
        for active in self.active:
            for name, array in active.memory.state.items():
                arrays[f"regularizers/{active.entry.name}/{name}"] = array
        return arrays

    def generators(self) -> dict[str, Sequence[np.random.Generator]]:
        """The random generators of each regularizer that has some, one for each run."""
        return {
            active.entry.name: active.memory.draws.generators
            for active in self.active
            if active.memory.draws is not None
        }
