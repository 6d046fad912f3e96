"""Disks that are full or cannot be written, memory that runs out: a message, and what was there is still there."""

import resource
import subprocess
import sys

import pytest
from tests.faults.stages import ENVIRONMENT, STAGES, digests, run, write_params


def limited(folder, stage, **limits):
    """Run a stage under limits of the operating system: bytes of a file, or of memory."""

    def set_limits():
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))

    result = subprocess.run(
        [sys.executable, "-m", "disbench", *STAGES.get(stage, stage).split()],
        cwd=folder, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        preexec_fn=set_limits, check=False, timeout=300,
    )  # fmt: skip
    return result.returncode, result.stdout


def outputs(folder):
    """SHA-256 of everything but what an unfinished run keeps to go on from."""
    return {name: digest for name, digest in digests(folder).items() if not name.startswith("data/checkpoints")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    write_params(folder)
    for stage in STAGES:
        code, output = run(folder, stage)
        assert code == 0, output
    return folder


def test_files_that_may_not_grow_leave_what_was_there_and_a_message(finished):
    """A quota: every stage is run again and cannot write its output."""
    before = outputs(finished)
    write_params(finished, seed=1)
    try:
        for stage, size in {"convert": 1_000, "train": 5_000, "postprocess": 5_000, "evaluate": 1}.items():
            code, output = limited(finished, stage, FSIZE=size)
            assert code == 1, f"{stage}: {output}"
            assert "Traceback" not in output, f"{stage}: {output}"
            assert "File too large" in output, f"{stage}: {output}"
    finally:
        write_params(finished)
    assert outputs(finished) == before


def test_too_little_memory_is_said_so_and_nothing_is_left(finished):
    before = outputs(finished)
    write_params(finished, batch_size=100_000_000)
    try:
        code, output = limited(finished, "train", AS=12 << 30)
    finally:
        write_params(finished)
    assert code == 1
    assert "not enough memory" in output
    assert "lower train.batch_size" in output
    assert "Traceback" not in output
    assert outputs(finished) == before


FULL_DISK = """
set -e
mount -t tmpfs -o size={size}k tmpfs {folder}/small
cd {folder}/small
cp ../params.yaml .
{python} -m disbench {stage}
"""


@pytest.mark.slow
@pytest.mark.parametrize(("stage", "size"), [("convert", 8), ("train", 512), ("postprocess", 24)])
def test_a_disk_that_is_full(finished, tmp_path, stage, size):
    """On a file system of its own, which takes the rights of a user namespace."""
    (tmp_path / "small").mkdir()
    write_params(tmp_path)
    command = STAGES[stage].replace("data/zarr", f"{finished}/data/zarr") if stage != "convert" else STAGES[stage]
    command = command.replace("--model data/run", f"--model {finished}/data/run") if stage == "postprocess" else command
    script = FULL_DISK.format(size=size, folder=tmp_path, python=sys.executable, stage=command)
    result = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", script],
        env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=300,
    )  # fmt: skip
    assert result.returncode == 1, result.stdout
    assert "No space left on device" in result.stdout
    assert "Traceback" not in result.stdout


READ_ONLY = """
set -e
mount --bind {folder} {folder}
mount -o remount,ro,bind {folder}
cd {folder}
{python} -m disbench {stage}
"""


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_a_disk_that_cannot_be_written(finished, stage):
    before = outputs(finished)
    script = READ_ONLY.format(folder=finished, python=sys.executable, stage=STAGES[stage])
    result = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", script],
        env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=300,
    )  # fmt: skip
    assert result.returncode == 1, result.stdout
    assert "Read-only file system" in result.stdout
    assert "Traceback" not in result.stdout
    assert outputs(finished) == before
