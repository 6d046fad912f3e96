"""A stage that is killed at a random moment and started again ends with the same bytes."""

import random
import signal
import subprocess
import time

import pytest
from tests.faults.stages import STAGES, digests, run, start, write_params

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    write_params(folder)
    seconds = {}
    for stage in STAGES:
        began = time.monotonic()
        code, output = run(folder, stage)
        assert code == 0, output
        seconds[stage] = time.monotonic() - began
    return digests(folder), seconds


def run_with_kills(folder, seconds, num_kills, seed):
    """Run all stages, each killed `num_kills` times first; return how many were killed before they had ended."""
    rng = random.Random(seed)  # noqa: S311
    write_params(folder)
    killed = 0
    for stage in STAGES:
        for _ in range(num_kills):
            process = start(folder, stage)
            try:
                process.communicate(timeout=rng.uniform(0, 1.2 * seconds[stage]))
            except subprocess.TimeoutExpired:
                process.send_signal(rng.choice(SIGNALS))
                process.communicate(timeout=120)
                killed += 1
        code, output = run(folder, stage)
        assert code == 0, output
    return killed


def test_a_few_kills_change_nothing(tmp_path, undisturbed):
    expected, seconds = undisturbed
    assert run_with_kills(tmp_path, seconds, num_kills=1, seed=1) > 0
    assert digests(tmp_path) == expected


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_many_kills_change_nothing(tmp_path, undisturbed, seed):
    """Ten seeds with four stages of four kills each: 160 attempts."""
    expected, seconds = undisturbed
    killed = run_with_kills(tmp_path, seconds, num_kills=4, seed=seed)
    print(f"{killed} of 16 processes were killed before they had ended")
    assert killed >= 10
    assert digests(tmp_path) == expected
