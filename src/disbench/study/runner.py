"""Runs of a study through Dask: handed out a few at a time, handed out again when they are lost."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any

from disbench.study import results
from disbench.study.execute import (
    JointWork,
    Outcome,
    Task,
    Work,
    execute,
    execute_together,
    failure,
    has_ended,
    request_stop,
    write,
)
from disbench.study.groups import Group
from disbench.study.pool import Connect

_LEAST_IN_FLIGHT = 64
_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_WITHOUT_SCHEDULER = 600.0
_SECONDS_TO_STOP = 60.0

Report = Callable[[Outcome | None, int], None]


def run_all(
    groups: Iterable[Group],
    connect: Connect,
    work: Work,
    report: Report,
    *,
    joint_work: JointWork | None = None,
    note: Callable[[str], Any] = lambda line: None,
    resources: dict[str, float] | None = None,
    patience: float = _SECONDS_WITHOUT_SCHEDULER,
) -> None:
    """Do all tasks, each on one worker at a time; those of a group start with what is done for all of them at once.

    A run whose worker dies goes to another one; one that took several workers with it is recorded as failed. If the
    scheduler goes away, what was handed out is handed out again to the one that comes in its place. After Ctrl-C the
    workers are asked to stop and given a minute for their checkpoints; a second one ends them at once.

    Parameters
    ----------
    groups
        In the order in which they are started; of a task alone, for what is done alone.
    connect
        Makes a client of Dask.
    work
        What a worker does: a function that the worker can import.
    report
        Called in this thread with each outcome, and at least every second with None; with it comes the number of runs
        that are at work.
    joint_work
        What a worker does for a group first; needed if there are groups of several.
    note
        Takes a line about a group that could not be done together.
    resources
        What a run, or a group, takes of the resources that a worker declares, such as {"GPU": 1}.
    patience
        Seconds to wait for a scheduler that went away.

    Raises
    ------
    OSError
        There is no scheduler.
    KeyboardInterrupt
        After Ctrl-C, when the workers have stopped.
    """
    waiting, flight = deque(groups), _Flight(connect, work, joint_work, note, resources)
    try:
        while waiting or flight.groups:
            waiting.extendleft(flight.reconnect(patience))
            while waiting and not flight.closed and len(flight.groups) < flight.most:
                flight.submit(waiting.popleft())
            outcomes, again = flight.ended()
            waiting.extendleft(reversed(again))
            for outcome in outcomes:
                report(outcome, flight.num_running)
            report(None, flight.num_running)
    except KeyboardInterrupt:
        for outcome in flight.stop():
            report(outcome, flight.num_running)
        raise
    finally:
        flight.close()


class _Flight:
    """Groups of tasks that were handed out, and the client through which they were."""

    def __init__(
        self,
        connect: Connect,
        work: Work,
        joint_work: JointWork | None,
        note: Callable[[str], Any],
        resources: dict[str, float] | None,
    ) -> None:
        self.groups: dict[Any, Group] = {}
        self.num_workers = 0
        self._connect, self._work, self._joint_work, self._note = connect, work, joint_work, note
        self._resources = resources
        self._done: SimpleQueue[Any] = SimpleQueue()
        self._num_submitted = 0
        self._next_look = 0.0
        self._client = connect()

    @property
    def num_running(self) -> int:
        return sum(len(group) for group in islice(self.groups.values(), self.num_workers))

    @property
    def closed(self) -> bool:
        return bool(self._client.status == "closed")

    @property
    def most(self) -> int:
        # Dask does not queue what asks for resources: it sits with a worker, and is suspect when that dies.
        return 2 * self.num_workers + 1 if self._resources else max(_LEAST_IN_FLIGHT, 2 * self.num_workers)

    def submit(self, group: Group) -> None:
        self._num_submitted += 1  # a key is never used twice, whatever became of the first
        key = f"run-{group[0].run.number}-{self._num_submitted}"
        what = (execute, group[0], self._work) if len(group) == 1 else (execute_together, group, self._joint_work)
        future = self._client.submit(*what, key=key, pure=False, resources=self._resources)
        self.groups[future] = group
        future.add_done_callback(self._done.put)

    def ended(self) -> tuple[list[Outcome], list[Group]]:
        """Outcomes of tasks that have ended, waiting a second at most for the first, and what is to be handed out now.

        That is what was lost, and each task of a group when what is done together is done.
        """
        try:
            futures = [self._done.get(timeout=_SECONDS_BETWEEN_LOOKS)]
        except Empty:
            return [], []
        while not self._done.empty():
            futures.append(self._done.get())
        outcomes: list[Outcome] = []
        again: list[Group] = []
        for future, group in [(future, self.groups.pop(future)) for future in futures if future in self.groups]:
            found = [(task, _outcome(future, task)) for task in group]
            outcomes += [outcome for _, outcome in found if outcome is not None]
            left = tuple(task for task, outcome in found if outcome is None)
            done_together = future.status == "finished"
            again += [(task,) for task in left] if done_together else [left] if left else []
            if done_together and len(group) > 1 and (reason := future.result()) is not None:
                self._note(reason)
        return outcomes, again

    def reconnect(self, patience: float) -> list[Group]:
        """Look now and then for workers; groups that have to be handed out again because there is a new scheduler."""
        if time.monotonic() < self._next_look:
            return []
        self._next_look = time.monotonic() + _SECONDS_BETWEEN_LOOKS
        if self._client.status == "running":
            self.num_workers = _num_threads(self._client, self.num_workers)
            return []
        if not self.closed:
            return []  # it looks for its scheduler itself, as long as it takes to connect
        lost = list(self.groups.values())
        self.groups.clear()
        self._client = _connect_again(self._connect, patience)
        return lost

    def stop(self) -> Iterator[Outcome]:
        """Ask the workers to stop, wait until they have, and yield what has ended nevertheless."""
        deadline = time.monotonic() + _SECONDS_TO_STOP
        while self.groups and self._client.status == "running" and time.monotonic() < deadline:
            for session in {group[0].session for group in self.groups.values()}:  # again, for workers may be new
                _tell(self._client, session)
            yield from self.ended()[0]

    def close(self) -> None:
        if self._client.status == "running":
            self._client.cancel(list(self.groups), force=True)
        self._client.close()


def _outcome(future: Any, task: Task) -> Outcome | None:
    """How a run ended, from the file that it wrote: what Dask keeps of it dies with the worker."""
    from distributed import KilledWorker

    if has_ended(task):
        return Outcome(task.run.number, task.fingerprint, results.read(task.folder / results.NAME).status)
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
