"""What stands for training in tests of what is around it; workers import it."""

import os
import time
from collections.abc import Sequence

from disbench.study.execute import Task, result_of
from disbench.study.results import NAME, RunResult


def work(task: Task) -> RunResult:
    """A few milliseconds; each start is a line in a file that all processes append to."""
    note(task, "again" if (task.folder / NAME).exists() else "started")
    time.sleep(0.003)
    return result_of(task, status="finished", scores={"mean": {"mig": {"discrete_mig": task.run.number / 1e5}}})


def slow_work(task: Task) -> RunResult:
    """Long enough that a worker is killed while it has more to do."""
    time.sleep(0.5)
    return work(task)


def odd_seeds_fail(task: Task) -> RunResult:
    if task.run.train.seed % 2:
        raise RuntimeError(f"seed {task.run.train.seed} is odd")
    return work(task)


def kills_its_worker(task: Task) -> RunResult:
    if task.run.number == 1:
        os._exit(1)
    return work(task)


def impossible(tasks: Sequence[Task]) -> list[str | None]:
    raise MemoryError("no room")


def deadly(tasks: Sequence[Task]) -> list[str | None]:
    note(tasks[0], "together")
    os._exit(1)


def note(task: Task, what: str) -> None:
    with (task.folder.parents[1] / "notes").open("a") as file:
        file.write(f"{what} {task.run.number}\n")
