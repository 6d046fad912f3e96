"""What a run leaves behind when it diverges, is stopped, killed, or finds the disk full."""

import errno
import os
import signal
import subprocess
import sys

import pytest
import torch

from disbench.objectives.beta_vae import BetaVae
from disbench.training import checkpoint, interrupt
from disbench.training.checkpoint import CheckpointFolder
from disbench.training.finite import DivergedError
from disbench.training.interrupt import InterruptedTrainingError
from disbench.training.loop import train
from tests import ROOT
from tests.training.test_loop import same, small_images, small_vae, weights_of


class Poisoned(BetaVae):
    """An objective whose term, or its gradient alone, is not a number from one step on."""

    def __init__(self, step, *, in_gradient=False):
        super().__init__()
        self.step, self.in_gradient = step, in_gradient

    def terms(self, posterior, z, step):
        terms = super().terms(posterior, z, step)
        if step >= self.step:
            bad = torch.zeros(()) if self.in_gradient else torch.tensor(float("inf"))
            # the gradient of the root at 0 is infinite, and its value is 0
            terms["extra"] = (posterior.mean.sum() * 0 + bad).sqrt()
        return terms | ({} if "extra" in terms else {"extra": torch.zeros(())})


def test_the_first_bad_step_and_term_are_named_although_the_log_comes_later(tmp_path):
    folder = CheckpointFolder(tmp_path)
    train(small_vae(), BetaVae(), small_images(), num_steps=3, batch_size=4, checkpoints=folder, checkpoint_seconds=0)
    good = folder.newest()
    message = rf"at step 18 the loss has \{{'extra': inf\}}; nothing was written. The last good checkpoint is {good}"
    rows = []
    with pytest.raises(DivergedError, match=message):
        train(
            small_vae(), Poisoned(17), small_images(), num_steps=50, batch_size=4, log_every=20, log=rows.append,
            checkpoints=folder,
        )  # fmt: skip
    assert [row["step"] for row in rows] == [3]
    assert folder.newest() == good


def test_a_checkpoint_never_holds_diverged_weights(tmp_path):
    """The loss of the step is finite; the update by an infinite gradient is not."""
    folder = CheckpointFolder(tmp_path)
    with pytest.raises(DivergedError, match=r"after step 6 these weights are not finite: vae\.encoder"):
        train(
            small_vae(), Poisoned(5, in_gradient=True), small_images(), num_steps=50, batch_size=4, log_every=20,
            checkpoints=folder, checkpoint_seconds=0,
        )  # fmt: skip
    assert folder.load().step == 5


def test_the_last_update_is_looked_at_too():
    with pytest.raises(DivergedError, match="after step 3 these weights"):
        train(small_vae(), Poisoned(2, in_gradient=True), small_images(), num_steps=3, batch_size=4)


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    folder = CheckpointFolder(tmp_path)
    options = {"batch_size": 4, "checkpoints": folder, "checkpoint_seconds": 0}
    undisturbed = small_vae()
    train(undisturbed, BetaVae(), small_images(), num_steps=6, batch_size=4)
    real = os.fsync
    calls = []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"checkpoint of step 4.*No space left.*Make room and start the same") as caught:
        train(small_vae(), BetaVae(), small_images(), num_steps=6, **options)
    assert caught.value.errno == errno.ENOSPC
    assert str(folder.newest()) in str(caught.value)
    assert folder.load().step == 3
    assert not list(tmp_path.glob(".*"))
    again = small_vae()
    train(again, BetaVae(), small_images(), num_steps=6, **options)
    assert same(weights_of(again), weights_of(undisturbed))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_writes_a_checkpoint_and_says_how_to_go_on(tmp_path, number):
    folder = CheckpointFolder(tmp_path)

    def stop(row):
        if row["step"] == 4:
            signal.raise_signal(number)

    with pytest.raises(InterruptedTrainingError, match=r"stopped after 4 of 9 steps; .* start the same command again"):
        train(
            small_vae(), BetaVae(), small_images(), num_steps=9, batch_size=4, log_every=2, log=stop, checkpoints=folder
        )
    assert folder.load().step == 4


def test_saving_takes_at_most_a_hundredth_of_the_time(tmp_path, monkeypatch):
    """A clock by which a step takes 1 s and a save 3 s: the next save comes 300 s later, not 10."""
    now = [0.0]
    saved = []
    monkeypatch.setattr(interrupt.time, "monotonic", lambda: now[0])

    def save(folder, state):
        saved.append(state.step)
        now[0] += 3

    monkeypatch.setattr(checkpoint.CheckpointFolder, "save", save)

    class Clocked(BetaVae):
        def terms(self, posterior, z, step):
            now[0] += 1
            return super().terms(posterior, z, step)

    train(
        small_vae(), Clocked(), small_images(), num_steps=350, batch_size=2, checkpoints=CheckpointFolder(tmp_path),
        checkpoint_seconds=10, log_every=1000,
    )  # fmt: skip
    assert saved == [10, 310]


KILLED = """
import os, signal, sys
from pathlib import Path
from disbench.objectives.beta_vae import BetaVae
from disbench.training.checkpoint import CheckpointFolder
from disbench.training.loop import train
from tests.training.test_loop import small_images, small_vae
import torch
torch.set_num_threads(1)
folder, at = Path(sys.argv[1]), int(sys.argv[2])
def kill(row):
    if row["step"] == at:
        os.kill(os.getpid(), signal.SIGKILL)
train(small_vae(), BetaVae(), small_images(), num_steps=12, batch_size=4, seed=2, log_every=1, log=kill,
      checkpoints=CheckpointFolder(folder), checkpoint_seconds=0)
"""


def test_a_run_killed_at_several_steps_ends_with_the_same_bytes(tmp_path):
    undisturbed = small_vae()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    options = {"num_steps": 12, "batch_size": 4, "seed": 2, "log_every": 1}
    train(undisturbed, BetaVae(), small_images(), **options)
    for at in torch.randperm(10, generator=torch.Generator().manual_seed(0))[:3].sort().values.tolist():
        command = [sys.executable, "-c", KILLED, str(tmp_path), str(at + 2)]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    resumed = small_vae()
    train(resumed, BetaVae(), small_images(), checkpoints=CheckpointFolder(tmp_path), **options)
    torch.set_num_threads(threads)
    assert same(weights_of(resumed), weights_of(undisturbed))
