"""A fetch that is killed at random moments goes on from where it was, and ends with the same files."""

import hashlib
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.faults.stages import ENVIRONMENT
from tests.http_server import Server, serving

FILES = {f"/{name}.bin": np.random.default_rng(size).bytes(size) for name, size in (("a", 3_000_000), ("b", 2_000_000))}
FETCH = """
import sys
import time
from pathlib import Path
from disbench.datasets._origin import Origin, RawFile
from disbench.stages.fetch import fetch_files
url, out, size, digest = sys.argv[1:]
known = RawFile("a.bin", (f"{url}/a.bin",), int(size), digest)
fetch_files(Origin("robots", "MIT", "", "", (known, RawFile("b.bin", (f"{url}/b.bin",)))), Path(out))
"""


def start(server: Server, out: Path) -> subprocess.Popen[str]:
    known = FILES["/a.bin"]
    facts = [server.url, str(out), str(len(known)), hashlib.sha256(known).hexdigest()]
    return subprocess.Popen([sys.executable, "-c", FETCH, *facts], env=ENVIRONMENT, text=True, stderr=subprocess.PIPE)


def fetch_with_kills(out: Path, num_kills: int, seed: int) -> list[tuple[str, str | None]]:
    """Kill a fetch `num_kills` times after a random number of bytes, then let it end; return what was asked for."""
    rng = random.Random(seed)  # noqa: S311
    with serving(files=FILES, pause=0.02) as server:
        for _ in range(num_kills):
            process = start(server, out)
            enough = rng.randint(received(out), sum(map(len, FILES.values())))
            while received(out) < enough and process.poll() is None:
                time.sleep(0.005)
            process.send_signal(rng.choice((signal.SIGKILL, signal.SIGTERM)))
            process.communicate(timeout=60)
        server.pause = 0
        process = start(server, out)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    return server.asked


def received(out: Path) -> int:
    return sum(path.stat().st_size for path in [*out.glob("*.bin"), *out.glob(".*.partial")])


def require_same_files(out: Path) -> None:
    assert sorted(path.name for path in out.iterdir()) == ["a.bin", "b.bin", "fetched.json"]
    for name, content in FILES.items():
        assert (out / name[1:]).read_bytes() == content


def test_a_few_kills_change_nothing_and_lose_nothing(tmp_path: Path) -> None:
    asked = fetch_with_kills(tmp_path / "out", num_kills=2, seed=0)
    require_same_files(tmp_path / "out")
    assert any(wanted for _, wanted in asked), "no fetch went on from where the one before was"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_many_kills_change_nothing(tmp_path: Path, seed: int) -> None:
    fetch_with_kills(tmp_path / "out", num_kills=8, seed=seed)
    require_same_files(tmp_path / "out")
