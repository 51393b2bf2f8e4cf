"""A crew: threads that share out the independent pieces of one step of training.

BLAS with more threads would change bits. So work on wide arrays is cut into pieces instead, each of them
a call that a single thread makes, and no sum goes over two of them: who carries out which piece changes
no bit. NumPy lets go of Python's lock inside a call, so pieces run side by side if their calls are long:
handing them out takes 20 to 50 microseconds.
"""

import contextvars
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from queue import SimpleQueue

from nnlab.arrays import Array

Piece = Callable[[], object]

LEAST_NUMBERS = 1 << 19  # fewer are passed over before another thread wakes up
SHARES_A_THREAD = 2  # few, since between two calls a thread needs Python's lock; one may be held up


class Crew:
    """So many threads, the caller's among them; the others start when there is work for them.

    Args:
        threads: how many work at a time; one is the caller alone.

    >>> numbers, crew = [0, 0, 0], Crew(2)
    >>> crew.run([partial(numbers.__setitem__, i, i * i) for i in range(3)])
    >>> crew.close()
    >>> numbers
    [0, 1, 4]
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._helpers: list[threading.Thread] = []

    def run(self, pieces: Sequence[Piece]) -> None:
        """Carries out all pieces, in any order; none may need what another makes.

        Raises:
            Exception: what the first piece that failed has raised; the others are carried out all the same.
        """
        if self.threads == 1 or len(pieces) == 1:
            for piece in pieces:
                piece()
            return
        job = _Job(pieces)
        self._start()
        for _ in range(min(self.threads, len(pieces)) - 1):
            self._jobs.put(job)
        job.work()
        job.wait()

    def over_columns(self, work: Callable[..., object], *arrays: Array) -> None:
        """An elementwise function of arrays (runs, numbers), many columns at a time.

        Args:
            arrays: the first has all columns; others may have one for all, or no axes.

        >>> import numpy as np
        >>> numbers = np.array([[1.0, 2.0, 3.0]])
        >>> Crew().over_columns(np.multiply, numbers, np.array(2.0), numbers)
        >>> numbers
        array([[2., 4., 6.]])
        """
        if self.threads == 1 or arrays[0].size < LEAST_NUMBERS:
            work(*arrays)
            return
        shape = arrays[0].shape
        self.run(
            [
                partial(work, *(array[:, share] if array.shape == shape else array for array in arrays))
                for share in self.columns(arrays[0])
            ]
        )

    def columns(self, array: Array) -> list[slice]:
        """The columns of an array (runs, numbers), in as many shares as it pays to work on side by side."""
        if self.threads == 1 or array.size < LEAST_NUMBERS:
            return [slice(None)]
        count = min(SHARES_A_THREAD * self.threads, 2 * (array.size // LEAST_NUMBERS))
        edges = [array.shape[1] * i // count for i in range(count + 1)]
        return [slice(start, stop) for start, stop in pairwise(edges)]

    def close(self) -> None:
        """Ends the threads."""
        for _ in self._helpers:
            self._jobs.put(None)
        for helper in self._helpers:
            helper.join()
        self._helpers.clear()

    def _start(self) -> None:
        while len(self._helpers) < self.threads - 1:
            # NumPy's error state is a part of the context: what the caller ignores, all ignore.
            target = partial(contextvars.copy_context().run, self._help)
            helper = threading.Thread(target=target, name="nnlab-crew", daemon=True)
            helper.start()
            self._helpers.append(helper)

    def _help(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.work()


ALONE = Crew()


class _Job:
    """Pieces that some threads take one by one.

    The caller waits for pieces, not for threads: one that wakes up late finds nothing left to do.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces: Iterator[Piece] = iter(pieces)
        self._left = len(pieces)
        self._lock = threading.Lock()
        self._done = threading.Lock()
        self._done.acquire()
        self._error: BaseException | None = None

    def work(self) -> None:
        while (piece := self._take()) is not None:
            try:
                piece()
            except BaseException as error:  # raised again by `wait`
                self._error = self._error or error
            self._tick_off()

    def wait(self) -> None:
        self._done.acquire()
        if self._error is not None:
            raise self._error

    def _take(self) -> Piece | None:
        with self._lock:
            return next(self._pieces, None)

    def _tick_off(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._done.release()
