"""A run is done once, by one process at a time, and its result is written whole; a failure is a result as well."""

import fcntl
import platform
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Literal

from disbench import files
from disbench.study.results import NAME, RunResult
from disbench.study.runs import Run
from disbench.training.stopping import StoppedError, stoppable

_MOST_STARTS = 4


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
        SHA-256 of the failed result that the run is to replace; any other result that is there stands.
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
        path = task.folder / NAME
        if path.is_file() and checksum(path) != task.replaces:
            status = RunResult.model_validate_json(path.read_bytes()).status
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


def failure(task: Task, error: str) -> RunResult:
    """Result of a run that ended with an error."""
    return result_of(task, status="failed", error=error)


def write(task: Task, result: RunResult) -> None:
    """Write the result of a run."""
    files.write_json(task.folder / NAME, result.model_dump(exclude_none=True))


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    return sha256(path.read_bytes()).hexdigest()


def result_of(task: Task, **values: Any) -> RunResult:
    """Result of a task; `values` are what its parameters do not say already."""
    return RunResult(
        fingerprint=task.fingerprint,
        study=task.run.study,
        number=task.run.number,
        parameters=task.run.parameters,
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


def _count_start(lock: IO[str], session: str) -> None:
    """Note in the file of the lock that the run is started; RuntimeError if it took too many workers with it."""
    lock.seek(0)
    num_starts = lock.read().splitlines().count(session)
    if num_starts == _MOST_STARTS:
        raise RuntimeError(
            f"started {num_starts} times, and each time its worker died before it ended; did memory run out?"
        )
    lock.write(f"{session}\n")
    lock.flush()
