"""A model's folder from a stranger: refused with a word on the file, whatever its bytes, fitting checksums or not."""

import json
from hashlib import sha256

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.mutate import fuzz, mutated_bytes, mutated_tree

from disbench.models import Vae, load_decoder, load_encoder, save_model
from disbench.training.checkpoint import Checkpoint, CheckpointFolder

FILES = ("model.json", "encoder.safetensors", "decoder.safetensors")


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    save_model(folder, Vae("conv", (16, 16, 1), 2, torch.Generator().manual_seed(0)), {"dataset": "toy"})
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = CheckpointFolder(tmp_path_factory.mktemp("run"))
    folder.save(Checkpoint(3, {"weight": torch.ones(4)}, [{"step": 3.0}]))
    return folder.newest().read_bytes()


def checksum(content):
    return f"sha256:{sha256(content).hexdigest()}"


def load(folder, files):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    for read in (load_encoder, load_decoder):
        try:
            read(folder)
        except (ValueError, OSError) as error:
            assert str(folder) in str(error)  # noqa: PT017


@fuzz
@given(data=st.data())
def test_mutated_bytes(tmp_path, valid, data):
    name = data.draw(st.sampled_from(FILES))
    load(tmp_path, valid | {name: data.draw(mutated_bytes(valid[name]))})


@fuzz
@given(data=st.data())
def test_mutated_values_with_a_fitting_checksum(tmp_path, valid, data):
    values = json.loads(valid["model.json"])
    del values["checksum"]
    values = data.draw(mutated_tree(values))
    if isinstance(values, dict):
        values["checksum"] = checksum(json.dumps(values, sort_keys=True).encode())
    load(tmp_path, valid | {"model.json": json.dumps(values).encode()})


@fuzz
@given(data=st.data())
def test_mutated_weights_with_a_fitting_checksum(tmp_path, valid, data):
    weights = data.draw(mutated_bytes(valid["encoder.safetensors"]))
    values = json.loads(valid["model.json"])
    del values["checksum"]
    values["weights"]["encoder"] = checksum(weights)
    values["checksum"] = checksum(json.dumps(values, sort_keys=True).encode())
    load(tmp_path, valid | {"encoder.safetensors": weights, "model.json": json.dumps(values).encode()})


@fuzz
@given(data=st.data())
def test_mutated_checkpoints_with_a_fitting_checksum(tmp_path, checkpoint, data):
    content = data.draw(mutated_bytes(checkpoint))
    path = tmp_path / f"{3:012}-{sha256(content).hexdigest()[:16]}.safetensors"
    path.write_bytes(content)
    try:
        CheckpointFolder(tmp_path).load()
    except (ValueError, OSError) as error:
        assert str(path) in str(error)  # noqa: PT017
    finally:
        path.unlink()
