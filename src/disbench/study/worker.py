"""What each worker process of this machine loads when it starts."""

import signal
from typing import Any


def dask_setup(worker: Any) -> None:
    """Leave Ctrl-C, which a terminal sends to all processes, to the command: it tells its workers when to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
