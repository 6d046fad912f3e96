"""Training that is asked to stop by a signal, and checkpoints on a budget of time."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from disbench.training.checkpoint import Checkpoint, CheckpointFolder
from disbench.training.stopping import StoppedError, asked_to_stop

_PAUSE_AFTER_SAVE = 100  # times the duration of a save is the least time until the next


class InterruptedTrainingError(StoppedError):
    """Training was asked to stop; a checkpoint was written first."""

    def __init__(self, step: int, num_steps: int, checkpoints: CheckpointFolder | None) -> None:
        done = f"stopped after {step:,} of {num_steps:,} steps"
        if checkpoints is None:
            super().__init__(f"{done}; no checkpoints were asked for, so the next run starts anew")
        else:
            super().__init__(f"{done}; {checkpoints.newest()} holds them. To go on, start the same command again")


class SaveClock:
    """Says when a checkpoint is due: every so many seconds, and not for more than a hundredth of the time.

    Parameters
    ----------
    seconds
        Between checkpoints; after every step if 0.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = time.monotonic() + seconds

    def due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() >= self._next

    def save(self, checkpoints: CheckpointFolder, checkpoint: Checkpoint) -> None:
        """Write a checkpoint and take its time."""
        began = time.monotonic()
        checkpoints.save(checkpoint)
        ended = time.monotonic()
        pause = max(self._seconds, _PAUSE_AFTER_SAVE * (ended - began))
        self._next = ended + (pause if self._seconds else 0)


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether SIGTERM or Ctrl-C came, or whether the thread was asked to stop.

    What was set for the signals is set again at the end.
    """
    if threading.current_thread() is not threading.main_thread():  # no signal arrives there, nor can be waited for
        yield asked_to_stop
        return
    received: list[int] = []

    def remember(number: int, frame: Any) -> None:
        received.append(number)

    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received) or asked_to_stop()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
