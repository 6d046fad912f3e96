"""A flipped bit in a stored artefact is noticed, and the message names the file and what to run."""

import random

import pytest
from tests.docs.snippets import make_workspace

from disbench.training.checkpoint import CheckpointFolder
from disbench.workspace import find_leftovers, remove, verify

ARTEFACTS = [
    "data/zarr/toy.zarr/zarr.json",
    "data/zarr/toy.zarr/images/zarr.json",
    "data/zarr/toy.zarr/images/c.0.0.0.0",
    "data/zarr/toy.zarr/factors/c.0.0",
    "data/run/table.zarr/mean/c.0.0",
    "data/run/table.zarr/log_variance/c.0.0",
    "data/run/table.zarr/factors/c.0.0",
    "data/run/model/encoder.safetensors",
    "data/run/model/decoder.safetensors",
    "data/run/model/model.json",
]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workspace")
    make_workspace(folder)
    return folder


def test_a_whole_workspace_has_no_mistake(workspace):
    found = list(verify([workspace / "data", workspace / "reports"]))
    assert {finding.what for finding in found} == {"model", "table", "image store"}
    assert [finding for finding in found if finding.mistake] == []


@pytest.mark.parametrize("name", ARTEFACTS)
def test_a_flipped_bit_is_noticed(workspace, name):
    path = workspace / name
    before = path.read_bytes()
    rng = random.Random(name)  # noqa: S311
    try:
        for _ in range(10):
            content = bytearray(before)
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            path.write_bytes(content)
            mistakes = [finding.mistake for finding in verify([workspace / "data"]) if finding.mistake]
            assert len(mistakes) == 1
            assert str(path.parent) in mistakes[0]
            assert "again" in mistakes[0]
    finally:
        path.write_bytes(before)


def test_leftovers_are_found_and_removed_and_nothing_else(tmp_path):
    run = tmp_path / "checkpoints" / ("a" * 32)
    for name in (".x.tmp", ".y.partial", ".y.partial.json", "kept.tmp", ".hidden"):
        (tmp_path / name).write_bytes(b"12345")
    (tmp_path / ".z.zarr.old/images").mkdir(parents=True)
    run.mkdir(parents=True)
    (run / "checkpoint.safetensors").write_bytes(b"1")
    for leftover in find_leftovers([tmp_path]):
        remove(leftover)
    assert {path.name for path in tmp_path.iterdir()} == {"kept.tmp", ".hidden", "checkpoints"}
    assert run.is_dir()
    with CheckpointFolder(run).locked():
        assert find_leftovers([tmp_path], checkpoints=True) == []
    assert [leftover.path for leftover in find_leftovers([tmp_path], checkpoints=True)] == [run]
