"""Stores elsewhere: at an address that fsspec knows, such as https://, s3:// or gs://.

Training holds a set in memory and never reads it twice, so a store elsewhere is copied whole to the local disk, once
for a machine, and from there on is a store like any other.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import fsspec

from disbench.storage._arrays import StoreError, read_attributes
from disbench.storage._replace import METADATA, replacing


def local_copy(location: str) -> Path:
    """Path of a store: `location` itself if it is a path, or a copy of what is at the address, made if there is none.

    Copies are kept in the folder that DISBENCH_CACHE names, by default a folder of the user in the system's temporary
    one. A copy is renewed if the store at the address is another one by now.

    Raises
    ------
    StoreError
        There is no store at the address, it is unfinished, or a file of it is missing.
    """
    if "://" not in location:
        return Path(location)
    described = _read(location, METADATA)
    copy = _cache() / sha256(location.encode()).hexdigest()[:16] / location.rstrip("/").rpartition("/")[2]
    copy.parent.mkdir(parents=True, exist_ok=True)
    with (copy.parent / "lock").open("w") as lock:  # processes of one machine copy it once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (copy / METADATA).is_file() or (copy / METADATA).read_bytes() != described:
            with replacing(copy) as folder:
                (folder / METADATA).write_bytes(described)
                for array in read_attributes(folder)["arrays"]:
                    _copy_array(location, array, folder)
    return copy


def read_remote_attributes(location: str) -> dict[str, Any]:
    """Attributes of a store at a path or an address; of the latter nothing else is fetched.

    Raises
    ------
    StoreError
        There is no finished store.
    """
    if "://" not in location:
        return read_attributes(location)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, METADATA).write_bytes(_read(location, METADATA))
        return read_attributes(folder)


def _copy_array(location: str, array: str, folder: Path) -> None:
    described = _read(location, f"{array}/{METADATA}")
    (folder / array).mkdir()
    (folder / array / METADATA).write_bytes(described)
    for name in _shards(json.loads(described)):
        (folder / array / name).write_bytes(_read(location, f"{array}/{name}"))


def _shards(metadata: dict[str, Any]) -> Iterator[str]:
    """Names of the files of an array that is cut along its rows only."""
    num_rows, *others = metadata["shape"]
    height = metadata["chunk_grid"]["configuration"]["chunk_shape"][0]
    for shard in range(-(-num_rows // height)):
        yield ".".join(["c", str(shard), *["0"] * len(others)])


def _read(location: str, name: str) -> bytes:
    address = f"{location.rstrip('/')}/{name}"
    try:
        files, path = fsspec.core.url_to_fs(address)
        return bytes(files.cat_file(path))
    except FileNotFoundError:
        raise StoreError(f"{address}: no such file; expected a store at {location}") from None
    except (ImportError, ValueError) as error:
        raise StoreError(f"{address}: {error}") from error


def _cache() -> Path:
    own = Path(tempfile.gettempdir(), f"disbench-{os.getuid()}")
    return Path(os.environ.get("DISBENCH_CACHE", own))
