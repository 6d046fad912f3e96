"""Runs of a study that one worker trains together, against the same runs done alone."""

import os
import signal
from collections import Counter
from contextlib import chdir

import pytest
from tests.study import standin
from tests.study.test_interrupt import ended, start
from tests.study.test_scale import wait_for

from disbench.models import load_encoder
from disbench.study import pool, results, schema
from disbench.study.compute import compute, train_together
from disbench.study.execute import execute, execute_together
from disbench.study.groups import grouped
from disbench.study.results import NAME
from disbench.study.runner import run_all
from disbench.study.tasks import todo

TRAIN = {"num_steps": 4, "batch_size": 8, "num_latents": 3, "log_every": 2}


def parts(study, out, data, **options):
    """All runs, and tasks for those without a result."""
    loaded = schema.load(study)
    runs = [loaded.run(number) for number in range(loaded.num_runs)]
    return runs, todo(runs, out, str(data), **options).tasks


def numbers(groups):
    return [[task.run.number for task in group] for group in groups]


def test_groups_share_all_but_seed_and_numbers_and_stay_the_same(study, tmp_path, data):
    objectives = {
        "beta_vae": {"beta": [1, 4]},
        "factor_vae": {"gamma": [5], "permuted": ["same_batch", "second_batch"]},
    }
    file, out = study(objectives=objectives, seeds=2, datasets=["tiny"]), tmp_path / "out"
    runs, tasks = parts(file, out, data)
    assert numbers(grouped(tasks, runs, 3)) == [[0, 1, 2], [3], [4, 5], [6, 7]]
    assert numbers(grouped(tasks, runs, 1)) == [[number] for number in range(8)]
    assert numbers(grouped(tasks[1:], runs, 3)) == [[1, 2], [3], [4, 5], [6, 7]], "whatever is done already"
    (tasks[1].folder / "checkpoints").mkdir(parents=True)
    assert numbers(grouped(tasks, runs, 3)) == [[0, 2], [1], [3], [4, 5], [6, 7]], "it goes on from its own checkpoint"


@pytest.mark.parametrize(
    ("device", "gpu", "sizes"), [("auto", False, 1), ("auto", True, 8), ("cpu", True, 1), ("cuda", False, 8)]
)
def test_by_default_runs_are_together_on_a_gpu(study, tmp_path, data, device, gpu, sizes):
    train = {"num_steps": 4, "architecture": "fc", "device": device}
    runs, tasks = parts(study(train=train, seeds=4, datasets=["tiny"]), tmp_path / "out", data)
    assert {len(group) for group in grouped(tasks, runs, None, gpu=gpu)} == {sizes}


def test_results_are_those_of_runs_done_alone(study, tmp_path, data):
    file = study(datasets=["tiny"], train=TRAIN)
    _, tasks = parts(file, tmp_path / "together", data)
    _, alone = parts(file, tmp_path / "alone", data)
    with chdir(tmp_path):  # DVCLive looks for a repository around the current folder
        assert execute_together(tasks, train_together) is None
        for task, single in zip(tasks, alone, strict=True):
            assert (task.folder / "model" / "model.json").is_file()
            assert execute(task, compute).status == execute(single, compute).status == "finished"
    for task, single in zip(tasks, alone, strict=True):
        one, other = results.read(task.folder / NAME), results.read(single.folder / NAME)
        assert (one.fingerprint, one.parameters) == (other.fingerprint, other.parameters)
        assert one.training == pytest.approx(other.training, rel=1e-3, abs=1e-4)
        assert one.seconds["train"] > 0
        weights = load_encoder(single.folder / "model").state_dict()
        for name, value in load_encoder(task.folder / "model").state_dict().items():
            assert (value - weights[name]).abs().max() < 2e-5, name
        left = {path.name for path in task.folder.iterdir()}
        assert left == {path.name for path in single.folder.iterdir()}


def test_a_run_that_diverges_is_recorded_and_the_others_finish(study, tmp_path, data):
    file = study(datasets=["tiny"], seeds=1, train=TRAIN, objectives={"beta_vae": {"beta": [1, 1e39, 4]}})
    _, tasks = parts(file, tmp_path / "out", data)
    with chdir(tmp_path):
        assert execute_together(tasks, train_together) is None
        ends = [execute(task, compute).status for task in tasks]
    assert ends == ["finished", "failed", "finished"]
    assert results.read(tasks[1].folder / NAME).error.startswith("DivergedError: training diverged: at step 1 the loss")
    (retried,) = parts(file, tmp_path / "out", data, retry_failed=True)[1]
    assert retried.run.number == 1


def test_what_cannot_be_done_together_is_said_and_done_alone(study, tmp_path, data):
    runs, tasks = parts(study(datasets=["tiny"]), tmp_path / "out", data)
    said, done = [], []
    with pool.local(1) as connect:
        run_all(
            grouped(tasks, runs, 4), connect, standin.work, lambda outcome, num: done.append(outcome),
            joint_work=standin.impossible, note=said.append,
        )  # fmt: skip
    assert [outcome.status for outcome in done if outcome is not None] == ["finished"] * 4
    assert said == ["runs 0, 1, 2, 3 could not be trained together: MemoryError: no room"]
    assert "MemoryError: no room" in (tasks[2].folder / "log.txt").read_text()


def test_a_group_that_kills_its_workers_is_done_alone(study, tmp_path, data):
    runs, tasks = parts(study(datasets=["tiny"]), tmp_path / "out", data)
    done = []
    with pool.local(1) as connect:
        run_all(
            grouped(tasks, runs, 4), connect, standin.work, lambda outcome, num: done.append(outcome),
            joint_work=standin.deadly,
        )  # fmt: skip
    assert [outcome.status for outcome in done if outcome is not None] == ["finished"] * 4
    assert Counter((tmp_path / "out" / "notes").read_text().splitlines()) == Counter(
        {"together 0": 2, **{f"started {number}": 1 for number in range(4)}}
    )


@pytest.mark.slow
def test_a_group_that_was_interrupted_goes_on_from_its_checkpoint(study, tmp_path, data):
    train = {"num_steps": 120, "batch_size": 8, "num_latents": 3, "log_every": 10, "checkpoint_seconds": 3600}
    file, out = study(train=train, datasets=["tiny"], seeds=2), tmp_path / "out"
    first = start(file, out, data, "--together", "3")
    wait_for(lambda: len(list(out.glob("runs/*/train/plots/metrics/loss.tsv"))) == 3, 120)
    os.killpg(first.pid, signal.SIGINT)
    assert ended(first, 130)[-1].startswith("stopped: 0 runs finished")
    (kept,) = out.glob("runs/*/together/*/*.safetensors")
    step = int(kept.name.split("-")[0])
    assert 10 <= step < 120
    assert ended(start(file, out, data, "--together", "3"), 0)[-1].endswith("0 of 4 are left")
    assert f"go on from step {step:,}" in (kept.parents[2] / "log.txt").read_text()
    assert not list(out.glob("runs/*/together"))
    assert {result.status for result in results.read_all(out)} == {"finished"}
