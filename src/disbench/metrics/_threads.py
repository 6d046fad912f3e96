"""Work shared among threads, with results in order whatever the number of threads."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def num_threads() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Results of a function that leaves the interpreter lock, in the order of the items."""
    if len(items) < 2 or num_threads() < 2:
        return [function(item) for item in items]
    return list(_pool(os.getpid()).map(function, items))


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    """Threads of a process; a fork gets its own."""
    return ThreadPoolExecutor(num_threads(), thread_name_prefix="disbench-metrics")
