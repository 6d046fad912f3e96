"""A whole study of thousands with a stand-in, and one of 24 real runs; workers are killed in both."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
from tests import ROOT
from tests.study import standin
from tests.study.conftest import write_store

from disbench import storage
from disbench.factors import FactorSpace
from disbench.stages.convert import convert
from disbench.study import results, schema
from disbench.study.conduct import Place, conduct

STUDY = """
name: study24
datasets: [toy, bars]
objectives:
  beta_vae: {beta: [1, 8]}
  dip_vae_i: {lambda_od: [2, 20]}
  beta_tc_vae: {beta: [2, 8]}
seeds: 2
train: {num_steps: 60, batch_size: 16, num_latents: 5, learning_rate: 0.001, checkpoint_seconds: 2}
representations: [mean, sampled]
metrics:
  mig: {num_train: 1000}
  sap: {num_train: 1000, num_test: 500}
  factor_vae: {num_train: 500, num_eval: 300, num_variance_estimate: 1000}
  dci: {num_train: 500, num_test: 200}
"""


def write_bars(path: Path) -> None:
    """A horizontal and a vertical bar, each at one of 12 places and of one of 2 widths: 576 images."""
    space = FactorSpace(("row", "column", "height", "width"), (12, 12, 2, 2))
    row, column, height, width = space.states(np.arange(space.num_states)).T[..., None, None]
    y, x = np.arange(16)[:, None], np.arange(16)[None, :]
    bars = ((y >= row + 1) & (y <= row + 1 + height)) | ((x >= column + 1) & (x <= column + 1 + width))
    with storage.create_dataset(path, space, (16, 16, 1), binary=False) as writer:
        writer.write(np.arange(space.num_states), 255 * bars.astype(np.uint8)[..., None])
        writer.require_all_rows()
        writer.attributes.update(name="bars", observation="plain")


def num_results(out: Path) -> int:
    return len(list(out.glob("runs/*/result.json")))


def wait_for(condition, seconds=900.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_24_real_runs_with_a_kill_and_a_stop_in_the_middle(tmp_path):
    convert("toy", tmp_path / "stores/toy.zarr")
    write_bars(tmp_path / "stores/bars.zarr")
    (tmp_path / "study24.yaml").write_text(STUDY)
    out = tmp_path / "study24"
    command = [sys.executable, "-m", "disbench", "study", "run", "study24.yaml", "--jobs", "2", "--data", "stores"]

    def start():
        return subprocess.Popen(
            [*command, "--out", str(out)], cwd=tmp_path, start_new_session=True, text=True, stderr=subprocess.PIPE,
            # whoever runs the tests in the background of a shell ignores Ctrl-C, and so would the command
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

    first = start()
    wait_for(lambda: num_results(out) >= 4)
    workers = [child for child in psutil.Process(first.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    workers[0].kill()
    wait_for(lambda: num_results(out) >= 9)
    os.killpg(first.pid, signal.SIGINT)  # as Ctrl-C on a terminal does
    _, said = first.communicate(timeout=120)
    assert first.returncode == 130, said
    assert said.splitlines()[-1].startswith("stopped: "), said
    assert "Traceback" not in said
    before = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/result.json")}
    assert 9 <= len(before) < 24

    second = start()
    _, said = second.communicate(timeout=1800)
    assert second.returncode == 0, said
    assert said.splitlines()[-1].endswith("0 of 24 are left")
    assert {path: path.stat().st_mtime_ns for path in before} == before, "finished runs are not repeated"
    found = list(results.read_all(out))
    assert sorted(result.number for result in found) == list(range(24))
    assert {result.status for result in found} == {"finished"}
    assert {len(result.scores["sampled"]) for result in found} == {4}


class Dask:
    """A scheduler and two workers, each a process of its own, over TCP."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = (folder / "dask.log").open("w")
        self.environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}

    def start(self) -> None:
        host = ["--host", "127.0.0.1", "--no-dashboard"]
        address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler = self._process("scheduler", *host, "--port", str(self.port))
        wait_for(self._listens)
        self.workers = self._process("worker", address, *host, "--nworkers", "2", "--nthreads", "1")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        for process in (self.scheduler, self.workers):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def kill_a_worker(self, rng: random.Random) -> bool:
        children = [child for child in psutil.Process(self.workers.pid).children() if "spawn" in str(child.cmdline())]
        if len(children) == 2:
            rng.choice(children).kill()
        return len(children) == 2

    def _process(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            env=self.environment, stdout=self.log, stderr=self.log, start_new_session=True,
        )  # fmt: skip


@contextmanager
def disturbed(dask: Dask, out: Path, counts: Counter, num_runs: int):
    """Kill a worker every now and then, and the scheduler with all its workers once, half-way."""
    ended, rng = threading.Event(), random.Random(0)  # noqa: S311

    def disturb() -> None:
        next_kill = num_runs // 60
        while not ended.wait(0.2):
            num_started = num_lines(out / "notes")
            if not counts["scheduler"] and num_started > num_runs // 2:
                dask.kill()
                counts["scheduler"] += 1
                dask.start()
            elif num_started > next_kill and dask.kill_a_worker(rng):
                counts["worker"] += 1
                next_kill = num_started + rng.randrange(num_runs // 60, num_runs // 12)

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def num_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.slow
@pytest.mark.parametrize("num_runs", [600, 12600])
def test_runs_of_the_published_study_with_killed_workers_and_a_new_scheduler(tmp_path, num_runs):
    study = schema.load("unsupervised_study_v1")
    for seed, name in enumerate(study.datasets):
        write_store(tmp_path / f"stores/{name}.zarr", seed)
    out, counts, said = tmp_path / "out", Counter(), []
    dask = Dask(tmp_path)
    dask.start()
    began = time.monotonic()
    try:
        with disturbed(dask, out, counts, num_runs):
            place = Place(scheduler=f"tcp://127.0.0.1:{dask.port}")
            tally = conduct(
                study.name,
                out,
                str(tmp_path / "stores"),
                place,
                where=f"number<{num_runs}",
                work=standin.work,
                say=said.append,
            )
    finally:
        dask.kill()
        dask.log.close()
    seconds = time.monotonic() - began
    print(f"{num_runs:,} runs in {seconds:.0f} s, {1000 * seconds / num_runs:.1f} ms a run; killed {dict(counts)}")
    assert (tally.num_finished, tally.num_failed) == (num_runs, 0), said
    found = [results.read(path) for path in results.paths(out)]
    assert sorted(result.number for result in found) == list(range(num_runs))
    notes = Counter((out / "notes").read_text().splitlines())
    assert [note for note in notes if note.startswith("again")] == [], "no run is started that has a result"
    assert counts["scheduler"] == 1
    assert counts["worker"] > 0
    assert notes.total() - num_runs <= counts["worker"] + 2 * counts["scheduler"]
