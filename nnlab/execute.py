"""Carry out a plan: hand populations to an executor, and lose none that a dying worker took along."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

from nnlab.errors import NnlabError, SettingError
from nnlab.executors import Executor, Results, WorkerDied
from nnlab.plan import Run, cost
from nnlab.result import failed
from nnlab.train import Progress

DEATHS = 3  # of workers at one population, before its runs are tried one by one
WAKE_SECONDS = 0.5  # how often progress is told while nothing ends


@dataclass(frozen=True)
class Tick:
    """How far a command is.

    Args:
        done: runs that have ended, those that failed or diverged included.
        running: runs that are in training now.
        failed: runs that failed or diverged.
        total: runs there are to train.
        share: of the work, from 0 to 1.
        latest: the population in training, where it can be seen.
    """

    done: int
    running: int
    failed: int
    total: int
    share: float
    latest: Progress | None = None


@dataclass
class Job:
    """A population on its way, and how many workers died of it."""

    runs: tuple[Run, ...]
    deaths: int = 0


class Execution:
    """The state of a plan that is carried out.

    Args:
        populations: the runs to train, as `plan.populations` groups them.
        watch: told now and then how far it is.
    """

    def __init__(self, populations: Sequence[tuple[Run, ...]], watch: Callable[[Tick], None]) -> None:
        longest_first = sorted(populations, key=_cost, reverse=True)
        self._waiting = deque(Job(runs) for runs in longest_first)
        self._flying: dict[Future[Results], Job] = {}
        self._watch = watch
        self._total = sum(map(len, populations))
        self._work = sum(map(_cost, populations))
        self._done = self._failed = 0
        self._worked = 0.0
        self._starting: Job | None = None

    def run(self, executor: Executor) -> Iterator[tuple[tuple[Run, ...], Results]]:
        """Each population's runs and results as soon as it has ended; in any order.

        Raises:
            SettingError: the data of a run cannot be prepared; what has ended before is handed over.
            NnlabError: the machine or the cluster is at fault, not the run.
        """
        while self._waiting or self._flying:
            self._hand_out(executor)
            ended, _ = wait(self._flying, timeout=WAKE_SECONDS, return_when=FIRST_COMPLETED)
            jobs = [(job := self._flying.pop(future), self._results(job, future)) for future in ended]
            if executor.aside:
                self._hand_out(executor)  # workers go on while their results are stored
            for job, results in jobs:
                if results is not None:
                    self._note(job, results)
                    yield job.runs, results
            self._watch(self.tick())

    def _hand_out(self, executor: Executor) -> None:
        while self._waiting and len(self._flying) < executor.workers:
            self._starting = self._waiting.popleft()
            future = executor.submit(self._starting.runs)  # in this process: trains them now
            self._flying[future], self._starting = self._starting, None

    def tick(self, latest: Progress | None = None) -> Tick:
        """How far it is.

        Args:
            latest: progress of the population that trains in this process.
        """
        running = sum(len(job.runs) for job in self._flying.values())
        worked = self._worked
        if latest is not None and self._starting is not None:
            running = latest.running
            worked += _cost(self._starting.runs) * latest.epoch / max(latest.epochs, 1)
        share = min(1.0, worked / self._work) if self._work else 1.0
        return Tick(self._done, running, self._failed, self._total, share, latest)

    def _results(self, job: Job, future: Future[Results]) -> Results | None:
        """What came of a job; None if it, or its runs one by one, will be tried again."""
        error = future.exception()
        if error is None:
            return future.result()
        if isinstance(error, SettingError | NnlabError):
            raise error
        if isinstance(error, WorkerDied):
            job.deaths += 1
            if job.deaths < DEATHS:
                self._waiting.appendleft(job)
                return None
        if len(job.runs) > 1:
            self._waiting.extendleft(Job((run,), DEATHS - 1) for run in reversed(job.runs))
            return None
        return [failed(job.runs[0].id, _reason(error))]

    def _note(self, job: Job, results: Results) -> None:
        self._done += len(results)
        self._failed += sum(result.status != "completed" for result in results)
        self._worked += _cost(job.runs)


def _reason(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "out of memory"
    return str(error) if isinstance(error, WorkerDied) else f"{type(error).__name__}: {error}"


def _cost(runs: tuple[Run, ...]) -> float:
    return len(runs) * cost(runs[0])
