"""A store from a stranger: refused with a word on the file, whatever its bytes and even with fitting checksums."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.docs.snippets import make_workspace
from tests.fuzz.mutate import fuzz, mutated_bytes, mutated_tree

from disbench.storage import open_dataset, open_table
from disbench.workspace import verify

ROOT = Path("zarr.json")
STORES = {"data/zarr/toy.zarr": open_dataset, "data/run/table.zarr": open_table}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workspace")
    make_workspace(folder)
    return folder


@pytest.fixture(params=STORES)
def store(request, workspace, tmp_path):
    """A folder of its own, its files as they should be, and the function that opens it."""
    folder = workspace / request.param
    files = {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    return tmp_path / "copy.zarr", files, STORES[request.param]


def digest(content):
    return hashlib.sha256(content).hexdigest()


def read(folder, files, open_it):
    """Write a store and read all of it, or be refused with a word on where it is."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    assert all(finding.mistake is None or str(folder) in finding.mistake for finding in verify([folder]))
    try:
        opened = open_it(folder)
        if open_it is open_dataset:
            images = opened.images(np.arange(opened.space.num_states))
            assert images.dtype == np.uint8
            assert images.shape == (opened.space.num_states, *opened.image_shape)
            opened.extras()
        else:
            assert opened.mean.shape == (opened.space.num_states, opened.num_latents)
    except (ValueError, OSError) as error:
        assert str(folder) in str(error)  # noqa: PT017
    except MemoryError as error:  # at once, and with the size that was asked for
        assert "allocate" in str(error)  # noqa: PT017


@fuzz
@given(data=st.data())
def test_mutated_bytes(store, data):
    folder, files, open_it = store
    name = data.draw(st.sampled_from(list(files)))
    read(folder, files | {name: data.draw(mutated_bytes(files[name]))}, open_it)


def described(files, attributes):
    """Give a store other attributes, with the checksum that they should have."""
    if isinstance(attributes, dict):
        attributes = {**attributes, "attributes_sha256": digest(json.dumps(attributes, sort_keys=True).encode())}
    metadata = {**json.loads(files[ROOT]), "attributes": attributes}
    return files | {ROOT: json.dumps(metadata).encode()}


def attributes_of(files):
    attributes = json.loads(files[ROOT])["attributes"]
    del attributes["attributes_sha256"]
    return attributes


@fuzz
@given(data=st.data())
def test_mutated_attributes_with_a_fitting_checksum(store, data):
    folder, files, open_it = store
    read(folder, described(files, data.draw(mutated_tree(attributes_of(files)))), open_it)


@fuzz
@given(data=st.data())
def test_mutated_metadata_of_an_array_with_a_fitting_checksum(store, data):
    folder, files, open_it = store
    attributes = attributes_of(files)
    name = data.draw(st.sampled_from(sorted(attributes["arrays"])))
    path = Path(name) / "zarr.json"
    content = json.dumps(data.draw(mutated_tree(json.loads(files[path])))).encode()
    attributes["arrays"][name] = digest(content)
    read(folder, described(files | {path: content}, attributes), open_it)
