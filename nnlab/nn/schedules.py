"""Schedules: how the learning rate changes while training goes on.

    state = schedule.init(runs)              arrays of its own, one row for each run
    schedule.scale(taken, span, state)       what the learning rate is multiplied by in the next step
    schedule.see(epoch, measured, state)     after a recorded epoch: what was measured

A scale is one number for all runs, or a column (runs, 1), and so are the settings of a schedule.
In the formulas epoch counts from 0 and step, over the whole training, too.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Gt, Lt

from nnlab.arrays import Array
from nnlab.metrics import CurveMetric, higher_is_better
from nnlab.nn.stacking import each
from nnlab.registry import Count, CountOrZero, Expected, Fraction, NonNegative, table

Share = Annotated[float, Gt(0), Lt(1), Expected("a number between 0 and 1")]
State = dict[str, Array]
TINY = 1e-12


@dataclass(frozen=True)
class Span:
    """How long a training is.

    Args:
        epochs: in all.
        steps: in one epoch.
    """

    epochs: int
    steps: int


@dataclass(frozen=True)
class Schedule:
    """What every schedule has.

    `by_step`: the scale changes from step to step, not only from epoch to epoch.
    """

    name: ClassVar[str]
    by_step: ClassVar[bool] = False

    def init(self, runs: int) -> State:
        """The state before the first step."""
        return {}

    def scale(self, taken: int, span: Span, state: State) -> Any:
        """What the learning rate is multiplied by.

        Args:
            taken: how many steps have been taken before this one.
        """
        raise NotImplementedError

    def see(self, epoch: int, measured: Mapping[str, Array], state: State) -> None:
        """Learns what was measured after an epoch, counted from 1; each metric is (runs,)."""


@dataclass(frozen=True)
class Constant(Schedule):
    """The learning rate stays as it is."""

    name = "constant"

    def scale(self, taken: int, span: Span, state: State) -> Any:
        return 1.0


@dataclass(frozen=True)
class Step(Schedule):
    """The learning rate falls every so many epochs: factor^floor(epoch / every).

    Args:
        factor: what is left each time.
        every: epochs between two falls.

    >>> half = Step(factor=0.5, every=2)
    >>> [half.scale(taken, Span(epochs=6, steps=1), {}) for taken in range(6)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """

    name = "step"
    factor: Share = 0.1
    every: Count = 30

    def scale(self, taken: int, span: Span, state: State) -> Any:
        return each(math.pow, self.factor, taken // span.steps // self.every)


@dataclass(frozen=True)
class Exponential(Schedule):
    """The learning rate falls after every epoch: factor^epoch.

    Args:
        factor: what an epoch leaves.

    >>> Exponential(factor=0.5).scale(3, Span(epochs=6, steps=1), {})
    0.125
    """

    name = "exponential"
    factor: Share = 0.95

    def scale(self, taken: int, span: Span, state: State) -> Any:
        return each(math.pow, self.factor, taken // span.steps)


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from 1 down to `least`, step by step (Loshchilov, Hutter, 2017).

        least + (1 - least) (1 + cos(pi t / period)) / 2,   t = epochs since the last restart, with fraction

    Args:
        period: epochs of the half wave, after which it starts again at 1 (warm restarts); null is the
            whole training, without a restart.
        least: where it ends.

    >>> round(Cosine(least=0.2).scale(30, Span(epochs=6, steps=10), {}), 12)
    0.6
    """

    name = "cosine"
    by_step = True
    period: Count | None = None
    least: Fraction = 0.0

    def scale(self, taken: int, span: Span, state: State) -> Any:
        steps = (span.epochs if self.period is None else self.period) * span.steps
        return self.least + (1 - self.least) * (1 + each(math.cos, math.pi * (taken % steps) / steps)) / 2


@dataclass(frozen=True)
class Warmup(Schedule):
    """The learning rate rises along a line in the first epochs, step by step, and then stays.

        min(1, start + (1 - start) step / (epochs * steps in an epoch))

    Args:
        epochs: how long it rises.
        start: where it begins.

    >>> rise = Warmup(epochs=1, start=0.5)
    >>> [float(rise.scale(taken, Span(epochs=6, steps=2), {})) for taken in range(4)]
    [0.5, 0.75, 1.0, 1.0]
    """

    name = "warmup"
    by_step = True
    epochs: Count = 5
    start: Share = 0.1

    def scale(self, taken: int, span: Span, state: State) -> Any:
        rising = self.start + (1 - self.start) * taken / (self.epochs * span.steps)
        return np.minimum(1.0, rising)[()]


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up along half a cosine, then down along another, step by step (Smith, Topin, 2019).

    The optimizer's learning rate is the top; it is reached at step rise * steps - 1, and `end` at
    the last step. In PyTorch's form, whose div_factor is 1 / start and whose final_div_factor is
    start / end; the momentum stays as it is.

    Args:
        start: scale of the first step.
        rise: share of the steps on the way up.
        end: scale of the last step.

    >>> cycle = OneCycle(start=0.25, rise=0.5, end=0.0)
    >>> [round(float(cycle.scale(taken, Span(epochs=1, steps=6), {})), 3) for taken in range(6)]
    [0.25, 0.625, 1.0, 0.75, 0.25, 0.0]
    """

    name = "one_cycle"
    by_step = True
    start: Share = 0.04
    rise: Share = 0.3
    end: Fraction = 4e-6

    def scale(self, taken: int, span: Span, state: State) -> Any:
        last = span.epochs * span.steps - 1
        top = self.rise * (last + 1) - 1
        up = _half_cosine(self.start, 1.0, taken / np.maximum(top, TINY))
        down = _half_cosine(1.0, self.end, (taken - top) / np.maximum(last - top, TINY))
        return np.where(taken <= top, up, down)[()]


@dataclass(frozen=True)
class ReduceOnPlateau(Schedule):
    """The learning rate falls whenever a metric has not improved for a while.

    A recorded epoch counts as better if it beats the best so far by more than `min_delta`. Once more
    than `patience` epochs have passed since the last better one, or since the last fall, the learning
    rate falls. As in PyTorch, with threshold_mode `abs`.

    Args:
        factor: what is left each time.
        patience: epochs without improvement that do nothing yet.
        min_delta: the least change that counts.
        least: scale below which it does not fall.
        metric: what is watched; a loss should fall, an accuracy or R2 should rise.
    """

    name = "reduce_on_plateau"
    factor: Share = 0.1
    patience: CountOrZero = 10
    min_delta: NonNegative = 0.0
    least: Fraction = 0.0
    metric: CurveMetric = "val_loss"

    def init(self, runs: int) -> State:
        return {
            "plateau_best": np.full(runs, np.inf),  # turned so that low is good
            "plateau_since": np.zeros(runs),
            "plateau_scale": np.ones((runs, 1)),
        }

    def scale(self, taken: int, span: Span, state: State) -> Any:
        return state["plateau_scale"]

    def see(self, epoch: int, measured: Mapping[str, Array], state: State) -> None:
        best, since, scale = state["plateau_best"], state["plateau_since"], state["plateau_scale"][:, 0]
        values = measured[self.metric] * (-1 if higher_is_better(self.metric) else 1)
        better = values < best - np.ravel(self.min_delta)
        best[better], since[better] = values[better], epoch
        falls = epoch - since > np.ravel(self.patience)
        reduced = np.maximum(scale * np.ravel(self.factor), np.ravel(self.least))
        scale[falls], since[falls] = reduced[falls], epoch


SCHEDULES = table(Constant, Step, Exponential, Cosine, Warmup, OneCycle, ReduceOnPlateau)


def _half_cosine(start: Any, end: Any, way: Any) -> Any:
    """From start to end while `way` goes from 0 to 1."""
    return end + (start - end) * (1 + each(math.cos, math.pi * way)) / 2
