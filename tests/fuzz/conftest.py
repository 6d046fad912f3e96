import resource
from pathlib import Path

import pytest

_ROOM = 2 << 30


@pytest.fixture(autouse=True)
def bounded_memory():
    """Whoever believes what a hostile file says of its size fails here instead of taking the machine's memory."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + _ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)
