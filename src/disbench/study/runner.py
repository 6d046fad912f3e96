"""Runs of a study through Dask: handed out a few at a time, handed out again when they are lost."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import Any

from disbench.study import results
from disbench.study.execute import Outcome, Task, Work, checksum, execute, failure, request_stop, write
from disbench.study.pool import Connect

_LEAST_IN_FLIGHT = 64
_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_WITHOUT_SCHEDULER = 600.0
_SECONDS_TO_STOP = 60.0

Report = Callable[[Outcome | None, int], None]


def run_all(
    tasks: Iterable[Task],
    connect: Connect,
    work: Work,
    report: Report,
    *,
    resources: dict[str, float] | None = None,
    patience: float = _SECONDS_WITHOUT_SCHEDULER,
) -> None:
    """Do all tasks, each on one worker at a time.

    A run whose worker dies goes to another one; one that took several workers with it is recorded as failed. If the
    scheduler goes away, what was handed out is handed out again to the one that comes in its place. After Ctrl-C the
    workers are asked to stop and given a minute for their checkpoints; a second one ends them at once.

    Parameters
    ----------
    tasks
        In the order in which they are started.
    connect
        Makes a client of Dask.
    work
        What a worker does: a function that the worker can import.
    report
        Called in this thread with each outcome, and at least every second with None; with it comes the number of runs
        that are at work.
    resources
        What a run takes of the resources that a worker declares, such as {"GPU": 1}.
    patience
        Seconds to wait for a scheduler that went away.

    Raises
    ------
    OSError
        There is no scheduler.
    KeyboardInterrupt
        After Ctrl-C, when the workers have stopped.
    """
    waiting, flight = deque(tasks), _Flight(connect, work, resources)
    try:
        while waiting or flight.tasks:
            waiting.extendleft(flight.reconnect(patience))
            while waiting and not flight.closed and len(flight.tasks) < flight.most:
                flight.submit(waiting.popleft())
            for task, outcome in flight.ended():
                if outcome is None:
                    waiting.appendleft(task)
                else:
                    report(outcome, flight.num_running)
            report(None, flight.num_running)
    except KeyboardInterrupt:
        for outcome in flight.stop():
            report(outcome, flight.num_running)
        raise
    finally:
        flight.close()


class _Flight:
    """Tasks that were handed out, and the client through which they were."""

    def __init__(self, connect: Connect, work: Work, resources: dict[str, float] | None) -> None:
        self.tasks: dict[Any, Task] = {}
        self.num_workers = 0
        self._connect, self._work, self._resources = connect, work, resources
        self._done: SimpleQueue[Any] = SimpleQueue()
        self._num_submitted = 0
        self._next_look = 0.0
        self._client = connect()

    @property
    def num_running(self) -> int:
        return min(len(self.tasks), self.num_workers)

    @property
    def closed(self) -> bool:
        return bool(self._client.status == "closed")

    @property
    def most(self) -> int:
        # Dask does not queue what asks for resources: it sits with a worker, and is suspect when that dies.
        return 2 * self.num_workers + 1 if self._resources else max(_LEAST_IN_FLIGHT, 2 * self.num_workers)

    def submit(self, task: Task) -> None:
        self._num_submitted += 1  # a key is never used twice, whatever became of the first
        key = f"run-{task.run.number}-{self._num_submitted}"
        future = self._client.submit(execute, task, self._work, key=key, pure=False, resources=self._resources)
        self.tasks[future] = task
        future.add_done_callback(self._done.put)

    def ended(self) -> list[tuple[Task, Outcome | None]]:
        """Tasks that have ended, waiting a second at most for the first; without an outcome those that were lost."""
        try:
            futures = [self._done.get(timeout=_SECONDS_BETWEEN_LOOKS)]
        except Empty:
            return []
        while not self._done.empty():
            futures.append(self._done.get())
        found = [(future, self.tasks.pop(future)) for future in futures if future in self.tasks]
        return [(task, _outcome(future, task)) for future, task in found]

    def reconnect(self, patience: float) -> list[Task]:
        """Look now and then for workers; tasks that have to be handed out again because there is a new scheduler."""
        if time.monotonic() < self._next_look:
            return []
        self._next_look = time.monotonic() + _SECONDS_BETWEEN_LOOKS
        if self._client.status == "running":
            self.num_workers = _num_threads(self._client, self.num_workers)
            return []
        if not self.closed:
            return []  # it looks for its scheduler itself, as long as it takes to connect
        lost = list(self.tasks.values())
        self.tasks.clear()
        self._client = _connect_again(self._connect, patience)
        return lost

    def stop(self) -> Iterator[Outcome]:
        """Ask the workers to stop, wait until they have, and yield what has ended nevertheless."""
        deadline = time.monotonic() + _SECONDS_TO_STOP
        while self.tasks and self._client.status == "running" and time.monotonic() < deadline:
            for session in {task.session for task in self.tasks.values()}:  # again, for workers may be new
                _tell(self._client, session)
            for _, outcome in self.ended():
                if outcome is not None:
                    yield outcome

    def close(self) -> None:
        if self._client.status == "running":
            self._client.cancel(list(self.tasks), force=True)
        self._client.close()


def _outcome(future: Any, task: Task) -> Outcome | None:
    """How a run ended, from the file that it wrote: what Dask keeps of it dies with the worker."""
    from distributed import KilledWorker

    path = task.folder / results.NAME
    if path.is_file() and checksum(path) != task.replaces:
        return Outcome(task.run.number, task.fingerprint, results.read(path).status)
    error = future.exception() if future.status == "error" else None
    # Dask suspects every run that a dying worker had; which of them is at fault, `execute` counts.
    if error is None or isinstance(error, KilledWorker):
        return None
    # the worker could not write the result
    write(task, failure(task, f"{type(error).__name__}: {error}"))
    return Outcome(task.run.number, task.fingerprint, "failed")


def _tell(client: Any, session: str) -> None:
    try:
        client.run(request_stop, session, on_error="ignore")
    except (OSError, TimeoutError, RuntimeError) as error:  # the scheduler goes away, and its workers with it
        print(f"the workers could not be asked to stop ({error!r})", file=sys.stderr)


def _num_threads(client: Any, before: int) -> int:
    try:
        return sum(client.nthreads().values())
    except (OSError, TimeoutError, RuntimeError):  # the scheduler went away while it was asked
        return before


def _connect_again(connect: Connect, patience: float) -> Any:
    deadline = time.monotonic() + patience
    while True:
        try:
            return connect()
        except (OSError, TimeoutError) as error:
            if time.monotonic() >= deadline:
                raise OSError(
                    f"the scheduler went away, and for {patience:,.0f} s none came in its place ({error}); start one "
                    "and the same command again: finished runs are not repeated"
                ) from error
            time.sleep(_SECONDS_BETWEEN_LOOKS)
