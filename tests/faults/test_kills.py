"""A stage that is killed at a random moment and started again ends with the same bytes."""

import os
import random
import shutil
import signal
import subprocess
import time

import pytest
from tests.faults.stages import PAGES, STAGES, digests, run, start, write_params

from disbench.workspace import find_leftovers, remove

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A workspace whose stages were not disturbed, and how many seconds each took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_params(folder)
    seconds = {}
    for stage in (*STAGES, *PAGES):
        began = time.monotonic()
        code, output = run(folder, stage)
        assert code == 0, output
        seconds[stage] = time.monotonic() - began
    return folder, seconds


def kill(folder, stage, seconds, num_kills, rng, **environment):
    """Kill a stage, with whatever it started, `num_kills` times at random moments; what ended before does not count."""
    for _ in range(num_kills):
        while True:
            began = time.monotonic()
            process = start(folder, stage, **environment)
            try:
                process.communicate(timeout=rng.uniform(0, seconds))
            except subprocess.TimeoutExpired:
                break
            seconds = time.monotonic() - began  # it takes that long now, on this machine as busy as it is
        os.killpg(process.pid, rng.choice(SIGNALS))
        process.communicate(timeout=120)


def run_with_kills(folder, seconds, num_kills, seed):
    """Run all stages, each killed `num_kills` times first."""
    rng = random.Random(seed)  # noqa: S311
    write_params(folder)
    for stage in STAGES:
        kill(folder, stage, seconds[stage], num_kills, rng)
        code, output = run(folder, stage)
        assert code == 0, output


def test_a_few_kills_change_nothing(tmp_path, undisturbed):
    folder, seconds = undisturbed
    run_with_kills(tmp_path, seconds, num_kills=1, seed=1)
    assert digests(tmp_path) == {name: known for name, known in digests(folder).items() if not is_page(name)}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_many_kills_change_nothing(tmp_path, undisturbed, seed):
    """Ten seeds with four stages of four kills each: 160 kills."""
    folder, seconds = undisturbed
    run_with_kills(tmp_path, seconds, num_kills=4, seed=seed)
    assert digests(tmp_path) == {name: known for name, known in digests(folder).items() if not is_page(name)}


def is_page(name):
    return name.startswith(("reports/pictures", "reports/report.html"))


def page_with_kills(undisturbed, tmp_path, stage, num_kills, seed):
    """Make pages again in a copy of a workspace, killed `num_kills` times first, and compare everything in it."""
    folder, seconds = undisturbed
    made, temporary = tmp_path / "made", tmp_path / "temporary"
    shutil.copytree(folder, made)
    temporary.mkdir()
    for output in ("reports/pictures", "reports/report.html") if stage == "visualize" else ("reports/report.html",):
        remove_output(made / output)
    rng = random.Random(seed)  # noqa: S311
    kill(made, stage, seconds[stage], num_kills, rng, TMPDIR=str(temporary))
    assert not list(temporary.iterdir()), "what was killed left something where `disbench clean` does not look"
    for name in PAGES if stage == "visualize" else ("report",):
        code, output = run(made, name, TMPDIR=str(temporary))
        assert code == 0, output
    for leftover in find_leftovers([made]):
        remove(leftover)
    assert digests(made) == digests(folder)


def remove_output(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def test_a_killed_report_is_made_again_as_it_was(undisturbed, tmp_path):
    page_with_kills(undisturbed, tmp_path, "report", num_kills=1, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("stage", PAGES)
@pytest.mark.parametrize("seed", range(4))
def test_pages_killed_many_times_are_made_again_as_they_were(undisturbed, tmp_path, stage, seed):
    page_with_kills(undisturbed, tmp_path, stage, num_kills=5, seed=seed)
