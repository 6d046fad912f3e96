"""Ctrl-C while workers train: the same command goes on where they were."""

import os
import signal
import subprocess
import sys
from contextlib import chdir

import pytest
import torch
from tests.study.test_scale import wait_for

from disbench.study import results, schema
from disbench.study.compute import compute
from disbench.study.execute import execute, request_stop
from disbench.study.tasks import todo
from disbench.training.checkpoint import CheckpointFolder
from disbench.training.stopping import StoppedError

NUM_STEPS = 500
TRAIN = {
    "num_steps": NUM_STEPS, "batch_size": 8, "num_latents": 3, "architecture": "conv", "log_every": 20,
    "checkpoint_seconds": 3600,
}  # fmt: skip


def start(study, out, data, *options):
    command = ["-m", "disbench", "study", "run", study, "--out", str(out), "--data", str(data), *options]
    return subprocess.Popen(
        [sys.executable, *command], cwd=out.parent, start_new_session=True, text=True, stderr=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        # whoever runs the tests in the background of a shell ignores Ctrl-C, and so would the command
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def ended(process, code):
    _, said = process.communicate(timeout=300)
    assert process.returncode == code, said
    assert "Traceback" not in said
    return said.splitlines()


def saved(folder):
    """Step of the checkpoint of a run."""
    (found,) = (folder / "checkpoints").iterdir()
    return CheckpointFolder(found).load().step


@pytest.mark.slow
def test_every_worker_writes_a_checkpoint_and_the_next_start_goes_on_from_it(study, tmp_path, data):
    file, out = study(train=TRAIN, datasets=["tiny"], seeds=1), tmp_path / "out"
    first = start(file, out, data, "--jobs", "2")
    wait_for(lambda: len(list(out.glob("runs/*/train/plots/metrics/loss.tsv"))) == 2, 120)
    os.killpg(first.pid, signal.SIGINT)  # to the workers too, as a terminal does
    assert ended(first, 130)[-1].startswith("stopped: 0 runs finished and 0 failed now, 0 had ended before, 2 of 2")
    steps = {folder: saved(folder) for folder in (out / "runs").iterdir()}
    assert all(20 <= step < NUM_STEPS for step in steps.values()), "no other than that of the stop was due"
    assert ended(start(file, out, data, "--jobs", "2"), 0)[-1].endswith("0 of 2 are left")
    for folder, step in steps.items():
        assert f"go on from step {step:,}" in (folder / "log.txt").read_text()

    undisturbed = todo([schema.load(file).run(0)], tmp_path / "undisturbed", str(data)).tasks[0]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with chdir(tmp_path):  # DVCLive looks for a repository around the current folder
        execute(undisturbed, compute)
    torch.set_num_threads(threads)
    for weights in ("encoder.safetensors", "decoder.safetensors"):
        stopped = out / "runs" / undisturbed.fingerprint / "model" / weights
        assert stopped.read_bytes() == (undisturbed.folder / "model" / weights).read_bytes()


def test_a_run_that_is_stopped_while_scoring_keeps_its_scores(study, tmp_path, data, monkeypatch):
    task = todo([schema.load(study()).run(0)], tmp_path / "out", str(data)).tasks[0]
    from disbench import scoring

    def score_and_stop(metric, table, *, seed, **options):
        request_stop(task.session)
        return {"score": 1.0}

    with chdir(tmp_path), monkeypatch.context() as patch:
        patch.setattr(scoring, "evaluate", score_and_stop)
        assert execute(task, compute).status == "stopped"
    assert execute(task, compute).status == "stopped", "of this session no run is started any more"
    assert not (task.folder / results.NAME).exists()
    assert "stopped before mig of sampled" in (task.folder / "log.txt").read_text()
    again = todo([task.run], tmp_path / "out", str(data)).tasks[0]
    with chdir(tmp_path):
        assert execute(again, compute).status == "finished"
    assert results.read(task.folder / results.NAME).scores["mean"]["mig"] == {"score": 1.0}


def test_what_was_stopped_is_said_by_the_command(tmp_path, data, study, monkeypatch):
    from typer.testing import CliRunner

    from disbench.cli import app
    from disbench.study import reproduce

    def stopped(*arguments):
        raise StoppedError("stopped after 4 of 9 steps")

    monkeypatch.setattr(reproduce, "compute", stopped)
    command = ["reproduce", "--study", study(), "--data", str(data), "--out", str(tmp_path), "--model-num", "0"]
    done = CliRunner().invoke(app, [*command, "--no-pictures"])
    assert (done.exit_code, str(done.exception)) == (1, "disbench: stopped after 4 of 9 steps")
