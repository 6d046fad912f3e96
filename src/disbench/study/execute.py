"""A run is done once, by one process at a time, and its result is written whole; a failure is a result as well."""

import fcntl
import platform
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Literal

from disbench import files
from disbench.study.results import NAME, RunResult
from disbench.study.runs import Run
from disbench.training.stopping import StoppedError, stoppable

_MOST_STARTS = 4
_MOST_STARTS_TOGETHER = 2


@dataclass(frozen=True)
class Task:
    """A run and where it is to be done.

    Parameters
    ----------
    run, fingerprint
        The run and what identifies its result.
    folder
        Of this run.
    store
        Path or address of the image store.
    keep_tables
        Whether the representations and a file for each metric stay; they can be made again from the encoder.
    session
        Of the command that hands out the run: deaths of workers are counted within one.
    replaces
        The file, as `identity` tells it, of the failed result that the run is to replace; any other one stands.
    """

    run: Run
    fingerprint: str
    folder: Path
    store: str
    keep_tables: bool = False
    session: str = ""
    replaces: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How a run ended, or that it was stopped and has not."""

    number: int
    fingerprint: str
    status: Literal["finished", "failed", "stopped"]


Work = Callable[[Task], RunResult]
JointWork = Callable[[Sequence[Task]], Sequence[str | None]]
"""What is done for several runs at once before the rest of each; for each run None, or why it failed."""

_stopped: set[str] = set()  # sessions whose runs this process is to stop


def request_stop(session: str) -> None:
    """Stop the runs of a session that this process has, now and later; each keeps what it has done."""
    _stopped.add(session)


def execute(task: Task, work: Work) -> Outcome:
    """Do a run unless it has a result, and write that, whole; a failure is a result as well.

    Other processes that are given the same run wait, and find the result.
    """
    stopped = Outcome(task.run.number, task.fingerprint, "stopped")
    if task.session in _stopped:
        return stopped
    with _alone(task.folder) as lock, stoppable(lambda: task.session in _stopped):
        if has_ended(task):
            status = RunResult.model_validate_json((task.folder / NAME).read_bytes()).status
            return Outcome(task.run.number, task.fingerprint, status)
        with (task.folder / "log.txt").open("a") as log, redirect_stdout(log), redirect_stderr(log):
            try:
                _count_start(lock, task.session)
                result = work(task)
            except StoppedError as error:
                print(error)
                return stopped
            except Exception:
                result = failure(task, traceback.format_exc())
        write(task, result)
        return Outcome(task.run.number, task.fingerprint, result.status)


def execute_together(tasks: Sequence[Task], work: JointWork) -> str | None:
    """Do what is done at once for several runs that have no result; those that fail in it get theirs.

    Whatever else goes wrong is told and noted in the logs of the runs: each can still be done alone, and so they are
    after a second worker has died over them.

    Returns
    -------
    reason
        Why it could not be done; None if it was, or if the runs were stopped.
    """
    session = tasks[0].session
    with ExitStack() as stack, stoppable(lambda: session in _stopped):
        # in the same order everywhere, or two commands could wait for each other
        locks = {task.fingerprint: stack.enter_context(_alone(task.folder)) for task in sorted(tasks, key=_fingerprint)}
        left = [task for task in tasks if not has_ended(task)]
        starts = [_num_starts(locks[task.fingerprint], session) for task in left]
        if session in _stopped or not left or max(starts) >= _MOST_STARTS_TOGETHER:
            return None
        for task in left:
            _note_start(locks[task.fingerprint], session)
            _log(task, f"together with {_numbers(left)}; the log of run {left[0].run.number} has what was said")
        with (left[0].folder / "log.txt").open("a") as log, redirect_stdout(log), redirect_stderr(log):
            try:
                errors = work(left)
            except StoppedError as error:
                print(error)
                return None
            except Exception as error:
                for task in left:
                    _log(task, f"this could not be done together, so each run is done alone: {traceback.format_exc()}")
                return f"{_numbers(left)} could not be trained together: {type(error).__name__}: {error}"
        for task, failed in zip(left, errors, strict=True):
            if failed is not None:
                write(task, failure(task, failed))
        return None


def has_ended(task: Task) -> bool:
    """Whether a run has a result, other than the one that it is to replace."""
    path = task.folder / NAME
    return path.is_file() and identity(path) != task.replaces


def failure(task: Task, error: str) -> RunResult:
    """Result of a run that ended with an error."""
    return result_of(task, status="failed", error=error)


def write(task: Task, result: RunResult) -> None:
    """Write the result of a run."""
    files.write_json(task.folder / NAME, result.model_dump(exclude_none=True))


def identity(path: Path) -> str:
    """What tells a file from the one that takes its place, though the content may be the same."""
    found = path.stat()
    return f"{found.st_ino}-{found.st_mtime_ns}"


def result_of(task: Task, **values: Any) -> RunResult:
    """Result of a task; `values` are what its parameters do not say already."""
    return RunResult(
        fingerprint=task.fingerprint,
        study=task.run.study,
        number=task.run.number,
        parameters=task.run.parameters,
        metric_seeds=task.run.drawn_seeds,
        versions={"python": platform.python_version(), **_versions()},
        **values,
    )


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("disbench", "numpy", "torch")}


@contextmanager
def _alone(folder: Path) -> Iterator[IO[str]]:
    """Wait until no other process is at work on this run; a kill gives the lock back."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _fingerprint(task: Task) -> str:
    return task.fingerprint


def _numbers(tasks: Sequence[Task]) -> str:
    return f"runs {', '.join(str(task.run.number) for task in tasks)}"


def _log(task: Task, line: str) -> None:
    with (task.folder / "log.txt").open("a") as log:
        log.write(f"{line}\n")


def _num_starts(lock: IO[str], session: str) -> int:
    lock.seek(0)
    return lock.read().splitlines().count(session)


def _note_start(lock: IO[str], session: str) -> None:
    lock.write(f"{session}\n")
    lock.flush()


def _count_start(lock: IO[str], session: str) -> None:
    """Note in the file of the lock that the run is started; RuntimeError if it took too many workers with it."""
    num_starts = _num_starts(lock, session)
    if num_starts >= _MOST_STARTS:
        raise RuntimeError(
            f"started {num_starts} times, and each time its worker died before it ended; did memory run out?"
        )
    _note_start(lock, session)
