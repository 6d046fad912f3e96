"""Work shared among threads, with results in order whatever the number of threads."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import local
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_LOCAL = local()


def num_threads() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Results of a function that leaves the interpreter lock, in the order of the items.

    Within such a function it shares nothing more: all threads have work, and waiting for them could last for ever.
    """
    if len(items) < 2 or num_threads() < 2 or getattr(_LOCAL, "is_of_pool", False):
        return [function(item) for item in items]
    return list(_pool(os.getpid()).map(function, items))


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    """Threads of a process; a fork gets its own."""
    return ThreadPoolExecutor(num_threads(), "disbench-metrics", lambda: setattr(_LOCAL, "is_of_pool", True))


@contextmanager
def single_threaded_algebra() -> Iterator[None]:
    """Keep the linear algebra libraries that are loaded to one thread.

    On matrices of a few kilobytes their threads spend ten times longer meeting than multiplying. Not to be entered by
    several threads at once: the limit is the process's.
    """
    with _algebra().limit(limits=1, user_api="blas"):
        yield


@cache
def _algebra() -> Any:
    import scipy.linalg  # noqa: F401  # Its library must be there to be found.
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped,unused-ignore]

    return ThreadpoolController()
