"""A stop that is asked for otherwise than by a signal: work in a thread receives none."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_asked: ContextVar[Callable[[], bool]] = ContextVar("asked", default=lambda: False)


class StoppedError(KeyboardInterrupt):
    """Work was asked to stop; what it has done so far is kept, and the same work goes on from there."""


@contextmanager
def stoppable(asked: Callable[[], bool]) -> Iterator[None]:
    """Let the work of this thread stop, where it can go on later, as soon as `asked` says so."""
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


def asked_to_stop() -> bool:
    """Whether the work of this thread was asked to stop."""
    return _asked.get()()


def stop_if_asked(before: str) -> None:
    """Raise StoppedError if the work of this thread was asked to stop; `before` says what has not begun."""
    if asked_to_stop():
        raise StoppedError(f"stopped before {before}; the same command goes on there")
