import os
import resource
from pathlib import Path

import pytest
from tests.fuzz import mutate

_ROOM = 2 << 30


@pytest.fixture(autouse=True)
def bounded_memory():
    """Whoever believes what a hostile file says of its size fails here instead of taking the machine's memory."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + _ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def pytest_terminal_summary(terminalreporter):
    """Say how many mutated inputs were read; the tests themselves only say that all were."""
    if os.environ.get("DISBENCH_FUZZ_EXAMPLES"):
        for name, number in sorted(mutate.executions.items()):
            terminalreporter.write_line(f"{number:>9,}  {name}")
    if mutate.executions:
        terminalreporter.write_line(f"{mutate.executions.total():>9,}  executions of fuzzed tests")
