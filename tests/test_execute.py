"""The scheduler: longest first, never too many at a time; a death or an error costs the guilty run only."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import pytest

from nnlab import execute
from nnlab.errors import EnvironmentFault, NnlabError, SettingError
from nnlab.execute import DEATHS, Execution, Tick
from nnlab.executors import InProcess, Results, WorkerDied
from nnlab.plan import Run, cost, populations
from nnlab.result import Result, failed
from nnlab.train import Progress
from tests.conftest import PlanRuns

pytestmark = pytest.mark.usefixtures("deadline")

Population = tuple[Run, ...]


@dataclass
class Scripted:
    """An executor that does what the script says, a moment later.

    Args:
        kills: run id -> how many tasks with that run die.
        errors: run id -> what every task with that run raises.
        go: while it is not set, no task ends.
    """

    workers: int = 2
    kills: Counter[str] = field(default_factory=Counter)
    errors: dict[str, Exception] = field(default_factory=dict)
    where = "in a script"
    aside = True
    submitted: list[Population] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)
    most_flying: int = 0
    _futures: list["Future[Results]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.go.set()

    def submit(self, runs: Sequence[Run]) -> "Future[Results]":
        self.submitted.append(tuple(runs))
        future: Future[Results] = Future()
        self._futures.append(future)
        self.most_flying = max(self.most_flying, sum(not future.done() for future in self._futures))
        threading.Timer(0.002, self._end, [runs, future]).start()
        return future

    def _end(self, runs: Sequence[Run], future: "Future[Results]") -> None:
        self.go.wait()
        dying = [run.id for run in runs if self.kills[run.id] > 0]
        wrong = [self.errors[run.id] for run in runs if run.id in self.errors]
        if dying:
            self.kills[dying[0]] -= 1
            future.set_exception(WorkerDied("its worker process was killed or crashed"))
        elif wrong:
            future.set_exception(wrong[0])
        else:
            future.set_result(list(map(completed, runs)))

    def close(self) -> None:
        """Nothing to end."""


def completed(run: Run) -> Result:
    return Result(run.id, "completed", 1, 1, 0.0, 1, {}, {}, {}, failed("", "").feature_weights)


@pytest.fixture
def stacks(runs_of: PlanRuns) -> list[Population]:
    """Five populations of four runs, each of another cost."""
    grid = {"model.hidden": [[8], [64], [2], [32], [16]]}
    found = populations(runs_of({"data": {"source": "moons"}, "sweep": {"seeds": 4, "grid": grid}}))
    assert [len(stack) for stack in found] == [4] * 5
    return found


def carry_out(
    executor: Any, stacks: Sequence[Population], watch: Callable[[Tick], None] = lambda _: None
) -> dict[str, Result]:
    """All results by run id; every run of the plan has come exactly once."""
    came = []
    for runs, results in Execution(stacks, watch).run(executor):
        assert [result.run for result in results] == [run.id for run in runs]
        came += results
    assert sorted(result.run for result in came) == sorted(run.id for stack in stacks for run in stack)
    return {result.run: result for result in came}


def faults(results: dict[str, Result]) -> dict[str, str | None]:
    return {result.run: result.error for result in results.values() if result.status != "completed"}


def test_the_longest_populations_go_first(stacks: list[Population]) -> None:
    executor = Scripted(workers=1)
    carry_out(executor, stacks)
    costs = [len(runs) * cost(runs[0]) for runs in executor.submitted]
    assert len(set(costs)) == 5
    assert costs == sorted(costs, reverse=True)


def test_a_large_population_of_short_runs_goes_before_a_small_one_of_longer_runs(runs_of: PlanRuns) -> None:
    many = runs_of({"data": {"source": "moons"}, "training": {"epochs": 10}, "sweep": {"seeds": 9}})
    few = runs_of({"data": {"source": "moons"}, "training": {"epochs": 20}, "sweep": {"seeds": 2}})
    executor = Scripted(workers=1)
    carry_out(executor, [few, many])
    assert executor.submitted == [many, few]


@pytest.mark.parametrize("workers", [1, 2, 4, 9])
def test_as_many_tasks_fly_as_there_are_workers_and_no_more(
    workers: int, stacks: list[Population], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "WAKE_SECONDS", 0.02)
    executor = Scripted(workers)
    executor.go.clear()
    ticks: list[Tick] = []

    def let_go(tick: Tick) -> None:
        ticks.append(tick)
        executor.go.set()

    carry_out(executor, stacks, let_go)
    assert executor.most_flying == min(workers, 5)
    assert ticks[0].running == 4 * min(workers, 5)  # told while nothing has ended


def test_a_cluster_that_grows_gets_more(stacks: list[Population], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "WAKE_SECONDS", 0.02)
    executor = Scripted(workers=1)
    executor.go.clear()

    def grow(tick: Tick) -> None:
        executor.workers = 3
        if tick.running == 12:
            executor.go.set()

    carry_out(executor, stacks, grow)
    assert executor.most_flying == 3


def test_workers_go_on_while_results_are_stored(stacks: list[Population]) -> None:
    executor = Scripted(workers=1)
    for i, _ in enumerate(Execution(stacks, lambda _: None).run(executor), start=1):
        assert len(executor.submitted) == min(i + 1, 5)


def test_in_this_process_results_are_stored_before_the_next_population_trains(
    stacks: list[Population],
) -> None:
    trained = []

    def work(runs: Sequence[Run], _: object) -> Results:
        trained.append(runs)
        return list(map(completed, runs))

    for i, _ in enumerate(Execution(stacks, lambda _: None).run(InProcess(work=work)), start=1):
        assert len(trained) == i


@pytest.mark.parametrize("deaths", range(1, DEATHS))
def test_a_population_whose_worker_dies_is_tried_again(deaths: int, stacks: list[Population]) -> None:
    victim = stacks[0]
    executor = Scripted(kills=Counter({victim[2].id: deaths}))
    assert not faults(carry_out(executor, stacks))
    assert executor.submitted.count(victim) == 1 + deaths
    assert len(executor.submitted) == len(stacks) + deaths


def test_after_three_deaths_runs_go_one_by_one_and_only_the_guilty_one_fails(
    stacks: list[Population],
) -> None:
    victim = stacks[0]
    guilty = victim[2].id
    executor = Scripted(kills=Counter({guilty: 100}))
    assert faults(carry_out(executor, stacks)) == {guilty: "its worker process was killed or crashed"}
    assert executor.submitted.count(victim) == DEATHS
    assert [executor.submitted.count((run,)) for run in victim] == [1] * 4
    assert len(executor.submitted) == 4 + DEATHS + 4


def test_a_run_alone_has_three_deaths_too(stacks: list[Population]) -> None:
    alone = stacks[0][:1]
    executor = Scripted(kills=Counter({alone[0].id: DEATHS - 1}))
    assert not faults(carry_out(executor, [alone]))
    executor = Scripted(kills=Counter({alone[0].id: DEATHS}))
    assert list(faults(carry_out(executor, [alone]))) == [alone[0].id]
    assert executor.submitted == [alone] * DEATHS


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "out of memory"),
        (KeyError("layer9"), "KeyError: 'layer9'"),
        (OSError(5, "input/output error"), "OSError: [Errno 5] input/output error"),
    ],
)
def test_an_error_costs_the_guilty_run_only(error: Exception, reason: str, stacks: list[Population]) -> None:
    victim = stacks[3]
    guilty = victim[0].id
    executor = Scripted(errors={guilty: error})
    assert faults(carry_out(executor, stacks)) == {guilty: reason}
    assert executor.submitted.count(victim) == 1
    assert [executor.submitted.count((run,)) for run in victim] == [1] * 4


def test_two_guilty_runs_of_one_population_both_fail(stacks: list[Population]) -> None:
    first, _, second, _ = stacks[1]
    executor = Scripted(kills=Counter({first.id: 100}), errors={second.id: MemoryError()})
    assert faults(carry_out(executor, stacks)) == {
        first.id: "its worker process was killed or crashed",
        second.id: "out of memory",
    }


@pytest.mark.parametrize(
    "error",
    [SettingError(("data", "noise"), "too much"), EnvironmentFault("the disk is full")],
    ids=["setting", "environment"],
)
def test_what_is_no_runs_fault_ends_it_all(error: Exception, stacks: list[Population]) -> None:
    executor = Scripted(workers=1, errors={stacks[0][1].id: error})
    with pytest.raises((SettingError, NnlabError)) as caught:
        carry_out(executor, stacks)
    assert caught.value is error


# --- progress -----------------------------------------------------------------------------------


def test_ticks_count_what_is_done_running_and_failed(stacks: list[Population]) -> None:
    guilty = stacks[2][1].id
    ticks: list[Tick] = []
    executor = Scripted(kills=Counter({guilty: 100}), errors={stacks[4][0].id: MemoryError()})
    results = carry_out(executor, stacks, ticks.append)
    assert len(faults(results)) == 2
    assert {tick.total for tick in ticks} == {20}
    assert all(tick.done + tick.running <= tick.total for tick in ticks)
    assert all(tick.running <= 8 for tick in ticks)  # two workers, four runs each
    for counts in ([tick.done for tick in ticks], [tick.failed for tick in ticks]):
        assert counts == sorted(counts)
    shares = [tick.share for tick in ticks]
    assert shares == sorted(shares)
    assert shares[0] < 1
    assert max(shares) <= 1
    last = ticks[-1]
    assert (last.done, last.running, last.failed, last.share) == (20, 0, 2, pytest.approx(1))


def test_the_share_is_of_the_work_not_of_the_runs(stacks: list[Population]) -> None:
    ticks: list[Tick] = []
    carry_out(Scripted(workers=1), stacks, ticks.append)
    costs = sorted((4 * cost(stack[0]) for stack in stacks), reverse=True)
    expected = [sum(costs[: i + 1]) / sum(costs) for i in range(5)]
    assert [tick.share for tick in ticks] == pytest.approx(expected)
    assert [tick.done for tick in ticks] == [4, 8, 12, 16, 20]


def test_in_this_process_ticks_move_within_a_population(stacks: list[Population]) -> None:
    ticks: list[Tick] = []

    def work(runs: Sequence[Run], watch: Callable[[Progress], None] | None) -> Results:
        assert watch is not None
        for epoch in (1, 2, 3, 4):
            watch(Progress(epoch, 4, len(runs) - (epoch == 4), {}))  # one run stops early
        return list(map(completed, runs))

    execution = Execution(stacks[:1], ticks.append)
    executor = InProcess(lambda progress: ticks.append(execution.tick(progress)), work)
    assert len(list(execution.run(executor))) == 1
    assert [tick.share for tick in ticks] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert [tick.running for tick in ticks] == [4, 4, 4, 3, 0]
    assert [tick.done for tick in ticks] == [0, 0, 0, 0, 4]
    assert ticks[1].latest == Progress(2, 4, 4, {})


def test_an_error_in_this_process_costs_the_guilty_run_only(stacks: list[Population]) -> None:
    guilty = stacks[0][3].id

    def work(runs: Sequence[Run], _: object) -> Results:
        if guilty in [run.id for run in runs]:
            raise MemoryError
        return list(map(completed, runs))

    assert faults(carry_out(InProcess(work=work), stacks)) == {guilty: "out of memory"}


def test_nothing_to_do_is_done_at_once() -> None:
    ticks: list[Tick] = []
    execution = Execution([], ticks.append)
    assert list(execution.run(Scripted())) == []
    assert execution.tick() == Tick(0, 0, 0, 0, 1.0)
