"""Stores behind an address."""

import numpy as np
import pytest
from tests.http_server import serving
from tests.study.conftest import write_store

from disbench import storage
from disbench.study.tasks import data_checksums


@pytest.fixture
def served(data, monkeypatch, tmp_path):
    monkeypatch.setenv("DISBENCH_CACHE", str(tmp_path / "cache"))
    with serving() as server:
        for path in data.rglob("*"):
            if path.is_file():
                server.files[f"/{path.relative_to(data)}"] = path.read_bytes()
        yield server


def test_a_store_behind_an_address_is_copied_once(served, data):
    address = f"{served.url}/tiny.zarr"
    copy = storage.open_dataset(storage.local_copy(address))
    original = storage.open_dataset(data / "tiny.zarr")
    np.testing.assert_array_equal(copy.load(), original.load())
    assert copy.checksum == original.checksum
    served.asked.clear()
    storage.local_copy(address)
    assert {path for path, _ in served.asked} == {"/tiny.zarr/zarr.json"}


def test_a_store_that_changed_is_copied_again(served, tmp_path):
    address = f"{served.url}/tiny.zarr"
    storage.local_copy(address)
    write_store(tmp_path / "tiny.zarr", seed=9)
    for path in (tmp_path / "tiny.zarr").rglob("*"):
        if path.is_file():
            served.files[f"/{path.relative_to(tmp_path)}"] = path.read_bytes()
    copy = storage.open_dataset(storage.local_copy(address))
    assert copy.checksum == storage.open_dataset(tmp_path / "tiny.zarr").checksum


def test_checksums_are_read_without_the_images(served, data):
    found = data_checksums(["tiny"], served.url)
    assert found == {"tiny": storage.open_dataset(data / "tiny.zarr").checksum}
    assert {path for path, _ in served.asked} == {"/tiny.zarr/zarr.json"}


def test_a_missing_file_is_named_and_leaves_no_copy(served, tmp_path):
    del served.files["/tiny.zarr/images/c.0.0.0.0"]
    with pytest.raises(storage.StoreError, match=r"images/c\.0\.0\.0\.0: no such file"):
        storage.local_copy(f"{served.url}/tiny.zarr")
    assert list((tmp_path / "cache").rglob("zarr.json")) == []
    with pytest.raises(ValueError, match=r"none\.zarr/zarr\.json: no such file"):
        data_checksums(["none"], served.url)


def test_an_unknown_protocol_is_named():
    with pytest.raises(storage.StoreError, match="nope"):
        storage.local_copy("nope://bucket/tiny.zarr")


def test_a_path_is_itself(data):
    assert storage.local_copy(str(data / "tiny.zarr")) == data / "tiny.zarr"
