"""A flipped bit in a stored artefact is noticed, and the message names the file and what to run."""

import hashlib
import json
import random

import pytest
import torch
import yaml
from tests.docs.snippets import make_workspace

from disbench.training.checkpoint import Checkpoint, CheckpointFolder
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
            assert "make it again with `d" in mistakes[0] or "/model/" in name
            assert "again" in mistakes[0]
    finally:
        path.write_bytes(before)


def flip_a_bit(path, seed=0):
    content = bytearray(path.read_bytes())
    rng = random.Random(seed)  # noqa: S311
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def only_mistake(folders, locks=()):
    mistakes = [finding.mistake for finding in verify(folders, locks) if finding.mistake]
    assert len(mistakes) == 1
    return mistakes[0]


def test_a_flipped_bit_of_a_checkpoint_is_noticed_and_the_one_before_is_loaded(tmp_path, capsys):
    folder = CheckpointFolder(tmp_path / "checkpoints" / ("a" * 32))
    with folder.locked():
        for step in (1, 2):
            folder.save(Checkpoint(step, {"weight": torch.full((100,), float(step))}, []))
    assert [finding.mistake for finding in verify([tmp_path])] == [None]
    newest = folder.newest()
    flip_a_bit(newest)
    assert str(newest) in only_mistake([tmp_path])
    assert folder.load().step == 1
    assert str(newest) in capsys.readouterr().out


def test_a_flipped_bit_of_a_raw_file_is_noticed(tmp_path):
    raw = tmp_path / "raw/mine"
    raw.mkdir(parents=True)
    (raw / "images.npz").write_bytes(bytes(1000))
    digest = hashlib.sha256(bytes(1000)).hexdigest()
    (raw / "fetched.json").write_text(json.dumps({"files": {"images.npz": {"sha256": digest}}}))
    assert [finding.mistake for finding in verify([tmp_path])] == [None]
    flip_a_bit(raw / "images.npz")
    mistake = only_mistake([tmp_path])
    assert str(raw / "images.npz") in mistake
    assert "fetch again" in mistake


def test_a_flipped_bit_of_a_result_is_noticed_beside_the_lock_file(tmp_path):
    scores = tmp_path / "reports/metrics/mig.json"
    scores.parent.mkdir(parents=True)
    scores.write_text('{"discrete_mig": 0.25}')
    digest = hashlib.md5(scores.read_bytes(), usedforsecurity=False).hexdigest()
    lock = tmp_path / "dvc.lock"
    out = {"path": "reports/metrics/mig.json", "hash": "md5", "md5": digest}
    lock.write_text(yaml.safe_dump({"schema": "2.0", "stages": {"evaluate@mig": {"cmd": "x", "outs": [out]}}}))
    assert [finding.mistake for finding in verify([], [lock])] == [None]
    flip_a_bit(scores)
    mistake = only_mistake([], [lock])
    assert str(scores) in mistake
    assert "dvc repro --force evaluate@mig" in mistake


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
